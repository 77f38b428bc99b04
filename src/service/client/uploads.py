"""Calls about uploads in parts, and the conversation that sends a whole file by them."""

from pathlib import Path

from service.client.call import Call, Part, Reply, Steps, post, shaped
from service.client.call import send as sent
from service.client.errors import Problem
from service.shapes import uploads as shapes
from service.shapes.templates import Admitted

PART = 8 * 1024 * 1024
STUCK = 5
"""Refused parts in a row, after which somebody else is writing this upload."""
_GO_ON = {
    "UPLOAD_OFFSET_DIFFERS",  # some of a part arrived before its connection broke, and it was sent again
    "UPLOAD_AT_WORK",  # the service has not noticed yet that it broke: it waits for bytes, half a minute
}


def send(template: str, file: Path, part: int = PART) -> Steps[Admitted]:
    """The announced file, in parts; goes on where a connection broke: `client.run(uploads.send(...))`."""
    size = file.stat().st_size
    begun: shapes.Upload = yield begin(template, size)
    offset, refused = begun.offset, 0
    while offset < size:
        try:
            offset = yield append(begun.upload, Part(file, offset, min(offset + part, size)))
            refused = 0
        except Problem as problem:
            if problem.code not in _GO_ON or refused == STUCK:
                raise
            offset, refused = (yield progress(begun.upload)), refused + 1
    done: Admitted = yield complete(begun.upload)
    return done


def begin(template: str, size: int) -> Call[shapes.Upload]:
    """Begin an upload of so many bytes."""
    return post(f"/v1/templates/{template}/uploads", shapes.Upload, shapes.Begin(size=size))


def append(upload: str, part: Part) -> Call[int]:
    """Send bytes on from where the upload is; the new offset."""
    return sent("PATCH", f"/v1/uploads/{upload}", _offset, part, Upload_Offset=str(part.begin))


def progress(upload: str) -> Call[int]:
    """How many bytes are there for good."""
    return Call("HEAD", f"/v1/uploads/{upload}", _offset)


def complete(upload: str) -> Call[Admitted]:
    """All bytes are there: take them in."""
    return Call("POST", f"/v1/uploads/{upload}/completion", shaped(Admitted))


def abandon(upload: str) -> Call[None]:
    """Delete an upload and what came of it."""
    return Call("DELETE", f"/v1/uploads/{upload}", lambda _: None)


def _offset(reply: Reply) -> int:
    return int(reply.headers["Upload-Offset"])
