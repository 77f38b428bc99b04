"""What passes between us and an engine on another machine: records of one kind byte, a length and a body.

    to the engine     O opening (JSON)  P portrait  F frame
    from the engine   R rendered frame  H hungry: send more  E end: the report (JSON)  X fault (JSON)

Numbers are big-endian, pixels BGR, 8 bits, as they are or deflated: nothing is lost. A rendered frame
carries only the rectangle round its mask, so outside of it an engine can't change anything. Neither
side believes the other: lengths are bounded before anything is read, contents when they are taken apart.
"""

import json
import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from audit.errors import Diverged
from consent.faces import Face, Image
from swap.engine import PermittedTrack, Portrait, Rendered, Report, Skip, SkipReason
from swap.frames import Frame
from swap.limits import Limits

VERSION = 1
MAX_RECORD = 256 << 20
"""Bytes of one record: the largest photo that is accepted, and more than any frame."""
_HEADER = struct.Struct(">cI")
_FRAME = struct.Struct(">IqIIB")
_PORTRAIT = struct.Struct(">IIB")
_RENDERED = struct.Struct(">Iq")
_PATCH = struct.Struct(">IIIIB")
_ID = re.compile(r"[0-9a-f]{32}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,63}")
_LANDMARKS = 5


class EngineGarbled(Diverged):
    """What came over the wire is not what was agreed on."""

    code = "ENGINE_GARBLED"
    zh = "远程引擎的数据不符合约定格式。"
    hint = "The output was discarded. Check that both sides run versions that fit each other."
    hint_zh = "输出已丢弃。请检查两端版本是否匹配。"


class Kind(bytes, Enum):
    """What a record is."""

    OPENING = b"O"
    PORTRAIT = b"P"
    FRAME = b"F"
    RENDERED = b"R"
    HUNGRY = b"H"
    END = b"E"
    FAULT = b"X"


@dataclass(frozen=True, slots=True)
class Opening:
    """One run: for which attempt of which job, on whom, from whom."""

    job: str
    attempt: int
    tracks: Sequence[PermittedTrack]
    portrait: Portrait


@dataclass(frozen=True, slots=True)
class Identity:
    """What a permit names of an engine."""

    name: str
    version: str
    digests: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """As an engine says it."""
        return {"v": VERSION, "name": self.name, "version": self.version, "digests": dict(self.digests)}

    @classmethod
    def from_json(cls, value: Any) -> "Identity":
        """As it was said. Raises `EngineGarbled`."""
        if not isinstance(value, dict) or value.get("v") != VERSION:
            raise EngineGarbled(f"the engine does not speak version {VERSION}")
        name, version, digests = value.get("name"), value.get("version"), value.get("digests")
        if not isinstance(digests, dict) or not all(
            isinstance(word, str) and re.fullmatch(r"[a-z0-9][a-z0-9._+-]{0,63}", word)
            for word in (name, version, *digests)
        ):
            raise EngineGarbled("the engine's name, version or models can't be read")
        if not all(
            isinstance(each, str) and re.fullmatch(r"[0-9a-f]{64}", each) for each in digests.values()
        ):
            raise EngineGarbled("a digest of the engine's models can't be read")
        return cls(str(name), str(version), digests)


def record(kind: Kind, body: bytes = b"") -> bytes:
    """One record."""
    return _HEADER.pack(kind.value, len(body)) + body


def told(kind: Kind, value: object) -> bytes:
    """One record with JSON in it."""
    return record(kind, json.dumps(value, allow_nan=False, separators=(",", ":")).encode())


