from datetime import timedelta
from pathlib import Path

import pytest

from audit.fact import Subject
from consent.errors import DocumentMalformed, KeyNotEnrolled, KeyTaken, PersonUnknown
from consent.person import Proof
from consent.signature import keygen
from consent.words import AgeBand, ProofLevel
from consenting import NOON, House, shared
from service.database import Database


def test_enrolling_says_how_it_is_known_who_she_is(database: Database, house: House) -> None:
    with database.write() as session:
        somebody = house.enrol(session, NOON)

    with database.read() as session:
        person = house.registry.people.get(session, somebody.id)
        logged = house.ledger.opened(session, person.entry, Subject("person", person.id))

    assert person == somebody.person
    proof = Proof(ProofLevel.VERIFIED_IDENTITY, "operator-1", "video call", attested_at=NOON)
    assert person.proof == proof
    assert person.age is AgeBand.ADULT
    assert logged is not None
    assert set(logged) == {"person", "proof", "by", "how", "age", "at", "attested_at"}


def test_nobody_else_can_open_her_enrolment(database: Database, house: House) -> None:
    with database.write() as session:
        hers, his = house.enrol(session, NOON), house.enrol(session, NOON)

    with database.read() as session:
        assert house.ledger.opened(session, hers.person.entry, Subject("person", his.id)) is None


def test_a_person_is_unknown_in_another_tenant(database: Database, house: House, tmp_path: Path) -> None:
    other = House.build(tmp_path / "other", "other", seed=8)
    with database.write() as session:
        somebody = house.enrol(session, NOON)

        with pytest.raises(PersonUnknown):
            other.registry.people.get(session, somebody.id)
        with pytest.raises(PersonUnknown):
            other.registry.people.enrol_key(session, somebody.id, "a" * 64, by="x", now=NOON)
    other.keystore.close()


def test_a_key_belongs_to_one_person(database: Database, house: House) -> None:
    with database.write() as session:
        hers, his = house.enrol(session, NOON), house.enrol(session, NOON)

        with pytest.raises(KeyTaken):
            house.registry.people.enrol_key(session, his.id, hers.public, by=his.id, now=NOON)


@pytest.mark.parametrize("key", ["", "a" * 63, "A" * 64, "g" * 64])
def test_a_key_that_is_none_is_refused(database: Database, house: House, key: str) -> None:
    with database.write() as session:
        somebody = house.enrol(session, NOON)

        with pytest.raises(DocumentMalformed):
            house.registry.people.enrol_key(session, somebody.id, key, by="x", now=NOON)


def test_a_key_is_retired_once_and_a_new_one_takes_its_place(database: Database, house: House) -> None:
    people, later = house.registry.people, NOON + timedelta(hours=1)
    _, fresh = keygen(shared(99))
    with database.write() as session:
        somebody = house.enrol(session, NOON)
        people.retire_key(session, somebody.id, somebody.public, by=somebody.id, now=later)
        people.enrol_key(session, somebody.id, fresh, by=somebody.id, now=later)

        with pytest.raises(KeyNotEnrolled):
            people.retire_key(session, somebody.id, somebody.public, by=somebody.id, now=later)

    with database.read() as session:
        keys = people.keys(session, somebody.id)

    assert [(key.key, key.since, key.until) for key in keys] == [
        (somebody.public, NOON, later),
        (fresh, later, None),
    ]


def test_another_persons_key_can_not_be_retired(database: Database, house: House) -> None:
    with database.write() as session:
        hers, his = house.enrol(session, NOON), house.enrol(session, NOON)

        with pytest.raises(KeyNotEnrolled):
            house.registry.people.retire_key(session, his.id, hers.public, by=his.id, now=NOON)


@pytest.mark.parametrize("how", ["", " padded ", "line\nbreak"])
def test_how_it_is_known_is_said_in_plain_words(database: Database, house: House, how: str) -> None:
    with database.write() as session, pytest.raises(DocumentMalformed):
        house.registry.people.enrol(
            session, Proof(ProofLevel.LIVE_CAPTURE, "operator-1", how), AgeBand.ADULT, now=NOON
        )
