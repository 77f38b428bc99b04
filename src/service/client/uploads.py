"""Calls about uploads in parts, and the conversation that sends a whole file by them."""

from pathlib import Path

from service.client.call import Call, Part, Reply, Steps, post, shaped
from service.client.call import send as sent
from service.client.errors import Problem
from service.shapes import uploads as shapes
from service.shapes.templates import Admitted

PART = 8 * 1024 * 1024
STUCK = 8
"""Refused parts in a row, after which somebody else is writing this upload."""
_DIFFERS, _AT_WORK = "UPLOAD_OFFSET_DIFFERS", "UPLOAD_AT_WORK"


def send(template: str, file: Path, part: int = PART) -> Steps[Admitted]:
    """The announced file, in parts; goes on where a connection broke: `client.run(uploads.send(...))`."""
    size = file.stat().st_size
    begun: shapes.Upload = yield begin(template, size)
    offset, ahead, refused = begun.offset, part, 0
    while offset < size:
        coming = Part(file, offset, min(offset + ahead, size))
        try:
            offset, ahead, refused = (yield append(begun.upload, coming)), part, 0
        except Problem as problem:
            if problem.code not in {_DIFFERS, _AT_WORK} or refused == STUCK:
                raise
            refused += 1
            if problem.code == _AT_WORK:
                # The service still listens to a line that broke, for half a minute: asked without bytes.
                ahead = 0
            else:
                # Some of a part arrived before its line broke, and it was sent again.
                offset = yield progress(begun.upload)
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