def records(chunks: Iterable[bytes]) -> Iterator[tuple[Kind, bytes]]:
    """The records of a stream, each as soon as it is whole. Raises `EngineGarbled`."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= _HEADER.size:
            word, length = _HEADER.unpack_from(held)
            if length > MAX_RECORD:
                raise EngineGarbled("a record is longer than any may be")
            try:
                kind = Kind(word)
            except ValueError:
                raise EngineGarbled("a record of an unknown kind") from None
            if len(held) < _HEADER.size + length:
                break
            yield kind, bytes(held[_HEADER.size : _HEADER.size + length])
            del held[: _HEADER.size + length]
    if held:
        raise EngineGarbled("the stream ends within a record")


# To the engine


def opened(opening: Opening, *, deflate: bool) -> bytes:
    """A run's two records."""
    said = {
        "v": VERSION,
        "job": opening.job,
        "attempt": opening.attempt,
        "tracks": [
            {"id": track.id, "sightings": [[index, *_flat(face)] for index, face in track.sightings.items()]}
            for track in opening.tracks
        ],
        "face": _flat(opening.portrait.face),
    }
    image = opening.portrait.image
    packed = _pack(image.tobytes(), deflate=deflate)
    head = _PORTRAIT.pack(image.shape[1], image.shape[0], deflate)
    return told(Kind.OPENING, said) + record(Kind.PORTRAIT, head + packed)


def opening(data: bytes, limits: Limits) -> Opening:
    """A run as it was opened. Raises `EngineGarbled`."""
    parts = list(records([data]))
    if [kind for kind, _ in parts] != [Kind.OPENING, Kind.PORTRAIT]:
        raise EngineGarbled("a run is opened by an opening and a portrait")
    said, photo = parsed(parts[0][1]), parts[1][1]
    try:
        job, attempt, tracks = said["job"], said["attempt"], said["tracks"]
        permitted = [
            PermittedTrack(str(t["id"]), {_count(s[0]): _face(s[1:]) for s in t["sightings"]}) for t in tracks
        ]
        face, (width, height, packed) = _face(said["face"]), _PORTRAIT.unpack_from(photo)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, struct.error):
        raise EngineGarbled("the opening of a run can't be read") from None
    if said.get("v") != VERSION or not isinstance(job, str) or not _ID.fullmatch(job):
        raise EngineGarbled("the opening of a run is of another version, or for no job")
    if len(permitted) > limits.max_tracks or width * height > limits.max_photo_pixels:
        raise EngineGarbled("a run has more tracks, or a larger portrait, than any may have")
    image = _pixels(photo[_PORTRAIT.size :], (height, width, 3), packed=packed)
    return Opening(job, _count(attempt), permitted, Portrait(image, face))


def sent(frame: Frame, *, deflate: bool) -> bytes:
    """One frame's record."""
    height, width = frame.image.shape[:2]
    head = _FRAME.pack(frame.index, frame.pts, width, height, deflate)
    return record(Kind.FRAME, head + _pack(frame.image.tobytes(), deflate=deflate))


def frames(data: bytes, limits: Limits) -> list[Frame]:
    """The frames of one request. Raises `EngineGarbled`."""
    found = []
    for kind, body in records([data]):
        if kind is not Kind.FRAME or len(body) < _FRAME.size:
            raise EngineGarbled("something else came where frames are due")
        index, pts, width, height, packed = _FRAME.unpack_from(body)
        if not 0 < width * height <= limits.max_pixels:
            raise EngineGarbled("a frame is larger than any may be")
        found.append(Frame(index, pts, _pixels(body[_FRAME.size :], (height, width, 3), packed=packed)))
    return found


# From the engine


def returned(rendered: Rendered, *, deflate: bool) -> bytes:
    """One rendered frame's record: where it stands, and the rectangle round its mask if it has one."""
    head = _RENDERED.pack(rendered.index, rendered.pts)
    if rendered.mask is None or not rendered.mask.any():
        return record(Kind.RENDERED, head)
    x, y, width, height = cv2.boundingRect(rendered.mask)
    here = slice(y, y + height), slice(x, x + width)
    content = rendered.image[here].tobytes() + rendered.mask[here].tobytes()
    head += _PATCH.pack(x, y, width, height, deflate)
    return record(Kind.RENDERED, head + _pack(content, deflate=deflate))


