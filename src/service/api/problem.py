"""Errors and refusals as RFC 9457 problems. A client that looks at the status alone must not take a no for
a yes, so whatever is not a permit is 403; what would help it to guess, as whose an id is, is not told.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from audit.durable import DiskFull
from audit.errors import BadInput, ConsentryError, Diverged
from audit.log import EntryUnknown
from audit.prunerows import EntryPruned, TilePruned
from consent.asking_errors import (
    AskedTooSoon,
    ContractKnown,
    LinkInvalid,
    NotToBeAsked,
    RequestClosed,
    RequestUnknown,
    ResumeNotHers,
)
from consent.capturing import CaptureClosed, CapturesExhausted, CaptureUnknown
from consent.cosigning import NothingToCosign
from consent.errors import (
    AuthorizationUnknown,
    KeyNotEnrolled,
    KeyTaken,
    NoticeUnknown,
    NotSuspended,
    PersonUnknown,
    RecoveryCodeWrong,
    UnderOrder,
)
from consent.estates import DeathRecorded
from consent.gate import HoldUnknown
from consent.gone import PersonErased
from consent.holds import HoldUnknown as LegalHoldUnknown
from consent.kinship import KinUnknown
from consent.papers import PaperUnknown
from consent.people import PersonDeceased
from consent.permit import Decision, Hold, Permit, Refusal
from consent.petitions import PetitionAnswered, PetitionUnknown
from consent.proofservices import ProofServiceEnded, ProofServiceTaken, ProofServiceUnknown
from consent.protection import ProtectionUnknown
from consent.refusals import OnRefusalList, RefusalUnknown
from consent.resemblances import FaceHeld, ResemblanceUnknown
from consent.rights_errors import EndingNotAllowed, PartyTaken, PartyUnknown, RightsLicenceUnknown
from consent.tries import TooManyTried
from service import logs
from service.apikeys import KeyExpired, KeyInvalid, KeyMissing, KeyRevoked, KeyUnknown
from service.shapes.problem import Fault, Objection, Problem, Refused
from service.subject import ProtectionOff
from swap.assignments import PreviewFirst
from swap.blocking import FileBlocked
from swap.confirmations import NotAssigned
from swap.draft import FULL
from swap.errors import NoSuchThing, PhotoGone, WrongState
from swap.faults import SourceTooLarge, StorageFull

MEDIA_TYPE = "application/problem+json"
CODE = "X-Problem-Code"
"""The code again: an answer to HEAD has no body."""
RETRY_SECONDS = 5

_STATUS: Mapping[type[ConsentryError], HTTPStatus] = {
    KeyMissing: HTTPStatus.UNAUTHORIZED,
    KeyInvalid: HTTPStatus.UNAUTHORIZED,
    KeyExpired: HTTPStatus.UNAUTHORIZED,
    KeyRevoked: HTTPStatus.UNAUTHORIZED,
    RecoveryCodeWrong: HTTPStatus.FORBIDDEN,
    NoSuchThing: HTTPStatus.NOT_FOUND,
    PersonUnknown: HTTPStatus.NOT_FOUND,
    AuthorizationUnknown: HTTPStatus.NOT_FOUND,
    NoticeUnknown: HTTPStatus.NOT_FOUND,
    HoldUnknown: HTTPStatus.NOT_FOUND,
    LegalHoldUnknown: HTTPStatus.NOT_FOUND,
    PaperUnknown: HTTPStatus.NOT_FOUND,
    EntryUnknown: HTTPStatus.NOT_FOUND,
    EntryPruned: HTTPStatus.NOT_FOUND,
    TilePruned: HTTPStatus.NOT_FOUND,
    CaptureUnknown: HTTPStatus.NOT_FOUND,
    KinUnknown: HTTPStatus.NOT_FOUND,
    ProofServiceUnknown: HTTPStatus.NOT_FOUND,
    KeyUnknown: HTTPStatus.NOT_FOUND,
    RequestUnknown: HTTPStatus.NOT_FOUND,
    RequestClosed: HTTPStatus.CONFLICT,
    LinkInvalid: HTTPStatus.FORBIDDEN,
    AskedTooSoon: HTTPStatus.CONFLICT,
    NotToBeAsked: HTTPStatus.CONFLICT,
    ResumeNotHers: HTTPStatus.FORBIDDEN,
    ContractKnown: HTTPStatus.CONFLICT,
    RightsLicenceUnknown: HTTPStatus.NOT_FOUND,
    PartyUnknown: HTTPStatus.NOT_FOUND,
    PartyTaken: HTTPStatus.CONFLICT,
    EndingNotAllowed: HTTPStatus.CONFLICT,
    FileBlocked: HTTPStatus.FORBIDDEN,
    WrongState: HTTPStatus.CONFLICT,
    SourceTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    KeyTaken: HTTPStatus.CONFLICT,
    KeyNotEnrolled: HTTPStatus.CONFLICT,
    NotSuspended: HTTPStatus.CONFLICT,
    UnderOrder: HTTPStatus.CONFLICT,
    PersonErased: HTTPStatus.CONFLICT,
    PersonDeceased: HTTPStatus.CONFLICT,
    NothingToCosign: HTTPStatus.CONFLICT,
    ProofServiceTaken: HTTPStatus.CONFLICT,
    ProofServiceEnded: HTTPStatus.CONFLICT,
    CaptureClosed: HTTPStatus.CONFLICT,
    DeathRecorded: HTTPStatus.CONFLICT,
    CapturesExhausted: HTTPStatus.TOO_MANY_REQUESTS,
    PhotoGone: HTTPStatus.GONE,
    FaceHeld: HTTPStatus.FORBIDDEN,
    OnRefusalList: HTTPStatus.FORBIDDEN,
    TooManyTried: HTTPStatus.FORBIDDEN,
    RefusalUnknown: HTTPStatus.NOT_FOUND,
    ResemblanceUnknown: HTTPStatus.NOT_FOUND,
    ProtectionUnknown: HTTPStatus.NOT_FOUND,
    PetitionUnknown: HTTPStatus.NOT_FOUND,
    PetitionAnswered: HTTPStatus.CONFLICT,
    ProtectionOff: HTTPStatus.CONFLICT,
    NotAssigned: HTTPStatus.CONFLICT,
    PreviewFirst: HTTPStatus.CONFLICT,
    DiskFull: HTTPStatus.INSUFFICIENT_STORAGE,
    BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    # Not 500: it is no fault of this program, and sending it again will not help.
    Diverged: HTTPStatus.CONFLICT,
}
"""By the nearest class. What is not here is a deployment that is not ready."""


class RequestInvalid(BadInput):
    """A request whose path, query, headers or body are not as documented."""

    code = "REQUEST_INVALID"
    zh = "请求格式不符合接口说明。"
    hint = "`faults` names each field; GET /openapi.json says what is expected."
    hint_zh = "`faults` 列出各字段的问题；接口说明见 /openapi.json。"


class NotAllowed(BadInput):
    """A key of another role than this route is for."""

    code = "ROLE_NOT_ALLOWED"
    zh = "该密钥的角色无权执行此操作。"
    hint = "Use a key of a role that the route names."
    hint_zh = "请使用接口说明中所列角色的密钥。"


class RouteUnknown(BadInput):
    """No such path, or not with this method."""

    code = "ROUTE_UNKNOWN"
    zh = "不存在该路径，或不支持该方法。"
    hint = "GET /openapi.json lists paths and methods."
    hint_zh = "路径与方法见 /openapi.json。"


class Bug(ConsentryError):
    """A fault of ours. The log names where; the answer says nothing."""

    code = "BUG"
    zh = "系统内部错误。"
    hint = "Report it with the id of the request."
    hint_zh = "请附请求编号报告此错误。"


def status_of(error: type[ConsentryError]) -> HTTPStatus:
    """The status of a class of errors."""
    if issubclass(error, NotAllowed):
        return HTTPStatus.FORBIDDEN
    own = getattr(error, "status", None)
    if isinstance(own, HTTPStatus):
        return own
    for kind in error.__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return HTTPStatus.SERVICE_UNAVAILABLE


def title(error: type[ConsentryError]) -> str:
    """What a class of errors is, in a line."""
    return (error.__doc__ or error.code).strip().splitlines()[0]


def answer_to(
    error: ConsentryError, faults: list[Fault] | None = None, status: HTTPStatus | None = None
) -> Response:
    """An error as a response, with the status of its class unless one is given."""
    status = status or status_of(type(error))
    said = Problem(
        type=f"urn:consentry:error:{error.code}",
        title=title(type(error)),
        status=status,
        code=error.code,
        detail=str(error),
        title_zh=error.zh,
        hint=error.hint,
        hint_zh=error.hint_zh,
        request=logs.request_id.get(),
        faults=faults or [],
    )
    headers: dict[str, str] = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    wait = getattr(error, "retry_after", None)
    if isinstance(wait, int):
        headers["Retry-After"] = str(wait)
    headers |= getattr(error, "headers", {})
    return _json(said, status, headers)


class Refusing(Exception):
    """Carries a decision that is no permit out of a route. Its transaction has committed before."""

    def __init__(self, decision: Hold | Refusal) -> None:
        super().__init__()
        self.decision = decision


def permitted(decision: Decision) -> Permit:
    """The permit; else the route ends here, with 403 and the reasons."""
    if isinstance(decision, Permit):
        return decision
    raise Refusing(decision)


def answer_to_refusal(decision: Hold | Refusal) -> Response:
    """A decision that is no permit, as a response."""
    ruling, held = decision.ruling, isinstance(decision, Hold)
    said = Refused(
        type="urn:consentry:decision:hold" if held else "urn:consentry:decision:refusal",
        title="Two people must look first." if held else "The gate refused.",
        status=HTTPStatus.FORBIDDEN,
        code="HOLD" if held else "REFUSAL",
        detail=", ".join(decision.reasons),
        title_zh="须由两人复核。" if held else "未获许可。",
        request=logs.request_id.get(),
        answer="hold" if held else "refusal",
        decision=ruling.id,
        action=str(ruling.action),
        stage=str(ruling.stage),
        rules=list(decision.reasons),
        objections=[Objection.model_validate(one, from_attributes=True) for one in decision.objections],
        policy=ruling.policy,
        entry=ruling.entry,
        until=decision.until if isinstance(decision, Hold) else None,
    )
    return _json(said, HTTPStatus.FORBIDDEN, {})


def answer_to_any(error: Exception) -> Response:
    """Whatever a route raised, as a response. A bug is logged, without what it says."""
    match error:
        case Refusing():
            return answer_to_refusal(error.decision)
        case ConsentryError():
            return answer_to(error)
        case RequestValidationError():
            return answer_to(RequestInvalid("the request is not as documented"), _faults(error))
        case OSError() if error.errno in FULL:
            # Whoever wrote, and did not think of it: a disk that fills is no bug.
            return answer_to(StorageFull("no room to write"))
        case ClientDisconnect():
            # Nobody hears this. It is no bug, and must not be logged as one.
            return answer_to(RequestInvalid("the request broke off"))
        case HTTPException():
            if error.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
                unknown = RouteUnknown("no such path, or not with this method")
                response = answer_to(unknown, status=HTTPStatus(error.status_code))
                response.headers.update(error.headers or {})
                return response
            return answer_to(RequestInvalid(HTTPStatus(error.status_code).phrase))
        case _:
            logs.LOG.error("a bug", exc_info=error)
            return answer_to(Bug("something went wrong here"), status=HTTPStatus.INTERNAL_SERVER_ERROR)


def install(app: FastAPI) -> None:
    """Let every error of `app` be answered as a problem."""

    def handle(_request: Request, error: Exception) -> Response:
        return answer_to_any(error)

    handler: Callable[[Request, Exception], Response] = handle
    for kind in (Refusing, ConsentryError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handler)


def _faults(error: RequestValidationError) -> list[Fault]:
    # Where and what, never the value: it may be a name.
    return [
        Fault(where=".".join(str(part) for part in one["loc"])[:200], message=str(one["msg"])[:200])
        for one in error.errors()[:20]
    ]


def _json(said: Problem, status: HTTPStatus, headers: Mapping[str, str]) -> Response:
    return JSONResponse(
        said.model_dump(mode="json"),
        status_code=status,
        headers={**headers, CODE: said.code},
        media_type=MEDIA_TYPE,
    )
