"""The items a court asks for: without each of them nothing is published, swapped, or let out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from audit.fact import Subject
from consent import items
from consent.case import Case
from consent.licence import Licence
from consent.papers import PaperKind, Papers
from consent.permit import Permit, Refusal
from consent.rights import Ending, Rights
from consent.words import Action
from consenting import NOON
from gating import GOOD, LICENCE, RECEIVED, TEMPLATE, Room, a_room, covered
from licensing import DESK
from onfile import licensed_portrait, licensed_work
from service.database import Database

LATER = NOON + timedelta(minutes=5)
Break = Callable[[Session, Room], None]


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Iterator[Room]:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", licensed=False)
        licences(session, room)
    yield room
    room.house.keystore.close()


def rights(room: Room) -> Rights:
    return Rights(room.house.ledger, room.house.entropy)


def licences(session: Session, room: Room) -> tuple[Licence, Licence]:
    hers = licensed_portrait(session, rights(room), room.performer.id, NOON, LICENCE)
    return hers, licensed_work(session, rights(room), RECEIVED, NOON, LICENCE)


def publication(room: Room) -> Case:
    return room.case(action=Action.PUBLISH, people=room.people[:1], donor=None, model_digests=())


def without_paper(kind: PaperKind) -> Break:
    def end(session: Session, room: Room) -> None:
        papers = Papers(room.house.ledger, room.house.entropy)
        for one in papers.every(session):
            if one.paper.kind is kind:
                papers.end(session, one.id, by="operator-1", now=NOON)

    return end


def never_taken_in(_: Session, room: Room) -> None:
    state = room.templates.states[TEMPLATE]
    room.templates.states[TEMPLATE] = replace(state, taken_in=False)


def named(answer: Refusal) -> list[str]:
    return [one.detail for one in answer.objections if one.rule == items.RULE]


@pytest.mark.parametrize(
    ("breaks", "code"),
    [
        (never_taken_in, items.INTAKE),
        (without_paper(PaperKind.PROCESSOR_CONTRACT), items.CONTRACT),
        (without_paper(PaperKind.IMPACT_ASSESSMENT), items.ASSESSMENT),
    ],
)
@pytest.mark.parametrize("ask", [publication, Room.case], ids=["publish", "swap"])
def test_one_item_that_is_missing_is_named_and_what_it_is_cured_by(
    database: Database, room: Room, breaks: Break, code: str, ask: Callable[[Room], Case]
) -> None:
    # Given all of it
    with database.write() as session:
        assert isinstance(room.gate.decide(session, ask(room), LATER), Permit)

        # When one falls away
        breaks(session, room)
        answer = room.gate.decide(session, ask(room), LATER)

    # Then it is refused, by name, and the log has the name too.
    assert isinstance(answer, Refusal)
    assert named(answer) == [code]
    (cure,) = {one.cure for one in answer.objections if one.rule == items.RULE}
    assert "_".join(code.split("_")[:2]) + ":" in cure
    with database.read() as session:
        told = room.house.ledger.opened(session, answer.ruling.entry, Subject("tenant", room.tenant))
    assert told is not None
    assert told["faults"] == [code]


def test_a_digest_that_nobody_registered_is_no_licence(database: Database, tmp_path: Path) -> None:
    # Given people and a source that name a paper, and a register without it
    with database.write() as session:
        room = a_room(session, tmp_path / "house", licensed=False)
        before = room.gate.check(session, publication(room), LATER)

        # When one of the two is registered, and then the other
        licensed_portrait(session, rights(room), room.performer.id, NOON)
        between = room.gate.check(session, publication(room), LATER)
        licensed_work(session, rights(room), RECEIVED, NOON)
        after = room.gate.check(session, publication(room), LATER)

    # Then
    assert [(one.rule, one.detail) for one in before.objections] == [
        (items.RULE, items.COPYRIGHT),
        (items.RULE, items.PORTRAIT),
    ]
    assert [one.person for one in before.objections] == [None, room.performer.id]
    assert [one.detail for one in between.objections] == [items.COPYRIGHT]
    assert after.objections == ()
    room.house.keystore.close()


def test_a_licence_that_ended_is_no_item_either_and_its_own_rule_says_so(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", licensed=False)
        for licence in licences(session, room):
            rights(room).end(session, licence.id, Ending.VOID, by=DESK, now=NOON)
        said = room.gate.check(session, publication(room), LATER)

    assert said.reasons == ("G-21", "G-22")
    room.house.keystore.close()


def test_all_that_is_missing_is_named_at_once(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", licensed=False)
        never_taken_in(session, room)
        for kind in PaperKind:
            without_paper(kind)(session, room)
        answer = room.gate.decide(session, publication(room), LATER)

    assert isinstance(answer, Refusal)
    assert named(answer) == [
        *(items.COPYRIGHT, items.INTAKE, items.CONTRACT, items.ASSESSMENT),
        items.PORTRAIT,
    ]
    room.house.keystore.close()


def test_what_was_rendered_does_not_leave_once_the_contract_has_ended(database: Database, room: Room) -> None:
    # Given a swap that was permitted, and runs
    with database.write() as session:
        permit = room.gate.decide(session, room.case(), LATER)
    assert isinstance(permit, Permit)
    with database.write() as session:
        room.permits.redeem(session, permit.token, room.run(permit), LATER, covered)

    # When the contract with who runs the engine ends meanwhile
    with database.write() as session:
        without_paper(PaperKind.PROCESSOR_CONTRACT)(session, room)
        answer = room.gate.recheck(session, permit.id, job="job-1", attempt=1, output=GOOD, now=LATER)

    # Then
    assert isinstance(answer, Refusal)
    assert named(answer) == [items.CONTRACT]


def test_an_engine_that_nobody_named_has_no_contract(database: Database, room: Room) -> None:
    case = publication(room)
    assert case.use is not None

    with database.write() as session:
        for engine in (None, "cloud"):
            asked = replace(case, use=replace(case.use, engine=engine))
            found = room.gate.check(session, asked, LATER).objections
            assert [one.detail for one in found if one.rule == items.RULE] == [
                items.CONTRACT,
                items.ASSESSMENT,
            ]


def test_looking_at_faces_asks_for_none_of_it(database: Database, room: Room) -> None:
    with database.write() as session:
        never_taken_in(session, room)
        without_paper(PaperKind.PROCESSOR_CONTRACT)(session, room)
        scan = publication(room)
        said = room.gate.check(session, replace(scan, action=Action.SCAN, use=None), LATER)

    assert items.RULE not in said.reasons
