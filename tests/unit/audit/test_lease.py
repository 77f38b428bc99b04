from datetime import timedelta

import pytest

from audit import lease
from audit.lease import StaleSequencer
from logbook import NOON
from service.database import Database

LATER = NOON + timedelta(seconds=10)


@pytest.fixture(autouse=True)
def registered(database: Database) -> None:
    for _ in range(2):  # twice: what is there stays
        with database.write() as session:
            lease.lock(session, "studio")


def take(database: Database, holder: str, now: object = NOON) -> lease.Lease | None:
    with database.write() as session:
        return lease.take(session, "studio", holder, now, now + timedelta(seconds=10))  # type: ignore[operator, arg-type]


def test_a_free_lease_is_taken_by_one(database: Database) -> None:
    assert take(database, "worker") == lease.Lease("studio", "worker", 1)
    assert take(database, "api") is None


def test_a_lease_that_ran_out_is_taken_over_with_a_greater_token(database: Database) -> None:
    take(database, "worker")

    assert take(database, "api", LATER - timedelta(microseconds=1)) is None
    assert take(database, "api", LATER) == lease.Lease("studio", "api", 2)


def test_a_lease_given_back_is_free_at_once(database: Database) -> None:
    held = take(database, "worker")
    assert held
    with database.write() as session:
        lease.release(session, held)

    assert take(database, "api") is not None


def test_a_process_takes_its_own_lease_again_after_a_restart(database: Database) -> None:
    take(database, "worker")

    assert take(database, "worker") == lease.Lease("studio", "worker", 2)


def test_who_was_overtaken_is_stale_and_gives_nothing_back(database: Database) -> None:
    old = take(database, "worker")
    new = take(database, "api", LATER)
    assert old
    assert new

    with database.write() as session, pytest.raises(StaleSequencer):
        lease.hold(session, old, LATER)
    with database.write() as session:
        lease.release(session, old)

    assert take(database, "third", LATER) is None
    with database.write() as session:
        lease.hold(session, new, LATER + timedelta(seconds=10))


def test_a_second_life_under_the_same_name_fences_the_first(database: Database) -> None:
    first = take(database, "worker")
    take(database, "worker")
    assert first

    with database.write() as session, pytest.raises(StaleSequencer):
        lease.hold(session, first, LATER)


def test_tenants_have_leases_of_their_own(database: Database) -> None:
    take(database, "worker")
    with database.write() as session:
        lease.lock(session, "rival")
        assert lease.take(session, "rival", "api", NOON, LATER)
