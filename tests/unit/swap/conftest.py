"""A sandbox whose next cell is always warming up, shared by a module."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swap.limits import Limits
from swap.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits()) as sandbox:
        yield sandbox


@pytest.fixture
def opened() -> Iterator[Callable[[Path | bytes], int]]:
    """A file, or bytes, as an open descriptor; closed after the test."""
    fds: list[int] = []

    def open_one(source: Path | bytes) -> int:
        if isinstance(source, bytes):
            fds.append(os.memfd_create("test"))
            with os.fdopen(os.dup(fds[-1]), "wb") as file:
                file.write(source)
        else:
            fds.append(os.open(source, os.O_RDONLY))
        return fds[-1]

    yield open_one
    for fd in fds:
        os.close(fd)
