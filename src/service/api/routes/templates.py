"""Templates: announced, amended, published by operators; seen by auditors, and by whom their cast names."""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Header, Query, Response

from audit.canonical import Json
from consent.case import Matching
from consent.errors import DocumentMalformed
from consent.refusals import OnRefusalList
from consent.tries import TooManyTried
from service import showing, stated
from service.api import answers, cursor
from service.api.access import AnyButEngine, Caller, Creator, Operator
from service.api.cursor import CursorInvalid
from service.api.house import House, TheHouse, not_found
from service.api.instead import may_answer
from service.api.problem import permitted
from service.api.ranges import RangeUnsatisfiable, Span, asked
from service.api.route import Route
from service.api.transfer import Transfer
from service.apikeys import KeyRole
from service.shapes import decisions
from service.shapes import templates as shapes
from service.shapes.page import Cursor, Limit, Page
from service.shapes.shape import Id
from swap import library
from swap.blocking import FileBlocked
from swap.casting import CastMember
from swap.errors import BadCast, NoSuchThing, WrongState
from swap.library import Template
from swap.source import BadSource

router = APIRouter(prefix="/v1/templates", tags=["templates"], route_class=Route)

_CLIP = {"video/mp4": {"schema": {"type": "string", "format": "binary"}}}


@router.post("", status_code=HTTPStatus.CREATED)
@may_answer(BadSource, BadCast, DocumentMalformed, OnRefusalList, TooManyTried, FileBlocked, gate=True)
def announce(
    house: TheHouse, caller: Operator, said: shapes.Announce, response: Response
) -> shapes.Announced:
    """State source and cast, and ask whether the video may come in. No byte of it is taken before."""
    source = stated.source(cast("dict[str, Json]", said.source.model_dump(mode="json")))
    done = house.studio.admission.announce(
        caller.requester, source, said.received, _cast(said.cast), matching=Matching(said.matching)
    )
    given = answers.permit(permitted(done.decision))
    response.headers["Location"] = f"/v1/templates/{done.template}"
    return shapes.Announced(**given.model_dump(), template=done.template or "")


@router.get("")
@may_answer(CursorInvalid)
def page(
    house: TheHouse,
    caller: AnyButEngine,
    after: Annotated[Cursor | None, Query()] = None,
    limit: Annotated[Limit, Query()] = 50,
) -> Page[shapes.Listed] | Page[shapes.Named]:
    """Templates in the order in which they were announced; for a creator, those whose cast names her."""
    naming = caller.person or "" if caller.role is KeyRole.CREATOR else None
    with house.database.read() as session:
        found = library.page(session, house.tenant, cursor.read(after), limit, naming=naming)
    end = found[-1] if len(found) == limit else None
    on = None if end is None else cursor.written(cursor.Place(end.announced_at, end.id))
    if naming is not None:
        return Page(items=[showing.named(one, naming) for one in found], next=on)
    return Page(items=[showing.listed(one) for one in found], next=on)


@router.get("/{template}")
@may_answer(NoSuchThing)
def show(house: TheHouse, caller: AnyButEngine, template: Id) -> shapes.Template | shapes.Named:
    """A template. A creator whom its cast names sees what concerns her; for others it is not there."""
    with house.database.read() as session:
        found = _found(house, template)
        if caller.role is KeyRole.CREATOR:
            return showing.named(_naming(caller, found), caller.person or "")
        return showing.template(session, house.tenant, found)


@router.post("/{template}/cast")
@may_answer(NoSuchThing, BadCast, DocumentMalformed, WrongState, OnRefusalList, TooManyTried, gate=True)
def amend(house: TheHouse, caller: Operator, template: Id, said: shapes.Amend) -> decisions.Permitted:
    """Declare the cast anew, all of it: a new intake of the same bytes. What was detected is kept."""
    done = house.studio.admission.amend(caller.requester, template, _cast(said.cast))
    return answers.permit(permitted(done))


@router.post("/{template}/checks")
@may_answer(NoSuchThing, WrongState)
def check(house: TheHouse, caller: Operator, template: Id, said: shapes.Publish) -> decisions.Forecast:
    """What publishing would be answered with now. A dry run."""
    return answers.forecast(house.studio.admission.check(caller.requester, template, said.use.value()))


@router.post("/{template}/publications")
@may_answer(NoSuchThing, WrongState, gate=True)
def publish(house: TheHouse, caller: Operator, template: Id, said: shapes.Publish) -> decisions.Permitted:
    """Ask whether the template may be offered: every rule, for the work and for each person in it."""
    done = house.studio.admission.publish(caller.requester, template, said.use.value())
    return answers.permit(permitted(done))


@router.get(
    "/{template}/preview",
    response_class=Response,
    responses={
        HTTPStatus.OK: {"content": _CLIP, "description": "The clip."},
        HTTPStatus.PARTIAL_CONTENT: {"content": _CLIP, "description": "The range."},
    },
)
@may_answer(NoSuchThing, WrongState, RangeUnsatisfiable, gate=True)
def preview(
    house: TheHouse,
    caller: Creator,
    template: Id,
    span: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,
) -> Response:
    """The clip, for somebody whom the cast names to look at before she answers. For nobody else.

    The gate is asked for each request and each range, and again while it is sent. Keep no copy.
    """
    admission, person = house.studio.admission, caller.person or ""
    _naming(caller, _found(house, template))
    opened = admission.clip(template)
    try:
        size = opened.size
        part = asked(span, None, "", size)
        decision, _ = admission.preview(template, person)
        permitted(decision)
    except BaseException:
        opened.close()
        raise
    headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    if part is not None:
        headers["Content-Range"] = part.content_range
    return Transfer(
        opened,
        part or Span(0, size, size),
        lambda: admission.may_see(template, person),
        status=HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
        headers=headers,
    )


def _found(house: House, template: str) -> Template:
    with house.database.read() as session:
        return library.get(session, house.tenant, template)


def _naming(caller: Caller, found: Template) -> Template:
    """The template, if its cast names the caller. Raises as for one that is not there."""
    if caller.person is None or caller.person not in {one.person for one in found.cast}:
        raise not_found("template")
    return found


def _cast(members: shapes.Cast) -> tuple[CastMember, ...]:
    return stated.cast([one.model_dump(mode="json") for one in members], "cast")
