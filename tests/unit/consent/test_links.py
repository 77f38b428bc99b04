"""A link is for one act of one person, once, and for a while."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from audit.fact import Subject
from consent.ceremony import RegistrationWrong
from consent.links import (
    CHALLENGE_HOLDS,
    KEPT,
    LONGEST,
    Act,
    LinkForAnotherAct,
    Links,
    LinkSpent,
    LinkUnknown,
)
from consenting import NOON, House
from service.database import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def house(tmp_path):  # type: ignore[no-untyped-def]
    return House.build(tmp_path / "house")


def links_of(house: House) -> Links:
    return Links(house.ledger, house.entropy)


def issued(session: Session, house: House, act: Act = Act.ENROL, person: str = "", **more: object) -> str:
    who = person or house.enrol(session, NOON).id
    token, _ = links_of(house).issue(session, act, who, by="operator-1", holds=HOUR, now=NOON, **more)  # type: ignore[arg-type]
    return token


def test_a_link_says_what_it_is_for_until_it_is_used(database: Database, house: House) -> None:
    links = links_of(house)
    with database.write() as session:
        token = issued(session, house, Act.GRANT, document=b"document")
        link = links.open(session, token, now=NOON)
        assert (link.act, link.document, link.by) == (Act.GRANT, b"document", "operator-1")
        said = house.ledger.opened(session, link.entry, Subject("person", link.person))
        assert said is not None
        assert said["act"] == "grant"
        assert token not in str(said)

        assert links.spend(session, token, Act.GRANT, now=NOON) == link

    with database.write() as session:
        for again in (lambda: links.open(session, token, now=NOON), lambda: _spend(links, session, token)):
            with pytest.raises(LinkSpent):
                again()


def _spend(links: Links, session: Session, token: str) -> object:
    return links.spend(session, token, Act.GRANT, now=NOON)


def test_a_link_ends_by_itself_and_none_holds_longer_than_a_week(database: Database, house: House) -> None:
    links = links_of(house)
    with database.write() as session:
        person = house.enrol(session, NOON).id
        token, link = links.issue(
            session, Act.ENROL, person, by="operator-1", holds=timedelta(days=400), now=NOON
        )

        assert link.expires_at == NOON + LONGEST
        with pytest.raises(LinkSpent):
            links.open(session, token, now=link.expires_at)


def test_a_link_is_for_its_own_act(database: Database, house: House) -> None:
    links = links_of(house)
    with database.write() as session:
        token = issued(session, house, Act.ENROL)
        with pytest.raises(LinkForAnotherAct):
            links.spend(session, token, Act.GRANT, now=NOON)
        with pytest.raises(LinkUnknown):
            links.open(session, "A" * 43, now=NOON)


def test_a_new_link_to_enrol_puts_her_earlier_one_aside_and_nobody_elses(
    database: Database, house: House
) -> None:
    links = links_of(house)
    with database.write() as session:
        person = house.enrol(session, NOON).id
        others, to_sign = issued(session, house), issued(session, house, Act.GRANT, person, document=b"d")
        first, second = issued(session, house, person=person), issued(session, house, person=person)

        with pytest.raises(LinkUnknown):
            links.open(session, first, now=NOON)
        for kept in (second, others, to_sign):
            assert links.open(session, kept, now=NOON)


def test_a_link_of_another_tenant_is_none_here(database: Database, house: House, tmp_path) -> None:  # type: ignore[no-untyped-def]
    other = House.build(tmp_path / "other", "other", seed=8)
    with database.write() as session:
        token = issued(session, other)
        with pytest.raises(LinkUnknown):
            links_of(house).open(session, token, now=NOON)


def test_a_challenge_is_for_one_answer_within_five_minutes(database: Database, house: House) -> None:
    links = links_of(house)
    with database.write() as session:
        token = issued(session, house)
        with pytest.raises(RegistrationWrong):
            links.take_challenge(session, token, now=NOON)

        _, older = links.challenge(session, token, now=NOON)
        _, challenge = links.challenge(session, token, now=NOON)
        assert older != challenge
        assert links.take_challenge(session, token, now=NOON) == challenge
        with pytest.raises(RegistrationWrong):
            links.take_challenge(session, token, now=NOON)

        links.challenge(session, token, now=NOON)
        with pytest.raises(RegistrationWrong):
            links.take_challenge(session, token, now=NOON + CHALLENGE_HOLDS)


def test_what_is_over_is_deleted_a_day_later(database: Database, house: House) -> None:
    links = links_of(house)
    with database.write() as session:
        token = issued(session, house)
        end = NOON + HOUR + KEPT
        assert links.purge(session, now=end - HOUR) == 0
        assert links.purge(session, now=end) == 1
        with pytest.raises(LinkUnknown):
            links.open(session, token, now=NOON)
