"""Withdrawal against those who rely on the consent, at the same moment, on both databases."""

import random
import threading
import time
from datetime import timedelta

from consent.withdrawal import By, How
from consent.words import Purpose
from consenting import NOON, Effects, House
from service.database import Database

TRIALS = 40
LATER = NOON + timedelta(hours=1)


def race(
    database: Database, house: House, authorization: str, pauses: list[float]
) -> tuple[float | None, float]:
    """When a user of the consent began to commit, if at all, and when its withdrawal had returned."""
    start = threading.Barrier(2)
    committing: list[float] = []
    returned: list[float] = []

    def use() -> None:
        start.wait()
        time.sleep(pauses[0])
        with database.write() as session:
            found = house.registry.standings(session, "default", [authorization], now=LATER, lock="share")
            if found[authorization].in_force(Purpose.USER_SWAP):
                time.sleep(pauses[1])
                house.registry.reserve_use(session, "default", authorization, Purpose.USER_SWAP)
                committing.append(time.perf_counter())

    def withdraw() -> None:
        start.wait()
        time.sleep(pauses[2])
        with database.write() as session:
            by = By(How.OWN_SESSION, "her")
            house.registry.withdraw(session, Effects(), authorization, by=by, now=LATER)
        returned.append(time.perf_counter())

    threads = [threading.Thread(target=run) for run in (use, withdraw)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (committing[0] if committing else None), returned[0]


def test_nothing_that_rests_on_a_consent_commits_after_its_withdrawal_returned(
    database: Database, house: House
) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        somebody = house.enrol(session, NOON)
        granted = [house.grant(session, somebody, NOON).authorization for _ in range(TRIALS)]
    jitter = random.Random(4)
    used, violations = 0, 0

    for authorization in granted:
        # Held longer than a withdrawal takes: without the locks it would return in between.
        pauses = [jitter.random() * longest for longest in (0.01, 0.06, 0.02)]
        committing, returned = race(database, house, authorization, pauses)
        used += committing is not None
        violations += committing is not None and committing > returned

    assert violations == 0
    assert 0 < used < TRIALS, "the race never went both ways: the test shows nothing"


def test_two_who_withdraw_at_once_write_one_event(database: Database, house: House) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        granted = house.grant(session, house.enrol(session, NOON), NOON)
    start = threading.Barrier(8)
    heads: list[str] = []

    def withdraw() -> None:
        start.wait()
        with database.write() as session:
            answer = house.registry.withdraw(
                session, Effects(), granted.authorization, by=By(How.OWN_SESSION, "her"), now=LATER
            )
        heads.append(answer.entry)

    threads = [threading.Thread(target=withdraw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(heads) == 8
    assert len(set(heads)) == 1
    with database.read() as session:
        ids = [granted.authorization]
        found = house.registry.standings(session, "default", ids, now=LATER, lock=None)
    assert found[granted.authorization].head == heads[0]
