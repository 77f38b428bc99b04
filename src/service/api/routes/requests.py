"""Requests for consent: put by an operator, answered by her, with a key of her own or with a link."""

from base64 import b64encode
from http import HTTPStatus

from fastapi import APIRouter, Request

from consent import handles
from consent.asking import Answered, Way
from consent.asking_errors import (
    AnswerWider,
    AskedTooSoon,
    LinkInvalid,
    NotToBeAsked,
    RequestClosed,
    RequestUnknown,
)
from consent.authorization import Authorization
from consent.errors import AuthorizationRefused, AuthorizationUnknown, NoticeUnknown, PersonUnknown
from consent.gone import PersonErased
from consent.requests import unknown
from consent.scope import Scope
from service import asking
from service.api import answers
from service.api.access import AnyButEngine, Caller, Creator, Operator, OperatorOrCreator
from service.api.house import House, TheHouse
from service.api.instead import DOCUMENT, SIGNED, may_answer
from service.api.limits import RateLimited
from service.api.route import Route
from service.api.strangers import counted
from service.apikeys import KeyRole
from service.shapes import authorizations
from service.shapes import requests as shapes
from service.shapes.people import ConsentRequest
from service.shapes.shape import Id
from swap.errors import NoSuchThing

router = APIRouter(prefix="/v1", tags=["requests"], route_class=Route)


@router.post("/requests", status_code=HTTPStatus.CREATED)
@may_answer(
    PersonUnknown, NoticeUnknown, NoSuchThing, AskedTooSoon, NotToBeAsked, AuthorizationRefused, *DOCUMENT
)
def ask(house: TheHouse, caller: Operator, asked: shapes.Ask) -> shapes.Shown:
    """Ask a person for consent. Not again within 90 days of her no: that is refused, and logged."""
    said = asked.model_dump(exclude={"scope"})
    wanted = asking.Wanted(scope=Scope.from_json(asked.scope.written()), **said)
    return _shown(asking.ask(house.record, wanted, caller.requester))


@router.get("/requests/{request}")
@may_answer(RequestUnknown, NoticeUnknown)
def show(house: TheHouse, caller: AnyButEngine, request: Id) -> shapes.Shown:
    """A request, the notice word for word, and the document she would sign. A creator sees her own."""
    return _shown(_hers(house, caller, request))


@router.post("/requests/{request}/drafts", status_code=HTTPStatus.CREATED)
@may_answer(RequestUnknown, RequestClosed, NoticeUnknown, AnswerWider, *DOCUMENT)
def draft(house: TheHouse, caller: OperatorOrCreator, request: Id, less: shapes.Less) -> authorizations.Draft:
    """A document that gives less than was asked, to sign instead. Nothing is registered by it."""
    return _draft(house, _hers(house, caller, request), less)


@router.post("/requests/{request}/answers", status_code=HTTPStatus.CREATED)
@may_answer(
    RequestUnknown,
    RequestClosed,
    NoticeUnknown,
    AnswerWider,
    AuthorizationRefused,
    AuthorizationUnknown,
    PersonErased,
    PersonUnknown,
    *DOCUMENT,
    *SIGNED,
)
def answer(
    house: TheHouse, caller: OperatorOrCreator, request: Id, signed: authorizations.Grant
) -> shapes.Answered:
    """She says yes, to all of it or to less. The receipt holds the recovery code, which is shown once."""
    _hers(house, caller, request)
    way = Way.OWN_SESSION if caller.role is KeyRole.CREATOR else Way.OPERATOR
    return _answered(house, asking.answer(house.record, request, signed.document, signed.evidence, way))


@router.post("/requests/{request}/refusals")
@may_answer(RequestUnknown, RequestClosed, NoticeUnknown)
def refuse(house: TheHouse, caller: Creator, request: Id) -> ConsentRequest:
    """She says no, and owes no reason."""
    _hers(house, caller, request)
    return answers.request(asking.refuse(house.record, request, Way.OWN_SESSION))


@router.post("/requests/{request}/cancellations")
@may_answer(RequestUnknown, RequestClosed, NoticeUnknown)
def cancel(house: TheHouse, caller: Operator, request: Id) -> ConsentRequest:
    """Take a request back. To her that is no refusal of hers."""
    return answers.request(asking.cancel(house.record, request, caller.requester))


