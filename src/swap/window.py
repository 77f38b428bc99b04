"""A descriptor as a file object that keeps its own place: several may look at one file at once."""

import os


class Window:
    """What PyAV and Pillow need of a file, by `pread` and `pwrite` only. Does not own the descriptor."""

    name = "media"

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; all that is left if negative."""
        if size < 0:
            size = max(0, self._size() - self._at)
        data = os.pread(self._fd, size, self._at)
        self._at += len(data)
        return data

    def write(self, data: bytes) -> int:
        """All of `data`. Raises `OSError` when the disk or a limit says no."""
        rest = memoryview(data)
        while rest:
            count = os.pwrite(self._fd, rest, self._at)
            self._at += count
            rest = rest[count:]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; only this window moves."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at}.get(whence)
        self._at = max(0, offset + (self._size() if base is None else base))
        return self._at

    def tell(self) -> int:
        """Where this window stands."""
        return self._at

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """As far as the descriptor allows."""
        return True

    def _size(self) -> int:
        return os.fstat(self._fd).st_size
