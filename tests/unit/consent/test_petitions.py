"""Petitions: due in so many days, answered once with reasons, and kept to their tenant."""

from datetime import timedelta

import pytest

from consent.errors import DocumentMalformed, PersonUnknown
from consent.petitions import (
    Kind,
    Outcome,
    PetitionAnswered,
    Petitions,
    PetitionUnknown,
    Waiting,
    waiting,
)
from consenting import NOON, House
from service.database import Database


def petitions(house: House, days: int = 15) -> Petitions:
    return Petitions(house.ledger, house.entropy, timedelta(days=days))


def test_a_petition_waits_until_it_is_answered_and_is_overdue_at_its_date(
    house: House, database: Database
) -> None:
    # Given two petitions
    with database.write() as session:
        person = house.enrol(session, NOON).id
        asked = petitions(house).ask(session, person, Kind.DELETE, "all of it", by=person, now=NOON)
        petitions(house, 30).ask(session, person, Kind.COPY, "", by=person, now=NOON)
    due = NOON + timedelta(days=15)

    # Then the first is due first
    with database.read() as session:
        assert asked.due_at == due
        before = waiting(session, house.tenant, now=due - timedelta(seconds=1))
        assert before == Waiting(2, 0, due)
        assert waiting(session, house.tenant, now=due) == Waiting(2, 1, due)
        assert waiting(session, "other", now=due) == Waiting(0, 0, None)
        assert [one.kind for one in petitions(house).open(session)] == [Kind.DELETE, Kind.COPY]

    # And answered late it is answered, once.
    with database.write() as session:
        done = petitions(house).answer(
            session, asked.id, Outcome.PARTLY, "evidence stays", by="desk", now=due + timedelta(days=1)
        )
        assert waiting(session, house.tenant, now=due).overdue == 0
        words = petitions(house).words(session, done)
        assert (words.asked, words.reasons) == ("all of it", "evidence stays")
        with pytest.raises(PetitionAnswered):
            petitions(house).answer(session, asked.id, Outcome.DONE, "no", by="desk", now=due)


def test_what_is_asked_of_nobody_or_answered_without_reasons_is_refused(
    house: House, database: Database
) -> None:
    with database.write() as session:
        person = house.enrol(session, NOON).id
        asked = petitions(house).ask(session, person, Kind.ACCESS, "", by=person, now=NOON)
        with pytest.raises(PersonUnknown):
            petitions(house).ask(session, "0" * 32, Kind.ACCESS, "", by="desk", now=NOON)
        with pytest.raises(DocumentMalformed):
            petitions(house).answer(session, asked.id, Outcome.REFUSED, "", by="desk", now=NOON)
        with pytest.raises(PetitionUnknown):
            petitions(house).answer(session, "0" * 32, Outcome.DONE, "done", by="desk", now=NOON)


def test_what_she_wrote_is_in_no_row(house: House, database: Database) -> None:
    with database.write() as session:
        person = house.enrol(session, NOON).id
        petitions(house).ask(session, person, Kind.EXPLAIN, "why was I refused", by=person, now=NOON)
        rows = session.connection().exec_driver_sql("SELECT * FROM petition").all()

    assert "why" not in repr(rows)
