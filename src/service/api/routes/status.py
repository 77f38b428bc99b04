"""Status statements, for anybody: how a consent or a released file stands, and not whose it is."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from consent import handles
from consent.errors import AuthorizationUnknown
from service import statuses
from service.api.access import OperatorOrCreator
from service.api.house import TheHouse
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import statuses as shapes
from service.shapes.shape import Id

router = APIRouter(prefix="/v1", tags=["status"], route_class=Route)

Subject = Annotated[
    str,
    Path(
        pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$",
        description="A status handle (32 hex digits), or a file's SHA-256.",
    ),
]
_LEEWAY = 5
"""Seconds less than a statement is good for: whoever got it from a cache has some time left."""


@router.get("/status/{subject}")
def status(house: TheHouse, subject: Subject, response: Response) -> shapes.Statement:
    """A signed statement that is good for a minute. What is not known here is `unknown`, signed as well."""
    said = statuses.state(house.record, subject)
    seconds = int((said.next_update - said.this_update).total_seconds()) - _LEEWAY
    response.headers["Cache-Control"] = f"public, max-age={seconds}"
    return shapes.Statement(
        subject=said.subject,
        status=said.status,
        this_update=said.this_update,
        next_update=said.next_update,
        token=said.token,
    )


@router.post("/authorizations/{authorization}/handles")
@may_answer(AuthorizationUnknown)
def handle(house: TheHouse, caller: OperatorOrCreator, authorization: Id) -> shapes.Handle:
    """The status handle of an authorization: made when first asked for, the same ever after."""
    record = house.record
    with house.database.write() as session:
        found = record.registry.standings(
            session, house.tenant, [authorization], now=house.clock(), lock="update"
        ).get(authorization)
        if found is None or not caller.may_see(found.person):
            raise AuthorizationUnknown("no such authorization here")
        name = handles.of(session, house.tenant, authorization, record.entropy)
    return shapes.Handle(authorization=authorization, status_handle=name)
