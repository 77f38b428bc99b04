"""Donors and swaps: asked for by operators, followed by whoever works on them, called off."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.responses import StreamingResponse

from consent.blindfold import BiometricsOff
from consent.resemblances import FaceHeld
from consent.strict import decode
from service.api import answers, cursor
from service.api.access import AnyButCreator, Operator, OperatorOrAuditor, OperatorOrCreator
from service.api.cursor import CursorInvalid
from service.api.events import Moment, events
from service.api.house import House, TheHouse
from service.api.instead import PHOTO, may_answer
from service.api.problem import permitted
from service.api.route import PhotosRoute, Route
from service.apikeys import KeyRole
from service.reasons import reason
from service.shapes import decisions
from service.shapes import swaps as shapes
from service.shapes.assignments import Confirmed
from service.shapes.page import Cursor, Limit, Page
from service.shapes.problem import Objection
from service.shapes.shape import Id
from swap import donors, orders
from swap.confirmations import NotAssigned
from swap.errors import NoSuchThing, PhotoGone, Tampered, WrongState
from swap.faults import SourceEmpty

router = APIRouter(prefix="/v1", tags=["swaps"], route_class=Route)
photos = APIRouter(prefix="/v1", tags=["swaps"], route_class=PhotosRoute)


@photos.post("/templates/{template}/donors", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, SourceEmpty, FaceHeld, BiometricsOff, *PHOTO, gate=True)
def donate(house: TheHouse, caller: Operator, template: Id, asked: shapes.Donate) -> shapes.Donated:
    """Receive a donor's photo. Compared with herself alone, after her consent was found.

    Where faces are assigned by hand it is compared with nothing, and waits to be confirmed as hers.
    """
    done = house.studio.donors.receive(
        caller.requester,
        template,
        asked.person,
        asked.authorization,
        [asked.photo],
        is_self=asked.is_self,
    )
    given = answers.permit(permitted(done.decision))
    return shapes.Donated(**given.model_dump(), donor=done.donor or "")


@router.post("/donors/{donor}/confirmations", status_code=HTTPStatus.CREATED)
@may_answer(NoSuchThing, NotAssigned, Tampered)
def confirm(house: TheHouse, caller: OperatorOrCreator, donor: Id) -> Confirmed:
    """Say that the photo is the donor's own: she herself, or one of two reviewers who did not hand it in."""
    person = caller.person if caller.role is KeyRole.CREATOR else None
    with house.database.write() as session:
        entry = donors.confirm(
            session,
            house.record.gate.bench,
            donor,
            by=person or caller.requester,
            person=person,
            now=house.clock(),
        )
    house.record.log.publish(entry, now=house.clock())
    return Confirmed(entry=entry)


@router.post("/swaps", status_code=HTTPStatus.ACCEPTED)
@may_answer(NoSuchThing, WrongState, PhotoGone, gate=True)
def ask(house: TheHouse, caller: Operator, asked: shapes.AskSwap, response: Response) -> shapes.Asked:
    """Ask for one swap. Permitted, it is queued; the file is asked about again before it may leave."""
    done = house.studio.pipeline.ask(asked.template, asked.donor, caller.requester, asked.use.value())
    given = answers.permit(permitted(done.decision))
    response.headers["Location"] = f"/v1/swaps/{done.job}"
    return shapes.Asked(**given.model_dump(), job=done.job or "")


@router.post("/swaps/checks")
@may_answer(NoSuchThing, WrongState, PhotoGone)
def check(house: TheHouse, caller: Operator, asked: shapes.AskSwap) -> decisions.Forecast:
    """What would be answered now. A dry run."""
    return answers.forecast(
        house.studio.pipeline.check(asked.template, asked.donor, caller.requester, asked.use.value())
    )


@router.get("/swaps")
@may_answer(CursorInvalid)
def page(
    house: TheHouse,
    _: OperatorOrAuditor,
    after: Annotated[Cursor | None, Query()] = None,
    limit: Annotated[Limit, Query()] = 50,
) -> Page[shapes.Job]:
    """Swaps, newest first."""
    with house.database.read() as session:
        found = orders.page(session, house.tenant, cursor.read(after), limit)
    more = len(found) == limit
    return Page(
        items=[_job(house, one) for one in found],
        next=cursor.written(cursor.Place(found[-1].asked_at, found[-1].id)) if more else None,
    )


@router.get("/swaps/{job}")
@may_answer(NoSuchThing)
def show(house: TheHouse, _: AnyButCreator, job: Id) -> shapes.Job:
    """How far a swap is, or how it ended."""
    return _job(house, _find(house, job))


@router.delete("/swaps/{job}", status_code=HTTPStatus.ACCEPTED)
@may_answer(NoSuchThing, WrongState)
def call_off(house: TheHouse, _: Operator, job: Id) -> shapes.Job:
    """Call a swap off. Nothing of it is released from now on; a render under way stops in a second or so."""
    with house.database.write() as session:
        found = orders.call_off(session, house.tenant, job)
    return _job(house, found)


@router.get(
    "/swaps/{job}/events",
    response_class=StreamingResponse,
    responses={HTTPStatus.OK: {"content": {"text/event-stream": {}}, "description": "Events."}},
)
@may_answer(NoSuchThing)
def follow(house: TheHouse, _: AnyButCreator, job: Id) -> StreamingResponse:
    """Follow a swap: `progress` events {state, done, total}, then `end` with the swap itself.

    Ends after five minutes in any case: ask again.
    """

    def look() -> Moment:
        found = _find(house, job)
        return Moment(str(found.progress), found.done, found.total, found.progress.final, _job(house, found))

    return events(look)


def _find(house: House, job: str) -> orders.Job:
    with house.database.read() as session:
        return orders.job(session, house.tenant, job)


def _job(house: House, found: orders.Job) -> shapes.Job:
    return shapes.Job(
        job=found.id,
        template=found.template,
        donor=found.donor,
        decision=found.permit,
        state=found.progress,
        attempt=found.attempt,
        cancelled=found.cancelled,
        done=found.done,
        total=found.total,
        asked_at=found.asked_at,
        outcome=_outcome(house, found),
    )


def _outcome(house: House, found: orders.Job) -> shapes.Outcome | None:
    said = decode(found.outcome) if found.outcome else None
    if not isinstance(said, dict):
        return None
    rules = said.get("rules")
    policy = house.record.policy
    return shapes.Outcome(
        output=said.get("output"),
        error=said.get("error"),
        rules=[
            Objection.model_validate(reason(policy, str(rule)), from_attributes=True)
            for rule in (rules if isinstance(rules, list) else ())
        ],
    )
