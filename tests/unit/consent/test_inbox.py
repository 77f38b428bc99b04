from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from audit.fact import Fact, Part, Seal, Subject
from consent import docket
from consent.case import Appearance, Case, Mode
from consent.errors import PersonUnknown
from consent.inbox import Inbox, inbox
from consent.keychanges import What
from consent.objection import Objection, Severity
from consent.question import Stage
from consent.signature import keygen
from consent.withdrawal import By, How
from consent.words import Action, Purpose, Role, Status
from consenting import NOON, Effects, House, Somebody
from service.database import Database

LATER = NOON + timedelta(hours=1)


def an_objection(rule: str, person: str | None) -> Objection:
    return Objection(
        rule, "PIPL 29", "No.", "否。", Severity.DENY, "Ask her.", "请征求同意。", "PERFORMER", person
    )


def decide(session: Session, house: House, at: datetime, *people: Somebody) -> str:
    """A refusal about a scan that names these people, filed as the gate files it."""
    cast = tuple(Appearance(person.id, Role.PERFORMER) for person in people)
    question = Case(Action.SCAN, "default", Mode.DEMO, "studio", cast, template="t-1")
    decision = f"{at.minute:032x}"
    part = Part(Subject("tenant", "default"), Seal.EVID, {"decision": decision})
    entry = house.ledger.append(session, Fact("Decided", (part,)), at)
    refusal = docket.Recorded(
        id=decision,
        follows=None,
        action=Action.SCAN,
        stage=Stage.DECIDE,
        answer=docket.Answer.REFUSAL,
        objections=(
            an_objection("G-01", None),
            *(an_objection(f"G-1{n}", p.id) for n, p in enumerate(people)),
        ),
        lifted=(),
        policy="a" * 64,
        proof=None,
        case=question.encoded,
        at=at,
        until=None,
        closed=None,
        entry=entry.leaf_hash,
    )
    named = [docket.Named(p.id, Role.PERFORMER, None, None, (Purpose.MATCHING,)) for p in people]
    docket.record(session, "default", refusal, named)
    return decision


def read(database: Database, house: House, person: str) -> Inbox:
    with database.read() as session:
        return inbox(session, house.registry, person, now=LATER)


def test_she_is_told_of_every_key_that_comes_or_goes(database: Database, house: House) -> None:
    people = house.registry.people
    with database.write() as session:
        her, him = house.enrol(session, NOON), house.enrol(session, NOON)
        _, other = keygen(house.entropy)
        people.enrol_key(session, her.id, other, by="operator-2", now=LATER)
        people.retire_key(session, her.id, her.public, by="operator-3", now=LATER)

    told = read(database, house, her.id).keys

    assert [(one.what, one.key, one.by, one.at) for one in told] == [
        (What.RETIRED, her.public, "operator-3", LATER),
        (What.ENROLLED, other, "operator-2", LATER),
        (What.ENROLLED, her.public, her.id, NOON),
    ]
    assert len({one.entry for one in told}) == 3
    assert [one.key for one in read(database, house, him.id).keys] == [him.public]


def test_she_is_told_of_every_decision_that_named_her_and_of_nobody_else(
    database: Database, house: House
) -> None:
    with database.write() as session:
        her, him = house.enrol(session, NOON), house.enrol(session, NOON)
        first = decide(session, house, NOON, her, him)
        decide(session, house, NOON + timedelta(minutes=1), him)
        second = decide(session, house, NOON + timedelta(minutes=2), her)

    hers = read(database, house, her.id)

    assert [asked.decision for asked in hers.asked] == [second, first]
    assert {asked.requester for asked in hers.asked} == {"studio"}
    assert hers.asked[1].rules == ("G-01", "G-10")
    assert (hers.asked[0].answer, hers.asked[0].action) == (docket.Answer.REFUSAL, Action.SCAN)
    assert hers.asked[0].purposes == (Purpose.MATCHING,)
    assert len(hers.asked[0].entry) == 64
    assert him.id not in repr(hers)


def test_she_sees_how_everything_she_signed_stands_and_how_it_came_to_that(
    database: Database, house: House
) -> None:
    with database.write() as session:
        house.publish(session, NOON)
        her, him = house.enrol(session, NOON), house.enrol(session, NOON)
        old = house.grant(session, her, NOON)
        new = house.grant(session, her, NOON + timedelta(minutes=1))
        house.grant(session, him, NOON)
        by = By(How.OWN_SESSION, her.id)
        house.registry.withdraw(session, Effects(), old.authorization, by=by, now=LATER)

    hers = read(database, house, her.id)

    assert [signed.standing.authorization for signed in hers.signed] == [
        new.authorization,
        old.authorization,
    ]
    assert hers.signed[0].standing.in_force(Purpose.USER_SWAP)
    assert [event.kind for event in hers.signed[1].events] == ["ConsentGranted", "ConsentWithdrawn"]
    assert hers.signed[1].events[1].status is Status.WITHDRAWN
    assert hers.references == 0


def test_nobody_has_an_inbox_in_another_tenant(database: Database, house: House, tmp_path: Path) -> None:
    other = House.build(tmp_path / "other", "other", seed=8)
    with database.write() as session:
        her = house.enrol(session, NOON)

        with pytest.raises(PersonUnknown):
            inbox(session, other.registry, her.id, now=LATER)
    other.keystore.close()
