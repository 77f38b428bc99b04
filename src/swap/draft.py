"""A file that is all there or not there: written aside, made durable, renamed into place.

If anything goes wrong before `publish` returns, the half-written file is removed. What a crash of the
whole process leaves behind is named `.draft-*` and is swept when the folder is opened again.
"""

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TypeAlias

from swap.faults import StorageFull

PREFIX = ".draft-"
Create: TypeAlias = Callable[[Path], BinaryIO]
"""Make a new, unbuffered file in a folder, open for reading and writing. Tests pass one on a full disk."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where there is no room."""


def create(folder: Path) -> BinaryIO:
    """A new file of mode 0600 with a name nobody else uses."""
    name = folder / f"{PREFIX}{uuid.uuid4().hex}"
    return open(name, "x+b", buffering=0, opener=_private)


@contextmanager
def storage() -> Iterator[None]:
    """Turn a full disk into `StorageFull`; every other error of the system passes as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(f"no room to write ({errno.errorcode[error.errno or 0]})") from None
        raise


class Draft:
    """One file in the making. Use as a context manager; unpublished, it is gone at the end."""

    def __init__(self, folder: Path, make: Create = create) -> None:
        with storage():
            self.file = make(folder)
        self.path = Path(self.file.name)
        self._published = False

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        if not self._published:
            with suppress(FileNotFoundError):
                self.path.unlink()

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self.file.closed

    def write(self, data: bytes) -> int:
        """Write all of it where the draft stands. Raises `StorageFull`."""
        rest = memoryview(data)
        with storage():
            while rest:
                rest = rest[self.file.write(rest) :]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """Where the draft stands."""
        return self.file.tell()

    def fileno(self) -> int:
        """For a writer that needs a descriptor."""
        return self.file.fileno()

    def publish(self, target: Path) -> None:
        """Make it durable under its name, replacing what was there. Raises `StorageFull`.

        Bytes first, then the name, then the folder that holds the name: after a crash the name leads
        to whole bytes or to nothing.
        """
        with storage():
            os.fsync(self.file.fileno())
            self.path.replace(target)
            self._published = True
            sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def sweep(folder: Path, *, before: datetime | None = None) -> int:
    """Remove drafts that a crash left behind; how many.

    Without `before` only for a folder nobody is writing in; with it, what was not written to since.
    """
    orphans = [
        draft
        for draft in folder.glob(f"{PREFIX}*")
        if before is None or draft.stat().st_mtime < before.timestamp()
    ]
    for orphan in orphans:
        orphan.unlink(missing_ok=True)
    return len(orphans)
