"""A download on its way to a file: goes on where it broke, is there whole or not at all."""

import hashlib
import os
from http import HTTPStatus
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

import httpx

from service.client.call import Call
from service.client.errors import Damaged


class Saving:
    """Bytes of one answer. In a `with`: what was not finished is deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f"{path.name}.{token_hex(4)}.part")
        self._file = self._part.open("xb")
        self._hash, self._have, self._most, self._tag = hashlib.sha256(), 0, 0, ""

    def headers(self, call: Call[bytes]) -> dict[str, str]:
        """Ask for what is missing, if it is still the same file."""
        headers = {**call.all_headers(), "Accept-Encoding": "identity"}
        if self._have and self._tag:
            headers |= {"Range": f"bytes={self._have}-", "If-Range": self._tag}
        return headers

    def begin(self, response: httpx.Response) -> None:
        """An answer begins: the rest, or all of it anew."""
        self._tag = response.headers.get("ETag", "")
        if response.status_code != HTTPStatus.PARTIAL_CONTENT:
            self._file.seek(0)
            self._file.truncate()
            self._hash, self._have = hashlib.sha256(), 0

    def write(self, chunk: bytes) -> bool:
        """Keep what came. Whether more of the file is here than ever before."""
        self._file.write(chunk)
        self._hash.update(chunk)
        self._have += len(chunk)
        further = self._have > self._most
        self._most = max(self._most, self._have)
        return further

    def finish(self) -> None:
        """Put the file in its place. Raises `Damaged` if it is not the one whose digest was announced."""
        if self._tag and self._tag.strip('"') != self._hash.hexdigest():
            raise Damaged("the file has another SHA-256 than its ETag says")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, and delete what is not finished."""
        try:
            self._file.close()
        finally:
            # Also where closing fails, on a disk that is full.
            self._part.unlink(missing_ok=True)
