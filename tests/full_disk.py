"""A disk that fills while a file is written, for whatever takes a `make` to create its files with."""

import errno
import os
from pathlib import Path
from typing import Any

from swap.draft import create


class _Full:
    """A file on a disk with room for a thousand bytes; what writes past us has none at all."""

    def __init__(self, file: Any) -> None:
        self._file, self._left = file, 1000
        self._device = os.open("/dev/full", os.O_RDWR)

    def write(self, data: Any) -> int:
        if len(data) > self._left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._left -= len(data)
        return self._file.write(data)

    def fileno(self) -> int:
        return self._device

    def close(self) -> None:
        os.close(self._device)
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def on_a_full_disk(folder: Path) -> Any:
    """As `swap.draft.create`, on such a disk."""
    return _Full(create(folder))
