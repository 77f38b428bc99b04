"""The ground API tests stand on: a world at a stage behind its HTTP interface, and callers with keys."""

from collections.abc import Callable, Iterator

import pytest

from callers import Caller, Outside
from grounds import at_stage, ground
from worlds import World

__all__ = ["at_stage", "ground"]

Opened = Callable[[str], Outside]


@pytest.fixture
def outside(at_stage: Callable[[str], World]) -> Iterator[Opened]:
    """A world at a stage, as it is seen from outside."""
    opened: list[Outside] = []

    def open_at(stage: str) -> Outside:
        opened.append(Outside.of(at_stage(stage)))
        return opened[-1]

    yield open_at
    for one in opened:
        one.close()


__all__ += ["Caller"]