def rendered(body: bytes, original: Frame) -> Rendered:
    """What came back for `original`. Raises `EngineGarbled`; the fence checks what it shows."""
    if len(body) < _RENDERED.size:
        raise EngineGarbled("a rendered frame is too short")
    index, pts = _RENDERED.unpack_from(body)
    rest = body[_RENDERED.size :]
    if not rest:
        return Rendered(index, pts, original.image, None)
    if len(rest) < _PATCH.size:
        raise EngineGarbled("a rendered frame is too short")
    x, y, width, height, packed = _PATCH.unpack_from(rest)
    if not width or not height or x + width > original.image.shape[1] or y + height > original.image.shape[0]:
        raise EngineGarbled("a rendered frame's rectangle is not within the frame")
    content = _pixels(rest[_PATCH.size :], (height * width * 4,), packed=packed)
    image, mask = original.image.copy(), np.zeros(original.image.shape[:2], np.uint8)
    here, colours = (slice(y, y + height), slice(x, x + width)), height * width * 3
    image[here] = content[:colours].reshape(height, width, 3)
    mask[here] = content[colours:].reshape(height, width)
    return Rendered(index, pts, image, mask)


def ended(report: Report) -> bytes:
    """The last record of a run."""
    skipped = [[skip.track, skip.index, str(skip.reason)] for skip in report.skipped]
    return told(Kind.END, {"swapped": report.swapped, "skipped": skipped})


def report(body: bytes) -> Report:
    """What the engine says it did. Raises `EngineGarbled`."""
    said = parsed(body)
    try:
        skipped = tuple(
            Skip(str(track), _count(index), SkipReason(why)) for track, index, why in said["skipped"]
        )
        return Report(_count(said["swapped"]), skipped)
    except (KeyError, TypeError, ValueError):
        raise EngineGarbled("the engine's report can't be read") from None


def fault(body: bytes) -> str:
    """The stable code of what went wrong over there. Raises `EngineGarbled`."""
    code = parsed(body).get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise EngineGarbled("the engine's fault can't be read")
    return code


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object without NaN or infinities. Raises `EngineGarbled`."""
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise EngineGarbled("a record is no JSON") from None
    if not isinstance(value, dict):
        raise EngineGarbled("a record is no JSON object")
    return value


def _no_number(word: str) -> float:
    raise ValueError(word)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise ValueError("not a count")
    return value


def _flat(face: Face) -> list[float]:
    # Python writes a float in as many digits as it takes to read the same one again.
    points = [float(number) for point in face.landmarks for number in point]
    return [*map(float, (face.x, face.y, face.width, face.height, face.score)), *points]


def _face(numbers: Sequence[Any]) -> Face:
    values = [float(number) for number in numbers]
    if len(values) != 5 + 2 * _LANDMARKS or not all(map(math.isfinite, values)):
        raise ValueError("not a face")
    x, y, width, height, score, *flat = values
    return Face(x, y, width, height, score, tuple(zip(flat[::2], flat[1::2], strict=True)))


def _pack(data: bytes, *, deflate: bool) -> bytes:
    return zlib.compress(data, 1) if deflate else data


def _pixels(data: bytes, shape: tuple[int, ...], *, packed: int) -> Image:
    wanted = math.prod(shape)
    if packed:
        unpacking = zlib.decompressobj()
        try:
            # Never more than is due: a few bytes can be deflated from gigabytes.
            data = unpacking.decompress(data, wanted + 1)
        except zlib.error:
            raise EngineGarbled("pixels can't be unpacked") from None
    if len(data) != wanted or wanted == 0:
        raise EngineGarbled("a picture has more or fewer pixels than it says")
    pixels: NDArray[np.uint8] = np.frombuffer(data, np.uint8).reshape(shape).copy()
    return pixels
