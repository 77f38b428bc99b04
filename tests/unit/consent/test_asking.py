"""A request for consent, from the asking to her answer: all, part, narrower, or no and then peace."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlmodel import Session

from audit.fact import Subject
from audit.keystore import KeyStore, SubjectKeys
from audit.leaf import Leaf
from audit.rewrapping import KeyDamaged
from consent import requests
from consent.asking import LINK_LASTS, Answered, Asking, TooSoon, Way
from consent.asking_errors import (
    AnswerWider,
    LinkInvalid,
    NotToBeAsked,
    RequestClosed,
    RequestUnknown,
    TermAsked,
)
from consent.authorization import Authorization, Request, draw_up
from consent.capacity import Capacity
from consent.cooldown import refusals
from consent.errors import AuthorizationRefused, KeyNotEnrolled, NoticeUnknown
from consent.estates import Estates
from consent.notice import read_notice
from consent.requests import ConsentRequest, Extent, State
from consent.scope import Scope
from consent.signature import sign, to_sign
from consent.words import AgeBand, Purpose, Status
from consenting import NOON, SWAP, House, Somebody, a_scope, notice
from proofs import PAPER
from service.database import Database

SOON = NOON + timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def her(database: Database, house: House) -> Somebody:
    with database.write() as session:
        house.publish(session, NOON)
        return house.enrol(session, NOON)


def wish(house: House, person: Somebody, **changes: Any) -> Request:
    scope = a_scope(changes.pop("at", NOON), **changes)
    return Request(house.tenant, person.id, scope, Capacity(AgeBand.ADULT))


def ask(database: Database, house: House, person: Somebody, **changes: Any) -> ConsentRequest:
    found = tried(database, house, person, **changes)
    assert isinstance(found, ConsentRequest)
    return found


def tried(database: Database, house: House, person: Somebody, **changes: Any) -> ConsentRequest | TooSoon:
    now, days = changes.get("at", NOON), changes.pop("ask_again_days", 90)
    with database.write() as session:
        asked = wish(house, person, **changes)
        return Asking(house.registry).ask(session, asked, notice(), by="studio", now=now, ask_again_days=days)


@pytest.mark.parametrize("age", [AgeBand.UNDER_14, AgeBand.FROM_14_TO_17, AgeBand.UNKNOWN])
def test_who_is_not_of_age_is_not_asked(database: Database, house: House, age: AgeBand) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        young = house.enrol(session, NOON, age)

    with pytest.raises(NotToBeAsked, match="of age"):
        ask(database, house, young)


def test_the_dead_are_not_asked(database: Database, house: House, her: Somebody) -> None:
    with database.write() as session:
        Estates(house.registry, house.portraits).record(session, her.id, PAPER, by="operator-1", now=NOON)

    with pytest.raises(NotToBeAsked, match="deceased"):
        ask(database, house, her)


def answer(
    database: Database, house: House, person: Somebody, request: str, document: Authorization
) -> Answered:
    evidence = sign(person.private, to_sign(document.encoded)).encoded
    with database.write() as session:
        return Asking(house.registry).answer(
            session, request, document.encoded, evidence, way=Way.OWN_SESSION, now=SOON
        )


def refuse(database: Database, house: House, request: str, at: Any = SOON) -> ConsentRequest:
    with database.write() as session:
        return Asking(house.registry).refuse(session, request, way=Way.OWN_SESSION, now=at)


def said(database: Database, house: House, request: str, at: Any = SOON) -> ConsentRequest:
    with database.read() as session:
        return requests.find(session, house.ledger, request, now=at)


def test_she_gives_all_of_it_by_signing_what_was_drawn_up(
    database: Database, house: House, her: Somebody
) -> None:
    asked = ask(database, house, her)
    assert asked.state is State.REQUESTED
    assert set(asked.statuses.values()) == {Status.REQUESTED}

    done = answer(database, house, her, asked.id, asked.document)

    assert (done.request.state, done.request.extent) == (State.ANSWERED, Extent.WHOLE)
    assert done.request.authorization == done.granted.authorization == asked.document.id
    assert set(done.request.statuses.values()) == {Status.GIVEN}
    with database.read() as session:
        standing = house.registry.standings(session, house.tenant, [asked.document.id], now=SOON, lock=None)[
            asked.document.id
        ]
    assert standing.in_force(Purpose.USER_SWAP)
    assert asked.id.encode() not in standing.document.encoded, "the document refers to nothing but itself"


def test_she_gives_some_purposes_and_has_said_no_to_the_rest(
    database: Database, house: House, her: Somebody
) -> None:
    asked = ask(database, house, her)
    part = frozenset({Purpose.MATCHING, Purpose.REMOTE_STORE_TRANSMIT})
    less = Asking(house.registry).draw(asked, notice(), None, part, now=SOON)

    done = answer(database, house, her, asked.id, less)

    assert done.request.extent is Extent.PART
    assert done.request.declined == SWAP - part
    assert done.request.statuses[Purpose.USER_SWAP] is Status.REFUSED
    assert done.request.statuses[Purpose.MATCHING] is Status.GIVEN
    with database.read() as session:
        declined = refusals(session, house.tenant, her.id, NOON)
    assert declined.keys() == SWAP - part


def test_she_gives_it_narrower(database: Database, house: House, her: Somebody) -> None:
    asked = ask(database, house, her)
    scope = replace(asked.document.scope, max_uses={Purpose.USER_SWAP: 5})
    less = Asking(house.registry).draw(asked, notice(), scope, None, now=SOON)

    done = answer(database, house, her, asked.id, less)

    assert (done.request.extent, done.request.declined) == (Extent.NARROWER, frozenset())


def wider(asked: Authorization, house: House, her: Somebody) -> dict[str, Authorization]:
    """What she was not asked, each signed by herself."""

    def drawn(scope: Scope, **changes: Any) -> Authorization:
        request = Request(house.tenant, her.id, scope, Capacity(AgeBand.ADULT), **changes)
        return draw_up(request, notice(), now=NOON, entropy=house.entropy)

    return {
        "platforms": drawn(replace(asked.scope, platforms=frozenset({"app", "web"}))),
        "description": drawn(replace(asked.scope, description=asked.scope.description + " And more.")),
        "portrait_licence": drawn(asked.scope, portrait_licence="a" * 64),
    }


@pytest.mark.parametrize("what", ["platforms", "description", "portrait_licence"])
def test_an_answer_that_gives_what_was_not_asked_is_refused(
    what: str, database: Database, house: House, her: Somebody
) -> None:
    asked = ask(database, house, her)

    with pytest.raises(AnswerWider, match=what):
        answer(database, house, her, asked.id, wider(asked.document, house, her)[what])

    assert said(database, house, asked.id).state is State.REQUESTED


def test_nobody_answers_for_her(database: Database, house: House, her: Somebody) -> None:
    with database.write() as session:
        other = house.enrol(session, NOON)
    asked = ask(database, house, her)
    theirs = draw_up(wish(house, other), notice(), now=NOON, entropy=house.entropy)

    with pytest.raises(KeyNotEnrolled):
        answer(database, house, other, asked.id, asked.document)
    with pytest.raises(AnswerWider, match="person"):
        answer(database, house, other, asked.id, theirs)


def test_a_request_is_answered_once(database: Database, house: House, her: Somebody) -> None:
    asked = ask(database, house, her)
    refused = refuse(database, house, asked.id)

    assert set(refused.statuses.values()) == {Status.REFUSED}
    with pytest.raises(RequestClosed, match="refused"):
        answer(database, house, her, asked.id, asked.document)
    with pytest.raises(RequestClosed):
        refuse(database, house, asked.id)
    with pytest.raises(RequestUnknown):
        refuse(database, house, "0" * 32)


def test_who_said_no_is_not_asked_the_same_again_for_ninety_days_and_the_attempt_is_logged(
    database: Database, house: House, her: Somebody
) -> None:
    refuse(database, house, ask(database, house, her).id)
    before = entries(database, house, her)

    soon = tried(database, house, her, at=SOON + 89 * DAY)
    other = tried(database, house, her, at=SOON + 89 * DAY, **another_purpose())
    late = tried(database, house, her, at=SOON + 90 * DAY)

    assert isinstance(soon, TooSoon)
    assert soon.purposes == SWAP
    assert soon.again_at == SOON + 90 * DAY
    assert isinstance(other, ConsentRequest), "another purpose is another question"
    assert isinstance(late, ConsentRequest)
    assert entries(database, house, her)[len(before) :] == [
        "ConsentRequestBarred",
        "ConsentRequested",
        "ConsentRequested",
    ]


def test_how_long_she_is_left_in_peace_is_the_tenant_s_to_say(
    database: Database, house: House, her: Somebody
) -> None:
    refuse(database, house, ask(database, house, her).id)

    assert isinstance(tried(database, house, her, at=SOON + 8 * DAY, ask_again_days=7), ConsentRequest)
    assert isinstance(tried(database, house, her, at=SOON + 91 * DAY, ask_again_days=365), TooSoon)


def test_a_refusal_binds_nobody_but_whom_she_refused(database: Database, house: House, her: Somebody) -> None:
    refuse(database, house, ask(database, house, her).id)
    with database.write() as session:
        other = house.enrol(session, NOON)

        assert refusals(session, house.tenant, other.id, NOON) == {}
        assert refusals(session, "other", her.id, NOON) == {}
        assert refusals(session, house.tenant, her.id, NOON).keys() == SWAP


def another_purpose() -> dict[str, Any]:
    return {"purposes": frozenset({Purpose.PREVIEW}), "max_uses": {}, "retention": {}}


def entries(database: Database, house: House, her: Somebody) -> list[str]:
    with database.read() as session:
        found = house.ledger.entries_of(session, Subject("person", her.id))
        return [Leaf.parse(entry.leaf).t for entry in found]


def test_a_request_lapses_by_itself_and_a_sweep_writes_it_down_once(
    database: Database, house: House, her: Somebody
) -> None:
    asked = ask(database, house, her)
    late = asked.until

    assert said(database, house, asked.id, late).state is State.LAPSED
    with pytest.raises(RequestClosed, match="lapsed"):
        refuse(database, house, asked.id, late)
    with database.write() as session:
        first = Asking(house.registry).lapse(session, now=late)
        again = Asking(house.registry).lapse(session, now=late)
        declined = refusals(session, house.tenant, her.id, NOON)
    assert (first, again) == ((asked.id,), ())
    assert declined == {}, "silence is not a no"
    assert entries(database, house, her)[-1] == "ConsentRequestLapsed"


def test_requests_lapse_beside_one_of_a_person_whose_keys_are_damaged(
    database: Database, house: House, her: Somebody
) -> None:
    with database.write() as session:
        other = house.enrol(session, NOON)
    asked = {one.id: ask(database, house, one) for one in (her, other)}
    late, keys = asked[her.id].until, KeyStore.get_or_create

    def damaged(store: KeyStore, subject: Subject) -> SubjectKeys:
        if subject.id == her.id:
            raise KeyDamaged("x")
        return keys(store, subject)

    with patch.object(KeyStore, "get_or_create", damaged), database.write() as session:
        lapsed = Asking(house.registry).lapse(session, now=late)
    assert lapsed == (asked[other.id].id,)

    with database.write() as session:
        assert Asking(house.registry).lapse(session, now=late) == (asked[her.id].id,)
    assert entries(database, house, her)[-1] == "ConsentRequestLapsed"


def test_whoever_asked_may_take_it_back(database: Database, house: House, her: Somebody) -> None:
    asked = ask(database, house, her)
    with database.write() as session:
        gone = Asking(house.registry).cancel(session, asked.id, by="studio", now=SOON)

    assert gone.state is State.CANCELLED
    assert set(gone.statuses.values()) == {Status.UNKNOWN}
    with pytest.raises(RequestClosed, match="cancelled"):
        answer(database, house, her, asked.id, asked.document)


def linked(database: Database, house: House, request: str, at: Any = NOON) -> str:
    with database.write() as session:
        return Asking(house.registry).link(session, request, by="studio", now=at)


def opened(database: Database, house: House, token: str, at: Any = SOON) -> ConsentRequest:
    with database.read() as session:
        return Asking(house.registry).by_link(session, token, now=at)


def test_a_link_opens_its_request_until_it_is_answered(
    database: Database, house: House, her: Somebody
) -> None:
    asked = ask(database, house, her)
    token = linked(database, house, asked.id)

    assert opened(database, house, token).id == opened(database, house, token).id == asked.id
    refuse(database, house, asked.id)
    with pytest.raises(LinkInvalid):
        opened(database, house, token)


def test_a_link_ends_and_is_replaced_and_is_not_stored(
    database: Database, house: House, her: Somebody
) -> None:
    asked = ask(database, house, her)
    first = linked(database, house, asked.id)
    second = linked(database, house, asked.id)

    for wrong in (first, second[:-1], second.upper(), f"{'0' * 32}.{second[33:]}", "", "."):
        with pytest.raises(LinkInvalid):
            opened(database, house, wrong)
    with pytest.raises(LinkInvalid):
        opened(database, house, second, NOON + LINK_LASTS)
    assert opened(database, house, second, NOON + LINK_LASTS - timedelta(seconds=1)).id == asked.id
    with database.read() as session:
        row = session.connection().exec_driver_sql("SELECT * FROM consent_request").one()
    assert second[33:] not in repr(row)


def test_what_could_not_be_registered_is_not_asked(database: Database, house: House, her: Somebody) -> None:
    asking = Asking(house.registry)
    stranger = read_notice(notice().text.replace("- version: 1", "- version: 2").encode())
    with database.write() as session:
        with pytest.raises(NoticeUnknown):
            asking.ask(session, wish(house, her), stranger, by="studio", now=NOON)
        bare = {"purposes": frozenset(), "max_uses": {}, "retention": {}}
        with pytest.raises(AuthorizationRefused, match="no purpose"):
            asking.ask(session, wish(house, her, **bare), notice(), by="studio", now=NOON)
        for wait in (timedelta(0), 31 * DAY):
            with pytest.raises(TermAsked):
                asking.ask(session, wish(house, her), notice(), by="studio", now=NOON, wait=wait)
    with database.read() as session:
        assert requests.of_person(session, house.ledger, her.id, now=NOON) == ()


def test_two_answers_at_once_are_one(database: Database, house: House, her: Somebody) -> None:
    """The row is the lock: whoever waited for it reads what the first has made of it."""
    import threading

    asked = ask(database, house, her)
    outcomes: list[str] = []

    def one() -> None:
        try:
            refuse(database, house, asked.id)
            outcomes.append("refused")
        except RequestClosed:
            outcomes.append("closed")

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["closed", "closed", "closed", "refused"]


def test_her_requests_are_hers_alone(database: Database, house: House, her: Somebody) -> None:
    with database.write() as session:
        other = house.enrol(session, NOON)
    first, second = ask(database, house, her), ask(database, house, her, at=SOON)

    def listed(session: Session, person: str) -> list[str]:
        return [one.id for one in requests.of_person(session, house.ledger, person, now=SOON)]

    with database.read() as session:
        assert listed(session, her.id) == [second.id, first.id]
        assert listed(session, other.id) == []
