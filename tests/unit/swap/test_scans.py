"""Scans that were asked for: one at a time for a template, each attempt fences the one before."""

from datetime import timedelta

import pytest

from service.database import Database
from shelved import NOON, TENANT, an_id, announced
from swap import scans
from swap.errors import NoSuchThing, WrongState
from swap.scans import State


@pytest.fixture
def template(database: Database) -> str:
    with database.write() as session:
        return announced(session)


def asked(database: Database, template: str, *, at=NOON) -> str:
    order = an_id()
    with database.write() as session:
        scans.add(session, TENANT, order, template, "operator-1", now=at)
    return order


def ended(database: Database, order: str, state: State = State.DONE) -> None:
    with database.write() as session:
        attempt = scans.begin(session, TENANT, order, now=NOON)
        assert scans.end(session, TENANT, attempt, state, decision="d" * 32, now=NOON)


def test_a_template_is_scanned_by_one_order_at_a_time(database: Database, template: str) -> None:
    first = asked(database, template)

    with pytest.raises(WrongState, match=first):
        asked(database, template)

    ended(database, first)
    second = asked(database, template, at=NOON + timedelta(minutes=1))
    with database.read() as session:
        last = scans.last(session, TENANT, template)
    assert last is not None
    assert last.id == second


def test_an_attempt_fences_the_one_before(database: Database, template: str) -> None:
    order = asked(database, template)
    with database.write() as session:
        first = scans.begin(session, TENANT, order, now=NOON)
        assert scans.tell(session, TENANT, first, done=5, total=20, now=NOON)
    with database.write() as session:
        second = scans.begin(session, TENANT, order, now=NOON)

    assert (first.attempt, second.attempt) == (1, 2)
    assert (second.done, second.total) == (0, None)
    with database.write() as session:
        assert not scans.tell(session, TENANT, first, done=9, total=20, now=NOON)
        assert not scans.end(session, TENANT, first, State.FAILED, outcome="CANCELLED", now=NOON)
        assert scans.end(session, TENANT, second, State.DONE, decision="d" * 32, now=NOON)


@pytest.mark.parametrize("state", [State.DONE, State.FAILED])
def test_what_has_ended_stays_as_it_ended(state: State, database: Database, template: str) -> None:
    order = asked(database, template)
    ended(database, order, state)

    with database.write() as session:
        again = scans.begin(session, TENANT, order, now=NOON)
        assert not scans.end(session, TENANT, again, State.FAILED, outcome="X", now=NOON)
    with database.read() as session:
        found = scans.get(session, TENANT, order)
    assert (found.state, found.attempt, found.outcome) == (state, 1, None)
    assert found.state.final


def test_another_tenant_has_no_such_scan(database: Database, template: str) -> None:
    order = asked(database, template)

    with database.write() as session:
        with pytest.raises(NoSuchThing):
            scans.get(session, "other", order)
        with pytest.raises(NoSuchThing):
            scans.begin(session, "other", order, now=NOON)
        assert scans.last(session, "other", template) is None
