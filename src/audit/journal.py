"""The deny journal: what was withdrawn, outside the database, so that no backup brings consent back.

A withdrawal is first a line here, then a row there. What the journal names is denied, whatever the
database says. Trusted, and append-only: losing it is losing what a restored database can't know.
"""

import fcntl
import os
import re
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from audit import durable
from audit.canonical import digest_of
from audit.errors import BadInput, Diverged, Unready

_LINE = re.compile(rb"[0-9a-f]{64}\n")
_LINE_SIZE = 65
_WHOLE = re.compile(rb"(?m)^[0-9a-f]{64}\n")


class JournalDamaged(Diverged):
    """The deny journal has lost lines, or holds something that is none."""

    code = "JOURNAL_DAMAGED"
    zh = "拒绝日志（deny journal）已损坏。"
    hint = "Restore it from its own copy, or run `consentry recover`, which suspends every authorization."
    hint_zh = "请从其独立副本恢复，或运行 `consentry recover`（将暂停全部授权，待重新确认）。"


class JournalMissing(Unready):
    """There is no deny journal where the settings say."""

    code = "JOURNAL_MISSING"
    zh = "缺少拒绝日志（deny journal）。"
    hint = "Check its path; `consentry init` makes one, `consentry recover` replaces a lost one."
    hint_zh = "请检查路径；新建用 `consentry init`，丢失后用 `consentry recover`。"


class NothingDenied(BadInput):
    """A withdrawal that names no purpose. Empty never means all, and never means none."""

    code = "NOTHING_DENIED"
    zh = "撤回须至少指明一个用途。"
    hint = "Name every purpose that is withdrawn."
    hint_zh = "请列明所有撤回的用途。"


class DenyJournal:
    """A file of lines, each the SHA-256 of one (authorization, purpose). For many threads and processes.

    Memory holds the lines read so far; every question looks at the file again for new ones.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._denied: set[bytes] = set()
        self._read = 0
        self._file: tuple[int, int] | None = None
        self._catch_up()

    @classmethod
    def create(cls, path: Path, damaged: bytes = b"") -> "DenyJournal":
        """A journal, once, and opened: `consentry init`. One that is there already is kept.

        Of `damaged` ones it takes over each line that is whole: a denial too many harms nobody.
        """
        durable.create(path, b"".join(sorted(set(_WHOLE.findall(damaged)))), mode=0o600)
        return cls(path)

    def append(self, authorization: str, purposes: Sequence[str]) -> None:
        """Deny, durably before this returns. The caller is authorised before, not here.

        Raises `NothingDenied`, `JournalMissing`, `JournalDamaged`, `audit.durable.DiskFull` or
        `DiskFailed`; then some purposes may be denied and others not, which errs on the safe side.
        """
        if not purposes:
            raise NothingDenied("a withdrawal names no purpose")
        lines = b"".join(_line(authorization, purpose) for purpose in purposes)
        with self._opened(os.O_RDWR) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # A torn last line is an append that never returned, so nobody relies on it. Behind it
            # ours would be damaged too: cut it off first.
            size = os.fstat(descriptor).st_size
            end = size - size % _LINE_SIZE
            if end != size:
                os.ftruncate(descriptor, end)
            # If this fails the lines are not acknowledged, and perhaps on the disk all the same: a
            # denial too many harms nobody, so what remains is left to the next append.
            if os.pwrite(descriptor, lines, end) != len(lines):
                raise durable.DiskFull(f"{self._path.name}: a line was written in part")
            os.fsync(descriptor)

    def denies(self, authorization: str, purpose: str) -> bool:
        """Whether it was ever withdrawn, by any process, up to this moment.

        Raises `JournalMissing`, `JournalDamaged` or `audit.durable.DiskFailed`: no answer is no leave.
        """
        return bool(self.denied([(authorization, purpose)]))

    def denied(self, asked: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Those (authorization, purpose) that were ever withdrawn: `denies` of many, at one moment."""
        with self._lock:
            self._catch_up()
            return frozenset(pair for pair in asked if _line(*pair) in self._denied)

    def _catch_up(self) -> None:
        with self._opened(os.O_RDONLY) as descriptor:
            status = os.fstat(descriptor)
            file = (status.st_dev, status.st_ino)
            whole = status.st_size - status.st_size % _LINE_SIZE
            if file == self._file and whole == self._read:
                return
            known = self._denied
            if file != self._file:
                # Replaced by another file: believe it only if it knows all we know.
                self._read = 0
            if whole < self._read:
                raise JournalDamaged("the deny journal is shorter than it was")
            fresh = _lines(os.pread(descriptor, whole - self._read, self._read))
            denied = fresh if file != self._file else known | fresh
            if not known <= denied:
                raise JournalDamaged("the deny journal has lost lines")
            self._denied, self._read, self._file = denied, whole, file

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        with durable.disk(self._path):
            try:
                descriptor = os.open(self._path, flags | os.O_CLOEXEC)
            except FileNotFoundError:
                raise JournalMissing(f"{self._path.name} is missing") from None
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise JournalDamaged(f"{self._path.name} is not a file")
                yield descriptor
            finally:
                os.close(descriptor)


@lru_cache(maxsize=4096)  # a pure function, asked for every purpose at every decision
def _line(authorization: str, purpose: str) -> bytes:
    # A digest: the journal outlives erasure, and must not name whom it is about.
    return digest_of({"authorization": authorization, "purpose": purpose}).encode() + b"\n"


def _lines(data: bytes) -> set[bytes]:
    lines = {data[i : i + _LINE_SIZE] for i in range(0, len(data), _LINE_SIZE)}
    if not all(_LINE.fullmatch(line) for line in lines):
        raise JournalDamaged("a line of the deny journal is not a digest")
    return lines
