"""Uploads in parts, as they lie on disk: each held by one process at a time, and never read by anybody else.

The hold is the kernel's, on the file itself: it ends with the process that has it, however that ends, and
it holds between processes. What is believed of a part is its row's (`uploads`): bytes behind the offset
that the row names are cut off before the next ones are written.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, ClassVar, TypeAlias

from audit.errors import BadInput
from swap.draft import storage, sync_folder
from swap.errors import Tampered
from swap.faults import FolderExposed

SYNC = 64 << 20
"""Bytes that a crash may cost a client who sends them in one request."""

Open: TypeAlias = Callable[[Path], BinaryIO]


class UploadAtWork(BadInput):
    """Somebody is sending these bytes at this moment."""

    code = "UPLOAD_AT_WORK"
    zh = "该文件正在由另一请求上传。"
    hint = "Wait until the other request has ended; HEAD of an upload says how far it came."
    hint_zh = "请等待另一请求结束；可对上传地址发送 HEAD 查询进度。"
    status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    retry_after = 2


class UploadTooLong(BadInput):
    """More bytes than were stated when the upload began."""

    code = "UPLOAD_TOO_LONG"
    zh = "上传内容超出声明的大小。"
    hint = "Send as many bytes as were stated, or begin another upload."
    hint_zh = "请按声明的大小上传，或重新开始一次上传。"
    status: ClassVar[HTTPStatus] = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def open_part(path: Path) -> BinaryIO:
    """The file, unbuffered, for reading and writing; made if it is not there, for its owner alone."""
    return open(path, "r+b", buffering=0, opener=_private)


@dataclass(frozen=True, slots=True)
class Part:
    """A part that we hold."""

    path: Path
    file: BinaryIO

    def append(
        self, offset: int, chunks: Iterable[bytes], *, most: int, saved: Callable[[int], None]
    ) -> None:
        """Write on from `offset`, up to `most` in all. `saved` is told how many are on the disk for good.

        What came before `chunks` broke off with a `BadInput` is kept, and that is raised. Of what is too
        long, or finds no room, nothing is kept since `saved` was last called. Raises `UploadTooLong`,
        `StorageFull`, `Tampered`.
        """
        if os.fstat(self.file.fileno()).st_size < offset:
            raise Tampered(f"upload {self.path.name} has fewer bytes than were recorded")
        at = kept = offset
        coming, broken = iter(chunks), None
        self._cut(offset)
        try:
            while isinstance(came := _next(coming), bytes):
                self._write(came, most - at)
                at += len(came)
                if at - kept >= SYNC:
                    kept = self._keep(at, saved)
            broken = came
            kept = self._keep(at, saved)
        except BaseException:
            # Also after a failed fsync: what the next one says of the same bytes would mean nothing.
            self._cut(kept)
            raise
        if broken is not None:
            raise broken

    def discard(self) -> None:
        """Remove it, durably."""
        with suppress(FileNotFoundError):
            self.path.unlink()
            sync_folder(self.path.parent)

    def _write(self, chunk: bytes, room: int) -> None:
        if len(chunk) > room:
            raise UploadTooLong("more bytes than were stated")
        rest = memoryview(chunk)
        with storage():
            while rest:
                rest = rest[self.file.write(rest) :]

    def _keep(self, at: int, saved: Callable[[int], None]) -> int:
        # First the bytes, then the offset: one that was answered is there after a crash.
        with storage():
            os.fsync(self.file.fileno())
        saved(at)
        return at

    def _cut(self, size: int) -> None:
        self.file.truncate(size)
        self.file.seek(size)


class PartFiles:
    """The folder of parts, mode 0700. Raises `FolderExposed`, `StorageFull`."""

    def __init__(self, root: Path, *, opened: Open = open_part) -> None:
        with storage():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(root.stat().st_mode)
        if mode & 0o077:
            raise FolderExposed(f"{root.name} has mode {mode:04o}; expected 0700")
        self._root, self._open = root, opened

    @contextmanager
    def held(self, name: str) -> Iterator[Part]:
        """A part, for us alone; made if it is not there. Raises `UploadAtWork`."""
        path = self._root / name
        while True:
            with storage():
                file = self._open(path)
            # Closing may be told that there is no room, as well.
            with storage(), file:
                try:
                    fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise UploadAtWork("another request is sending these bytes") from None
                if os.fstat(file.fileno()).st_nlink:
                    yield Part(path, file)
                    return
            # Its last holder removed it between our opening and our hold: what we have has no name any more.

    def left(self, *, before: datetime) -> Iterator[str]:
        """Names of what nobody has written to since `before`."""
        for path in sorted(self._root.iterdir()):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    yield path.name


def _next(coming: Iterator[bytes]) -> bytes | BadInput | None:
    """What comes next: bytes, why nothing more does, or the end."""
    try:
        return next(coming, None)
    except BadInput as error:
        return error


def _private(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
