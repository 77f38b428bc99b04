"""Where media lie that may be worked on: normalised templates and finished outputs, by digest."""

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from swap.draft import Create, create
from swap.errors import Tampered
from swap.folder import ContentFolder

MOST = 10_000
"""Files remembered as checked; the one unused for longest goes first."""
SETTLED_NS = 2_000_000_000
"""How long a file must have been left alone before it is remembered as checked."""

Mark: TypeAlias = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose bytes were checked, open for reading. Whoever was given it closes it."""

    file: BufferedReader
    mark: Mark

    @property
    def size(self) -> int:
        """Bytes."""
        return self.mark[2]

    @property
    def unchanged(self) -> bool:
        """Whether nobody has touched the file since."""
        return mark_of(self.file) == self.mark

    def read(self, begin: int, size: int) -> bytes:
        """Up to `size` bytes from `begin` on. From any thread: nothing is sought."""
        return os.pread(self.file.fileno(), size, begin)

    def close(self) -> None:
        """Let go of it."""
        self.file.close()


class MediaStore(ContentFolder):
    """Files by `media_digest` or by an output's digest. Being here makes nothing reachable: a row does that.

    Trusted for nothing: `descriptor` hashes what it hands out, `opened` what this process has not yet.
    """

    def __init__(
        self, root: Path, *, make: Create = create, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        super().__init__(root, make=make)
        self._clock_ns = clock_ns
        self._checked: OrderedDict[str, Mark] = OrderedDict()
        self._lock = Lock()
        # Of many who want the same large file at once, one hashes it.
        self._turns = tuple(Lock() for _ in range(16))

    def opened(self, digest: str) -> Opened:
        """The file, its bytes checked. Raises `MediaMissing`, `Tampered`.

        Hashed once by this process, then known by what the kernel says of it: an edit in place, or
        another file in its place, has another change time, and that can't be set.
        """
        file = self.path(digest).open("rb")
        try:
            mark = mark_of(file)
            if not self._known(digest, mark):
                with self._turns[int(digest[0], 16)]:
                    if not self._known(digest, mark):
                        self._check(file, digest, mark)
            return Opened(file, mark)
        except BaseException:
            file.close()
            raise

    def _check(self, file: BufferedReader, digest: str, mark: Mark) -> None:
        begun = self._clock_ns()
        if hashlib.file_digest(file, "sha256").hexdigest() != digest or mark_of(file) != mark:
            raise Tampered(f"file {digest} holds other bytes")
        # Kernels stamp changes by the tick. Of a file changed just now a further change might not show.
        if begun - mark[-1] >= SETTLED_NS:
            with self._lock:
                self._checked[digest] = mark
                while len(self._checked) > MOST:
                    self._checked.popitem(last=False)

    def _known(self, digest: str, mark: Mark) -> bool:
        with self._lock:
            if self._checked.get(digest) != mark:
                return False
            self._checked.move_to_end(digest)
            return True


def mark_of(file: BufferedReader) -> Mark:
    """What changes when a file does: device, inode, size, times of modification and of change in ns."""
    found = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