@router.post("/requests/{request}/links", status_code=HTTPStatus.CREATED)
@may_answer(RequestUnknown, RequestClosed)
def link(house: TheHouse, caller: Operator, request: Id, asked: shapes.NewLink) -> shapes.Link:
    """A token she can answer with, for somebody without a key here. Any earlier one is worth nothing now."""
    return shapes.Link(
        request=request, token=asking.link(house.record, request, by=caller.requester, days=asked.days)
    )


@router.post("/links/openings")
@may_answer(LinkInvalid, NoticeUnknown, RateLimited)
def opened(house: TheHouse, request: Request, asked: shapes.ByLink) -> shapes.Shown:
    """What a link is for: the notice word for word, and the document. Needs no key."""
    return _shown(_by_link(house, request, asked.token))


@router.post("/links/drafts", status_code=HTTPStatus.CREATED)
@may_answer(LinkInvalid, RequestClosed, NoticeUnknown, AnswerWider, RateLimited, *DOCUMENT)
def draft_by_link(house: TheHouse, request: Request, less: shapes.LessByLink) -> authorizations.Draft:
    """A document that gives less, by a link."""
    return _draft(house, _by_link(house, request, less.token), less)


@router.post("/links/answers", status_code=HTTPStatus.CREATED)
@may_answer(
    LinkInvalid,
    RateLimited,
    RequestClosed,
    NoticeUnknown,
    AnswerWider,
    AuthorizationRefused,
    AuthorizationUnknown,
    PersonErased,
    PersonUnknown,
    *DOCUMENT,
    *SIGNED,
)
def answer_by_link(house: TheHouse, request: Request, signed: shapes.GrantByLink) -> shapes.Answered:
    """She says yes by a link. It is her signature that gives consent; the link only finds the request."""
    found = _by_link(house, request, signed.token).request
    return _answered(house, asking.answer(house.record, found.id, signed.document, signed.evidence, Way.LINK))


@router.post("/links/refusals")
@may_answer(LinkInvalid, RequestClosed, NoticeUnknown, RateLimited)
def refuse_by_link(house: TheHouse, request: Request, asked: shapes.ByLink) -> ConsentRequest:
    """She says no by a link."""
    found = _by_link(house, request, asked.token).request
    return answers.request(asking.refuse(house.record, found.id, Way.LINK))


def _by_link(house: House, request: Request, token: str) -> asking.Shown:
    with counted(request, LinkInvalid):
        return asking.opened(house.record, token)


def _shown(found: asking.Shown) -> shapes.Shown:
    document, notice = found.request.document, found.notice
    return shapes.Shown(
        **answers.request(found.request).model_dump(),
        notice_version=notice.version,
        language=notice.language,
        text=notice.text,
        document=b64encode(document.encoded).decode(),
        sha256=document.digest,
    )


def _hers(house: House, caller: Caller, request: str) -> asking.Shown:
    """The request, if the caller may see it. Raises as for one that is not there."""
    found = asking.shown(house.record, request)
    return found if caller.may_see(found.request.person) else unknown()


def _draft(house: House, found: asking.Shown, less: shapes.Less) -> authorizations.Draft:
    scope = None if less.scope is None else Scope.from_json(less.scope.written())
    drawn: Authorization = asking.draw(house.record, found, less.purposes, scope)
    return authorizations.Draft(
        authorization=drawn.id,
        document=b64encode(drawn.encoded).decode(),
        sha256=drawn.digest,
        notice=drawn.notice.sha256,
    )


def _answered(house: House, done: Answered) -> shapes.Answered:
    granted, record = done.granted, house.record
    with house.database.write() as session:
        handle = handles.of(session, house.tenant, granted.authorization, record.entropy)
    receipt = authorizations.Granted(
        authorization=granted.authorization,
        entry=granted.entry,
        received_at=granted.received_at,
        countersigned_by=granted.kid,
        countersignature=granted.countersignature.hex(),
        recovery_code=granted.recovery_code,
        status_handle=handle,
    )
    return shapes.Answered(request=answers.request(done.request), receipt=receipt)
