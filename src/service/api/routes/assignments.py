"""Faces assigned by hand: what there is to assign, who is on which track, and who confirms it."""

from http import HTTPStatus

from fastapi import APIRouter

from service import showing
from service.api.access import AnyButEngine, Operator, OperatorOrAuditor, OperatorOrCreator
from service.api.house import TheHouse, not_found
from service.api.instead import may_answer
from service.api.route import Route
from service.apikeys import KeyRole
from service.shapes import assignments as shapes
from service.shapes.shape import Id
from swap import confirmations, library
from swap.assignments import Assignment, AssignmentWrong, PreviewFirst
from swap.confirmations import NotAssigned
from swap.errors import NoSuchThing, WrongState

router = APIRouter(prefix="/v1/templates", tags=["templates"], route_class=Route)


@router.get("/{template}/tracks")
@may_answer(NoSuchThing, WrongState)
def tracks(house: TheHouse, _: OperatorOrAuditor, template: Id) -> list[shapes.Track]:
    """Every face that the scan found, and where it is largest: to see who it is. Nobody is named."""
    with house.database.read() as session:
        return showing.tracks(session, house.tenant, template)


@router.post("/{template}/assignments", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, WrongState, AssignmentWrong)
def assign(house: TheHouse, caller: Operator, template: Id, said: shapes.Assign) -> shapes.Assignment:
    """Say who is on which track, all at once. What was confirmed of an earlier assignment ends."""
    with house.database.write() as session:
        done = house.studio.admission.assignments.assign(
            session, template, said.tracks, by=caller.requester, now=house.clock()
        )
    house.record.log.publish(done.entry, now=house.clock())
    return _shown(done, dict(done.tracks), 0, reviewed=False)


@router.get("/{template}/assignments")
@may_answer(NoSuchThing, WrongState)
def show(house: TheHouse, caller: AnyButEngine, template: Id) -> shapes.Assignment:
    """The assignment in force. Somebody of the cast sees which tracks are said to be hers, and no others."""
    assignments, person = house.studio.admission.assignments, caller.person
    creator = caller.role is KeyRole.CREATOR
    with house.database.read() as session:
        cast = {member.person for member in library.get(session, house.tenant, template).cast}
        if creator and person not in cast:
            raise not_found("template")
        try:
            found = assignments.current(session, template)
        except NotAssigned:
            return shapes.Assignment(
                template=template, assignment=None, by=None, at=None, tracks={}, confirmed=0, reviewed=False
            )
        words = confirmations.words(session, house.record.ledger, found.about)
    seen = {track: who for track, who in found.tracks.items() if not creator or who == person}
    return _shown(found, seen, len(words), reviewed=confirmations.enough(words, found.about))


@router.post("/{template}/confirmations", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, WrongState, NotAssigned, PreviewFirst)
def confirm(
    house: TheHouse, caller: OperatorOrCreator, template: Id, said: shapes.Confirm
) -> shapes.Confirmed:
    """Confirm who is who: she herself, once she has seen the clip; or an operator who did not assign it."""
    person = caller.person if caller.role is KeyRole.CREATOR else None
    with house.database.write() as session:
        cast = {member.person for member in library.get(session, house.tenant, template).cast}
        if person is not None and person not in cast:
            raise not_found("template")
        entry = house.studio.admission.assignments.confirm(
            session,
            template,
            said.assignment,
            by=person or caller.requester,
            person=person,
            now=house.clock(),
        )
    house.record.log.publish(entry, now=house.clock())
    return shapes.Confirmed(entry=entry)


def _shown(
    found: Assignment, tracks: dict[str, str | None], confirmed: int, *, reviewed: bool
) -> shapes.Assignment:
    return shapes.Assignment(
        template=found.template,
        assignment=found.id,
        by=found.by,
        at=found.at,
        tracks=tracks,
        confirmed=confirmed,
        reviewed=reviewed,
    )
