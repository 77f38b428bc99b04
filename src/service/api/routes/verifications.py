"""Verifying a file against its receipt, with the keys of this service. For strangers there is the shell."""

from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated, ClassVar

from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool

from audit import keyhistory
from audit.errors import BadInput
from audit.receipt import Receipt, ReceiptMalformed
from audit.verify import verify
from service.api.access import Anybody
from service.api.body import to_file
from service.api.house import House, TheHouse, not_found
from service.api.instead import may_answer
from service.api.problem import RequestInvalid
from service.api.route import BodyStalled, BodyTooLarge, Route, StreamingRoute
from service.shapes import verifications as shapes
from service.shapes.shape import Digest
from swap import outputs
from swap.draft import Draft
from swap.errors import NoSuchThing
from swap.limits import Limits

router = APIRouter(prefix="/v1/verifications", tags=["verify"], route_class=Route)
uploads = APIRouter(prefix="/v1/verifications", tags=["verify"], route_class=StreamingRoute)

AT_ONCE = 4
"""Files that are being received to be verified: each may fill half a gigabyte of disk for a while."""
_PLACES = BoundedSemaphore(AT_ONCE)


class BodyDiffers(BadInput):
    """A body whose SHA-256 is not the one in its address: it changed on its way, or broke off."""

    code = "BODY_DIFFERS"
    zh = "请求内容与路径中的 SHA-256 不符。"
    hint = "Send the file again, whole, to the address with its own SHA-256."
    hint_zh = "请按文件自身的 SHA-256 地址重新完整发送。"


class VerifyingBusy(BadInput):
    """As many files are being received to be verified as this process takes."""

    code = "VERIFYING_BUSY"
    zh = "正在接收的待验证文件已达上限。"
    hint = "Wait as long as Retry-After says. `consentry verify` needs no service at all."
    hint_zh = "请按 Retry-After 等待；`consentry verify` 可离线验证，无需服务。"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS
    retry_after = 5


@router.post("")
@may_answer(NoSuchThing)
def held(house: TheHouse, _: Anybody, asked: shapes.Verify) -> shapes.Verification:
    """Verify a file that is held here, by its SHA-256."""
    with house.database.read() as session:
        found = outputs.of_digest(session, house.tenant, asked.sha256)
    media = house.record.delivery.media
    if found is None or not media.holds(asked.sha256):
        raise not_found("file")
    return _verified(house, media.path(asked.sha256), asked.receipt)


@uploads.put(
    "/{sha256}",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
@may_answer(BodyDiffers, BodyStalled, BodyTooLarge, VerifyingBusy)
async def brought(
    house: TheHouse,
    _: Anybody,
    sha256: Digest,
    request: Request,
    receipt: Annotated[
        str, Header(alias="X-Receipt", max_length=2 * shapes.LARGEST_RECEIPT, description="Base64.")
    ],
) -> shapes.Verification:
    """Verify a file that is brought: the body, as it is, with its receipt in a header. It is not kept."""
    try:
        data = b64decode(receipt, validate=True)
    except (NotBase64, ValueError):
        raise RequestInvalid("X-Receipt: expected base64") from None
    if not _PLACES.acquire(blocking=False):
        raise VerifyingBusy(f"{AT_ONCE} files are being received")
    try:
        with Draft(house.record.layout.work) as file:
            digest = await to_file(request, file, most=Limits().max_bytes)
            if digest != sha256:
                raise BodyDiffers("the body has another SHA-256")
            return await run_in_threadpool(_verified, house, file.path, data)
    finally:
        _PLACES.release()


def _verified(house: House, file: Path, receipt: bytes) -> shapes.Verification:
    layout = house.record.layout
    # Container and manifest are read last, of a file whose SHA-256 our log has: none but ours is parsed.
    vkey, root = layout.vkey.read_text().strip(), layout.trust.read_text()
    witnesses = _witnesses(house, vkey) if _witnessed(receipt) else None
    with house.database.read() as session:
        bounds = keyhistory.bounds(session, house.tenant)
    ended = {kid: bound.index for kid, bound in bounds.items()}
    verdict = verify(file, receipt, vkey, root, house.clock(), witnesses=witnesses, ended=ended)
    return shapes.Verification(
        verdict="verified" if verdict.ok else "refused",
        steps=[
            shapes.Step(step=one.name, ok=one.ok, detail=one.detail, detail_zh=one.zh)
            for one in verdict.steps
        ],
        notes=[shapes.Note(detail=one.detail, detail_zh=one.zh) for one in verdict.notes],
    )


def _witnessed(receipt: bytes) -> bool:
    try:
        return Receipt.parse(receipt).witnessed
    except ReceiptMalformed:
        return False


def _witnesses(house: House, vkey: str) -> str:
    """Whom we know: whose lines are checked and named. Our own log's word does not wait for a quorum here."""
    witnessing = house.record.witnessing
    if witnessing is None:
        return f"log {vkey}\nquorum none\n"
    return replace(witnessing.trust, quorum=None).text
