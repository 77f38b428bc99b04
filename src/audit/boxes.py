"""ISO base media boxes (ISO/IEC 14496-12 clause 4.2), read strictly and within bounds.

Knows where boxes begin and end, nothing about pictures. Sizes come from strangers: every one is
checked against its parent before it is believed.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audit.errors import BadInput

MAX_TOP_LEVEL = 64
MAX_MOOV = 64 * 2**20
"""Bytes of `moov` we are willing to hold. Two hours at 60 frames a second need about 10 MiB."""
MAX_BOXES = 100_000
"""Boxes in one walk."""


class MediaMalformed(BadInput):
    """A file is not a sequence of well-formed ISO media boxes."""

    code = "MEDIA_MALFORMED"
    zh = "媒体文件的盒结构（ISO BMFF）不合法。"
    hint = "Use a complete, progressive MP4 file."
    hint_zh = "请使用完整的、非分片的 MP4 文件。"


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four-character code and where its payload lies, `[start, end)` in bytes."""

    kind: bytes
    start: int
    end: int

    @property
    def size(self) -> int:
        """Bytes of payload, header not counted."""
        return self.end - self.start


def top_level(file: BinaryIO) -> list[Box]:
    """The boxes of a file, in order. Raises `MediaMalformed`; a box of size 0 ("to the end") is refused."""
    length = file.seek(0, os.SEEK_END)
    found: list[Box] = []
    at = 0
    while at < length:
        if len(found) == MAX_TOP_LEVEL:
            raise MediaMalformed(f"more than {MAX_TOP_LEVEL} boxes at the top level")
        file.seek(at)
        box = _box(file.read(16), at, length)
        found.append(box)
        at = box.end
    return found


def payload(file: BinaryIO, box: Box) -> bytes:
    """A box's payload. Raises `MediaMalformed` if it is larger than `MAX_MOOV` or cut short."""
    if box.size > MAX_MOOV:
        raise MediaMalformed(f"a {_name(box.kind)} box of {box.size} bytes is larger than {MAX_MOOV}")
    file.seek(box.start)
    data = file.read(box.size)
    if len(data) != box.size:
        raise MediaMalformed(f"a {_name(box.kind)} box is cut short")
    return data


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes in `data[start:end]`, which they must fill exactly. Raises `MediaMalformed`."""
    limit = len(data) if end is None else end
    for _ in range(MAX_BOXES):
        if start == limit:
            return
        box = _box(data[start : min(start + 16, limit)], start, limit)
        yield box
        start = box.end
    raise MediaMalformed(f"more than {MAX_BOXES} boxes in one place")


def _box(header: bytes, at: int, limit: int) -> Box:
    if len(header) < 8:
        raise MediaMalformed(f"stray bytes at {at} where a box should begin")
    size, kind, taken = int.from_bytes(header[:4], "big"), header[4:8], 8
    if size == 1:
        size, taken = int.from_bytes(header[8:16], "big"), 16
    if size < taken or len(header) < taken or size > limit - at:
        raise MediaMalformed(f"a {_name(kind)} box at {at} does not fit its surroundings")
    return Box(kind, at + taken, at + size)


def _name(kind: bytes) -> str:
    return ascii(kind.decode("latin-1"))
