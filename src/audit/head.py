"""The last tree head, kept beside the deny journal: what a restored database is held against.

A log that forgot its end would sign another one: a fork. So the head is stored apart from the
database, moves by compare-and-swap only, and never back (as Sunlight's lock backend does).
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audit import durable
from audit.errors import Diverged, Unready

_FILE = re.compile(rb"consentry/head/v1 (0|[1-9][0-9]{0,18}) ([0-9a-f]{64})\n")


class HeadDamaged(Diverged):
    """The stored tree head is no tree head."""

    code = "HEAD_DAMAGED"
    zh = "日志头文件（head）已损坏。"
    hint = "Restore it from its own copy, or run `consentry recover`."
    hint_zh = "请从其独立副本恢复，或运行 `consentry recover`。"


class HeadMoved(Unready):
    """The stored tree head is not the one that was to be replaced: somebody else publishes too."""

    code = "HEAD_MOVED"
    zh = "日志头已被其他进程更新。"
    hint = "Repeat; if it persists, two deployments share this folder."
    hint_zh = "请重试；若持续出现，可能有两套部署共用该目录。"


@dataclass(frozen=True, slots=True)
class TreeHead:
    """Size and root (64 hex digits) of a published tree."""

    size: int
    root: str


class Head(Protocol):
    """One tree head, compared and swapped.

    Trusted: who can set it back can make us sign a fork. Serialisable and read-after-write
    consistent across processes and restarts; a swap is durable when it returns.
    """

    def read(self) -> TreeHead | None:
        """The head, or None if there never was one."""
        ...

    def advance(self, old: TreeHead | None, new: TreeHead) -> None:
        """Replace `old` by `new`. Raises `HeadMoved` if the head is not `old`."""
        ...


class HeadFile:
    """`Head` in a file of a local file system. Raises `HeadDamaged`, `DiskFull` and `DiskFailed` too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._doubts = 1
        """Not 0: what lies there may not be on the disk. A replacement whose last sync failed is seen all the
        same, by us and by who starts next."""

    def read(self) -> TreeHead | None:
        doubts = self._doubts
        with durable.disk(self._path):
            try:
                data = self._path.read_bytes()
            except FileNotFoundError:
                return None
            if doubts:
                durable.sync_directory(self._path.parent)
                if self._doubts == doubts:
                    self._doubts = 0
        found = _FILE.fullmatch(data)
        if not found:
            raise HeadDamaged(f"{self._path.name} holds no tree head")
        return TreeHead(int(found[1]), found[2].decode())

    def advance(self, old: TreeHead | None, new: TreeHead) -> None:
        with self._locked():
            if self.read() != old:
                raise HeadMoved("the tree head is another one than expected")
            if old is not None and new.size < old.size:
                raise HeadMoved(f"a tree head of {new.size} would go back from {old.size}")
            self._doubts += 1
            durable.replace(
                self._path, b"consentry/head/v1 %d %s\n" % (new.size, new.root.encode()), mode=0o600
            )
            self._doubts = 0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A file of its own: the head itself is replaced, and a lock on it would be on the old one.
        lock = self._path.with_name(f"{self._path.name}.lock")
        with durable.disk(lock):
            durable.make_directory(lock.parent)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
