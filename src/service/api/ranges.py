"""One range of bytes of a file (RFC 9110, 14). Pure.

Several ranges at once are answered with the whole file, as 14.2 allows: players ask for one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from audit.errors import BadInput

_ONE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class RangeUnsatisfiable(BadInput):
    """A range that begins behind the end of the file, or that is empty."""

    code = "RANGE_UNSATISFIABLE"
    zh = "请求的字节范围超出文件。"
    hint = "`Content-Range` of this answer, and HEAD, say how many bytes there are."
    hint_zh = "文件大小见本响应的 `Content-Range` 或 HEAD 请求。"
    status: ClassVar[HTTPStatus] = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE

    def __init__(self, size: int) -> None:
        super().__init__(f"expected a range within {size} bytes")
        self.headers: Mapping[str, str] = {"Content-Range": f"bytes */{size}"}


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `[begin, end)` of `size`."""

    begin: int
    end: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.begin

    @property
    def content_range(self) -> str:
        """As the header says it."""
        return f"bytes {self.begin}-{self.end - 1}/{self.size}"


def asked(header: str | None, if_range: str | None, etag: str, size: int) -> Span | None:
    """The range a request asks for; None: the whole file. Raises `RangeUnsatisfiable`.

    What is no range of bytes, or more than one, is as if nothing had been asked. So is a range on the
    condition of another file than this one: `etag` is compared as it stands, a date never fits.
    """
    found = _ONE.fullmatch(header) if header is not None else None
    if found is None or (if_range is not None and if_range.strip() != etag):
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        begin, end = max(0, size - int(last)), size
    else:
        begin, end = int(first), size if not last else min(size, int(last) + 1)
        if last and int(last) < begin:
            return None
    if begin >= size or begin >= end:
        raise RangeUnsatisfiable(size)
    return Span(begin, end, size)
