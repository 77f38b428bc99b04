"""Files that are there after the power went, whole or not at all.

Every write goes to a fresh temporary file in the same directory: write, fsync, link or rename into
place, fsync the directory. A crash leaves the old state or the new one, and perhaps a temporary
file that nobody reads.

A fresh file also answers the old trap that a failed fsync marks pages clean, so that the next fsync
succeeds over data that never reached the disk (Rebello et al., "Can Applications Recover from fsync
Failures?", 2020): after a failure the bytes are thrown away, never synced again.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audit.errors import Unready

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DiskFull(Unready):
    """No room to write. What was being written is not there; what was there still is."""

    code = "DISK_FULL"
    zh = "磁盘空间不足，本次写入未生效。"
    hint = "Free some space, then repeat; nothing is half-written."
    hint_zh = "请释放磁盘空间后重试；没有残留的半成品。"


class DiskFailed(Unready):
    """The disk, or the rights on it, refused a write or a read."""

    code = "DISK_FAILED"
    zh = "磁盘读写失败。"
    hint = "Check the disk, and that this user may read and write there."
    hint_zh = "请检查磁盘状态以及当前用户的读写权限。"


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Name the operating system's refusals: raises `DiskFull` or `DiskFailed` for any `OSError` inside."""
    try:
        yield
    except OSError as error:
        family = DiskFull if error.errno in _FULL else DiskFailed
        raise family(f"{path.name}: {error.strerror or type(error).__name__}") from error


def create(path: Path, data: bytes, *, mode: int = 0o644) -> bool:
    """Write `path` unless it exists; False, and nothing touched, if it does.

    Of several processes that try at once, exactly one writes.
    """
    with disk(path):
        make_directory(path.parent)
        temporary = _write_temporary(path.parent, data, mode)
        try:
            # A link never replaces, unlike a rename: that is what makes it write-once.
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        # Also after losing nothing: until the directory is synced the name may vanish.
        sync_directory(path.parent)
        return True


def replace(path: Path, data: bytes, *, mode: int = 0o644, lasting: bool = True) -> None:
    """Put `data` in the place of whatever is at `path`: readers see old bytes or new, nothing else.

    Not `lasting`: a power cut may bring the old bytes back, whole. For what can be written again.
    """
    with disk(path):
        make_directory(path.parent)
        temporary = _write_temporary(path.parent, data, mode)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        if lasting:
            sync_directory(path.parent)


def exists(path: Path) -> bool:
    """Whether something is there. Raises `DiskFailed` where nobody can tell, which is never a no."""
    with disk(path):
        return path.exists()


def make_directory(path: Path, *, mode: int = 0o755) -> None:
    """Make `path` and its missing parents, each durable in the one above it."""
    if path.is_dir():
        return
    make_directory(path.parent, mode=mode)
    with suppress(FileExistsError):  # another process made it meanwhile
        path.mkdir(mode=mode)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; fsync of a file does not."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_temporary(directory: Path, data: bytes, mode: int) -> Path:
    # A random name: several processes, perhaps in several containers, write to one directory.
    name = directory / f".new-{os.urandom(8).hex()}"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        name.unlink(missing_ok=True)
        raise
    return name
