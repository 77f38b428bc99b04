"""Servers of others that vouch for the log: asked all at once, left alone for a while when they fail."""

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Outsiders:
    """Witnesses, or time stamp authorities, by name. For one thread."""

    pause: float
    """Seconds that one is left alone after it failed, twice as many each time it fails again."""
    longest: float
    """Seconds at most."""
    at_once: int
    """How many are asked at a time."""
    _pauses: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By name: when it may be asked again, on the monotonic clock, and the pause after that."""

    def ask(self, names: Collection[str], ask: Callable[[str], T]) -> Mapping[str, T]:
        """What came of each, in order. `ask` runs in threads."""
        if not names:
            return {}
        with ThreadPoolExecutor(min(self.at_once, len(names)), thread_name_prefix="outsider") as pool:
            return dict(zip(names, pool.map(ask, names), strict=True))

    def may_be_asked(self, name: str) -> bool:
        """Whether its pause is over."""
        return time.monotonic() >= self._pauses.get(name, (0.0, 0.0))[0]

    def answered(self, name: str) -> None:
        """It did what it was asked to: what it failed before is forgotten."""
        self._pauses.pop(name, None)

    def failed(self, name: str) -> None:
        """It did not."""
        _, pause = self._pauses.get(name, (0.0, self.pause))
        self._pauses[name] = (time.monotonic() + pause, min(2 * pause, self.longest))
