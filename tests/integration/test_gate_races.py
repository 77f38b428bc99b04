"""Redemption and release racing a withdrawal: nothing commits after the withdrawal returned.

Sound check: a violation is a COMMIT of the user's that was issued after the withdrawal had returned to
its caller. `CONSENTRY_RACES` sets how often each race is run.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import event
from sqlmodel import Session

from consent.case import Case
from consent.permit import Permit
from consent.redemption import Redemption
from consent.withdrawal import By, How
from consenting import NOON
from gating import GOOD, Room, a_room, covered
from service.database import Database

TRIALS = int(os.environ.get("CONSENTRY_RACES", "150"))
BATCH = 25
LATER = NOON + timedelta(minutes=1)
HERS = By(How.OWN_SESSION, "her")


def redeemed(session: Session, race: "Race") -> bool:
    def slowly(session: Session, leaf_hash: str) -> str | None:
        # Inside the transaction, after the consents were read: here a withdrawal would slip through.
        time.sleep(race.pauses[1])
        return covered(session, leaf_hash)

    permit = race.held()
    answer = race.room.permits.redeem(session, permit.token, race.room.run(permit), LATER, slowly)
    return isinstance(answer, Redemption)


def released(session: Session, race: "Race") -> bool:
    permit = race.held()
    answer = race.room.gate.recheck(session, permit.id, job="job-1", attempt=1, output=GOOD, now=LATER)
    time.sleep(race.pauses[1])
    if isinstance(answer, Permit):
        race.room.permits.finish(session, permit.id, job="job-1", attempt=1)
    return isinstance(answer, Permit)


def decided(session: Session, race: "Race") -> bool:
    case = _case(race.room, race.authorization)
    answer = race.room.gate.decide(session, case, LATER)
    time.sleep(race.pauses[1])
    return isinstance(answer, Permit)


def _case(room: Room, authorization: str) -> Case:
    performer, donor = room.people
    return room.case(people=(replace(performer, authorization=authorization), donor))


def _ready(database: Database, room: Room, use: "Use") -> list[tuple[str, Permit | None]]:
    """Consents nothing rests on yet, or a permit on each, or a running job on each."""
    made: list[tuple[str, Permit | None]] = []
    with database.write() as session:
        for _ in range(BATCH):
            authorization = room.house.grant(session, room.performer, NOON).authorization
            permit = None if use is decided else room.gate.decide(session, _case(room, authorization), NOON)
            assert permit is None or isinstance(permit, Permit)
            if use is released and permit is not None:
                answer = room.permits.redeem(session, permit.token, room.run(permit), NOON, covered)
                assert isinstance(answer, Redemption)
            made.append((authorization, permit))
    return made


@dataclass
class Race:
    """One permit used by one thread while another withdraws the consent it rests on."""

    database: Database
    room: Room
    authorization: str
    permit: Permit | None
    use: "Use"
    pauses: list[float]
    start: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))
    committing: float = 0.0
    returned: float = 0.0
    used: bool = False
    failures: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        threads = [
            threading.Thread(target=self._guard, args=[part]) for part in (self._publish, self._withdraw)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.failures == []

    def held(self) -> Permit:
        assert self.permit is not None
        return self.permit

    @property
    def violated(self) -> bool:
        return self.used and self.committing > self.returned

    def _guard(self, part: Callable[[], None]) -> None:
        try:
            self.start.wait()
            part()
        except BaseException as failure:  # noqa: BLE001 (a thread's failure must fail the test)
            self.failures.append(failure)

    def _publish(self) -> None:
        time.sleep(self.pauses[0])
        with self.database.write() as session:
            event.listen(session, "before_commit", self._note)
            self.used = self.use(session, self)

    def _note(self, _session: Session) -> None:
        self.committing = time.monotonic()

    def _withdraw(self) -> None:
        time.sleep(self.pauses[2])
        with self.database.write() as session:
            registry = self.room.house.registry
            registry.withdraw(session, self.room.permits, self.authorization, by=HERS, now=LATER)
        self.returned = time.monotonic()


Use: TypeAlias = Callable[[Session, Race], bool]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("use", [redeemed, released, decided], ids=lambda use: use.__name__)
def test_nothing_commits_after_a_withdrawal_returned(database: Database, tmp_path: Path, use: Use) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", uses=None)
    jitter = random.Random(11)
    races: list[Race] = []

    while len(races) < TRIALS:
        for authorization, permit in _ready(database, room, use):
            # Held longer than a withdrawal takes: without the locks it would return in between.
            pauses = [jitter.random() * longest for longest in (0.01, 0.06, 0.02)]
            race = Race(database, room, authorization, permit, use, pauses)
            race.run()
            races.append(race)

    assert sum(race.violated for race in races) == 0
    won = sum(race.used for race in races)
    assert 0 < won < len(races), "the race never went both ways: the test shows nothing"
    room.house.keystore.close()
