"""Outputs: what is known of them, the files while every consent stands, and their receipts."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Header, Request, Response

from audit.errors import BadInput
from audit.prunerows import EntryPruned
from service.api.access import AnyButEngine, Caller, Operator
from service.api.copies import Copies
from service.api.house import House, TheHouse, not_found
from service.api.instead import may_answer
from service.api.ranges import RangeUnsatisfiable, Span, asked
from service.api.route import Route
from service.api.transfer import Transfer
from service.apikeys import KeyRole
from service.shapes import outputs as shapes
from service.shapes.shape import Id
from swap import outputs
from swap.errors import NoSuchThing
from swap.outputs import Output
from swap.serving import Gone

router = APIRouter(prefix="/v1/outputs", tags=["outputs"], route_class=Route)

MEDIA_TYPE = "video/mp4"
_FILE = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


class OutputWithdrawn(BadInput):
    """The output was withdrawn. Its file is gone, or about to be."""

    code = "OUTPUT_WITHDRAWN"
    zh = "该输出已撤下。"
    hint = "Ask for a new swap, if everybody in it still agrees."
    hint_zh = "如各方仍然同意，请重新申请换脸。"
    status: ClassVar[HTTPStatus] = HTTPStatus.GONE


class OutputConsentEnded(BadInput):
    """A consent that the output rests on is not in force."""

    code = "OUTPUT_CONSENT_ENDED"
    zh = "该输出所依据的同意已终止。"
    hint = "GET /v1/outputs/{id} names the job; a new consent allows a new swap, never this file."
    hint_zh = "可经 GET /v1/outputs/{id} 查询任务；新的授权仅可用于新的换脸，不恢复本文件。"
    status: ClassVar[HTTPStatus] = HTTPStatus.GONE


class OutputFrozen(BadInput):
    """A takedown request or a court's order about the output is looked at."""

    code = "OUTPUT_FROZEN"
    zh = "该输出因下架请求或法院裁定已被冻结。"
    hint = "Ask again once it is answered: at most 48 hours after a request, when it is lifted for an order."
    hint_zh = "请在处理完成后重试：下架请求最迟 48 小时内答复，法院裁定以解除为准。"
    status: ClassVar[HTTPStatus] = HTTPStatus.GONE


_ENDED: Mapping[Gone, type[BadInput]] = {
    Gone.WITHDRAWN: OutputWithdrawn,
    Gone.CONSENT_ENDED: OutputConsentEnded,
    Gone.FROZEN: OutputFrozen,
}


@router.get("/{output}")
@may_answer(NoSuchThing)
def show(house: TheHouse, caller: AnyButEngine, output: Id) -> shapes.Output:
    """What is known of a released file. Creators see those that rest on a consent of theirs."""
    found = _seen(house, caller, output)
    gone = house.record.delivery.gone(output)
    return shapes.Output(
        output=found.id,
        job=found.job,
        template=found.template,
        decision=found.permit,
        digest=found.digest,
        size=found.size,
        entry=found.leaf_hash,
        released_at=found.released_at,
        withdrawn_at=found.withdrawn_at,
        gone=None if gone is None else str(gone),
        served=found.served,
    )


@router.get(
    "/{output}/content",
    response_class=Response,
    responses={
        HTTPStatus.OK: {"content": _FILE, "description": "The file."},
        HTTPStatus.PARTIAL_CONTENT: {"content": _FILE, "description": "The range."},
    },
)
@may_answer(NoSuchThing, OutputWithdrawn, OutputConsentEnded, OutputFrozen, RangeUnsatisfiable)
def content(
    house: TheHouse,
    caller: Operator,
    output: Id,
    request: Request,
    span: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,
    if_range: Annotated[str | None, Header(alias="If-Range")] = None,
) -> Response:
    """The file or one range of it, if every consent it rests on is in force at this moment.

    Asked for each request and each range, and again while it is sent: after a withdrawal the connection is
    broken off. Several ranges in one request are answered with the whole file.
    """
    delivery = house.record.delivery
    copies: Copies = request.app.state.copies
    begun = copies.of(caller.key, output)
    found = begun or delivery.find(output)
    part = _part(house, found, span, if_range)
    whole = Span(0, found.size, found.size)
    # A copy begins with its first bytes, and for whoever has none with any.
    begins = begun is None or (part or whole).begin == 0
    handed = delivery.hand_over(found, counted=begins, to=caller.requester)
    if isinstance(handed, Gone):
        raise _ENDED[handed]("nothing is served of this output")
    if begins:
        copies.begun(caller.key, handed.output)
    headers = _headers(found)
    if part is not None:
        headers["Content-Range"] = part.content_range
    return Transfer(
        handed.opened,
        part or whole,
        lambda: delivery.still(handed),
        status=HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
        headers=headers,
    )


@router.head("/{output}/content", response_class=Response)
@may_answer(NoSuchThing, OutputWithdrawn, OutputConsentEnded, OutputFrozen)
def describe(house: TheHouse, _: Operator, output: Id) -> Response:
    """What GET would be answered with, without the file and without counting a copy."""
    found = house.record.delivery.find(output)
    _expect_served(house, output)
    return Response(headers={**_headers(found), "Content-Length": str(found.size)})


@router.get(
    "/{output}/receipt",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {"application/json": {}}, "description": "The receipt."}},
)
@may_answer(NoSuchThing, EntryPruned)
def receipt(house: TheHouse, caller: AnyButEngine, output: Id) -> Response:
    """The receipt of a release, byte for byte: a stranger checks file and receipt with `consentry verify`.

    It names nobody, so it is handed out also when the file is not any more, as long as the log has its entry.
    """
    _seen(house, caller, output)
    return Response(house.record.delivery.receipt(output), media_type="application/json")


def _seen(house: House, caller: Caller, output: str) -> Output:
    """The output, if the caller may know of it. Raises as for one that is not there."""
    with house.database.read() as session:
        mine = caller.role is not KeyRole.CREATOR or outputs.rests_on(
            session, house.tenant, output, caller.person or ""
        )
        # Asked first: an output of nobody rests on nobody.
        if not mine:
            raise not_found("output")
        return outputs.get(session, house.tenant, output)


def _part(house: House, found: Output, span: str | None, if_range: str | None) -> Span | None:
    try:
        return asked(span, if_range, _etag(found), found.size)
    except RangeUnsatisfiable:
        # What is gone has no size any more.
        _expect_served(house, found.id)
        raise


def _expect_served(house: House, output: str) -> None:
    gone = house.record.delivery.gone(output)
    if gone is not None:
        raise _ENDED[gone]("nothing is served of this output")


def _headers(found: Output) -> dict[str, str]:
    return {
        "Content-Type": MEDIA_TYPE,
        "Content-Disposition": f'attachment; filename="{found.id}.mp4"',
        "Accept-Ranges": "bytes",
        "ETag": _etag(found),
    }


def _etag(found: Output) -> str:
    return f'"{found.digest}"'
