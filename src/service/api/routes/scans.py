"""Scans: ordered by operators, done by a worker, followed."""

from http import HTTPStatus

from fastapi import APIRouter, Response
from starlette.responses import StreamingResponse

from service import showing
from service.api.access import Operator, OperatorOrAuditor
from service.api.events import Moment, events
from service.api.house import House, TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import scans as shapes
from service.shapes.shape import Id
from swap import scans
from swap.errors import NoSuchThing, WrongState

router = APIRouter(prefix="/v1", tags=["templates"], route_class=Route)


@router.post("/templates/{template}/scans", status_code=HTTPStatus.ACCEPTED)
@may_answer(NoSuchThing, WrongState)
def order(house: TheHouse, caller: Operator, template: Id, response: Response) -> shapes.Scan:
    """Order a scan: every face in every frame, then, if their number fits, who of the cast each is.

    The gate is asked when a worker takes it up, before anything is decoded, and again before anybody is
    compared with anybody. One at a time for a template.
    """
    asked = house.studio.scanning.ask(caller.requester, template)
    response.headers["Location"] = f"/v1/scans/{asked.id}"
    return _shown(house, asked.id)


@router.get("/scans/{scan}")
@may_answer(NoSuchThing)
def show(house: TheHouse, _: OperatorOrAuditor, scan: Id) -> shapes.Scan:
    """How far a scan is, or what was answered."""
    return _shown(house, scan)


@router.get(
    "/scans/{scan}/events",
    response_class=StreamingResponse,
    responses={HTTPStatus.OK: {"content": {"text/event-stream": {}}, "description": "Events."}},
)
@may_answer(NoSuchThing)
def follow(house: TheHouse, _: OperatorOrAuditor, scan: Id) -> StreamingResponse:
    """Follow a scan: `progress` events {state, done, total}, then `end` with the scan itself.

    Ends after five minutes in any case: ask again.
    """

    def look() -> Moment:
        found = _shown(house, scan)
        return Moment(str(found.state), found.done, found.total, found.state.final, found)

    return events(look)


def _shown(house: House, scan: str) -> shapes.Scan:
    with house.database.read() as session:
        return showing.scan(session, house.tenant, scans.get(session, house.tenant, scan))
