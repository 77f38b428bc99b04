"""Redemption and release racing a withdrawal: nothing commits after the withdrawal returned.

Sound check: a violation is a COMMIT of the user's that was issued after the withdrawal had returned to
its caller. `CONSENTRY_RACES` sets how often each race is run.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import Session

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


def redeemed(session: Session, room: Room, permit: Permit, pause: float) -> bool:
    def slowly(session: Session, leaf_hash: str) -> str | None:
        # Inside the transaction, after the consents were read: here a withdrawal would slip through.
        time.sleep(pause)
        return covered(session, leaf_hash)

    answer = room.permits.redeem(session, permit.token, room.run(permit), LATER, slowly)
    return isinstance(answer, Redemption)


def released(session: Session, room: Room, permit: Permit, pause: float) -> bool:
    answer = room.gate.recheck(session, permit.id, job="job-1", attempt=1, output=GOOD, now=LATER)
    time.sleep(pause)
    if isinstance(answer, Permit):
        room.permits.finish(session, permit.id, job="job-1", attempt=1)
    return isinstance(answer, Permit)


def decided(session: Session, room: Room, permit: Permit, pause: float) -> bool:
    performed = next(a for a, _ in permit.body.authorizations if a != room.given)
    people = (_performing(room, performed), room.people[1])
    answer = room.gate.decide(session, room.case(people=people), LATER)
    time.sleep(pause)
    return isinstance(answer, Permit)


def _performing(room: Room, authorization: str) -> object:
    performer = room.people[0]
    return type(performer)(performer.person, performer.role, authorization, performer.portrait_licence)


def _permits(database: Database, room: Room, *, running: bool) -> list[tuple[str, Permit]]:
    """A permit on an authorization of its own, as often as a batch needs."""
    made = []
    with database.write() as session:
        for _ in range(BATCH):
            authorization = room.house.grant(session, room.performer, NOON).authorization
            case = room.case(people=(_performing(room, authorization), room.people[1]))
            permit = room.gate.decide(session, case, NOON)
            assert isinstance(permit, Permit)
            if running:
                answer = room.permits.redeem(session, permit.token, room.run(permit), NOON, covered)
                assert isinstance(answer, Redemption)
            made.append((authorization, permit))
    return made


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("use", [redeemed, released, decided], ids=lambda use: use.__name__)
def test_nothing_commits_after_a_withdrawal_returned(
    database: Database, tmp_path: Path, use: Callable[[Session, Room, Permit, float], bool]
) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", uses=None)
    jitter = random.Random(11)
    trials, won, violations = 0, 0, 0
    failures: list[BaseException] = []

    while trials < TRIALS:
        for authorization, permit in _permits(database, room, running=use is released):
            start = threading.Barrier(2)
            committing: list[float] = []
            returned: list[float] = []
            yes: list[bool] = []
            pauses = [jitter.random() * 0.004, jitter.random() * 0.006, jitter.random() * 0.008]

            def publish(permit: Permit = permit, pauses: list[float] = pauses) -> None:
                try:
                    start.wait()
                    time.sleep(pauses[0])
                    with database.write() as session:
                        event.listen(session, "before_commit", lambda _: committing.append(time.monotonic()))
                        yes.append(use(session, room, permit, pauses[1]))
                except BaseException as failure:  # noqa: BLE001 (a thread's failure must fail the test)
                    failures.append(failure)

            def withdraw(authorization: str = authorization, pauses: list[float] = pauses) -> None:
                try:
                    start.wait()
                    time.sleep(pauses[2])
                    with database.write() as session:
                        room.house.registry.withdraw(session, room.permits, authorization, by=HERS, now=LATER)
                    returned.append(time.monotonic())
                except BaseException as failure:  # noqa: BLE001 (a thread's failure must fail the test)
                    failures.append(failure)

            threads = [threading.Thread(target=run) for run in (publish, withdraw)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert failures == []
            trials += 1
            won += yes[0]
            violations += yes[0] and committing[0] > returned[0]

    assert violations == 0
    assert 0 < won < trials, "the race never went both ways: the test shows nothing"
    room.house.keystore.close()
