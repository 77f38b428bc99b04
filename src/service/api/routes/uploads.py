"""Bytes of announced templates: the whole file in one request, or in parts that go on after a break."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from service.api.access import Operator
from service.api.house import TheHouse
from service.api.inflow import stated, taken_in
from service.api.route import Route, StreamingRoute
from service.partfiles import UploadTooLong
from service.shapes import uploads as shapes
from service.shapes.shape import Id
from service.shapes.templates import Admitted
from service.uploads import Upload
from swap.faults import SourceTooLarge
from swap.remux import Remuxed

router = APIRouter(prefix="/v1", tags=["uploads"], route_class=Route)
bodies = APIRouter(prefix="/v1", tags=["uploads"], route_class=StreamingRoute)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_OFFSET = {"Upload-Offset": {"schema": {"type": "integer"}, "description": "Bytes that are here for good."}}
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, le=2**53)]


@bodies.put("/templates/{template}/content", openapi_extra=_BODY)
async def content(house: TheHouse, _: Operator, template: Id, request: Request) -> Admitted:
    """Send the announced file as the body, as it is. It is kept if its SHA-256 is the announced one.

    Nothing is kept of a body that breaks off, stalls (408), is too large (413) or another one (422).
    """
    receiving = house.receiving
    if stated(request) > receiving.most:
        raise SourceTooLarge(f"{stated(request)} bytes; at most {receiving.most}")
    done = await taken_in(request, partial(receiving.whole, template))
    return _admitted(template, done)


@router.post("/templates/{template}/uploads", status_code=HTTPStatus.CREATED)
def begin(
    house: TheHouse, caller: Operator, template: Id, asked: shapes.Begin, response: Response
) -> shapes.Upload:
    """Begin an upload in parts. The caller's key goes on with it, or one it is rotated to; no other."""
    found = house.receiving.begin(caller.line, template, asked.size)
    response.headers["Location"] = f"/v1/uploads/{found.id}"
    return _upload(found)


@bodies.patch(
    "/uploads/{upload}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    openapi_extra=_BODY,
    responses={HTTPStatus.NO_CONTENT: {"headers": _OFFSET, "description": "As far as `Upload-Offset`."}},
)
async def append(house: TheHouse, caller: Operator, upload: Id, request: Request, offset: Offset) -> Response:
    """Send bytes on from `Upload-Offset`, as the body. What arrived before a break is kept.

    The answer names the new offset. 409 names the present one, where the request had another.
    """
    found = house.receiving
    if stated(request) > found.most:
        raise UploadTooLong(f"{stated(request)} bytes; no upload has so many")
    now = await taken_in(request, partial(found.append, caller.line, upload, offset))
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Upload-Offset": str(now)})


@router.head(
    "/uploads/{upload}",
    response_class=Response,
    responses={HTTPStatus.OK: {"headers": _OFFSET, "description": "And `Upload-Length`."}},
)
def describe(house: TheHouse, caller: Operator, upload: Id) -> Response:
    """How far an upload is."""
    found = house.receiving.find(caller.line, upload)
    return Response(headers={"Upload-Offset": str(found.offset), "Upload-Length": str(found.size)})


@router.post("/uploads/{upload}/completion")
def complete(house: TheHouse, caller: Operator, upload: Id) -> Admitted:
    """All bytes are here: take them in, as PUT .../content does. Other bytes than announced are deleted."""
    template = house.receiving.find(caller.line, upload).template
    return _admitted(template, house.receiving.complete(caller.line, upload))


@router.delete("/uploads/{upload}", status_code=HTTPStatus.NO_CONTENT)
def abandon(house: TheHouse, caller: Operator, upload: Id) -> None:
    """Delete an upload and what came of it."""
    house.receiving.abandon(caller.line, upload)


def _admitted(template: str, done: Remuxed) -> Admitted:
    return Admitted(template=template, frames=done.frames, sound=done.sound)


def _upload(found: Upload) -> shapes.Upload:
    return shapes.Upload(
        upload=found.id,
        template=found.template,
        size=found.size,
        offset=found.offset,
        delete_after=found.delete_after,
    )
