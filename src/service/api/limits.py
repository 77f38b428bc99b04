"""Rate limits: a bucket a key for callers, a bucket an address for those who fail to show a good one.

In the memory of one process: so many processes, so many times the limit. They protect the service from
a runaway client; what a tenant may have at once is a quota (`service.quotas`), and counted in the database.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from threading import Lock
from typing import ClassVar

from audit.errors import BadInput

MOST = 10_000
"""Buckets kept; the one unused for longest goes first."""


class RateLimited(BadInput):
    """More requests than the limit allows."""

    code = "RATE_LIMITED"
    zh = "请求过于频繁。"
    hint = "Wait as long as Retry-After says, and spread requests out."
    hint_zh = "请按 Retry-After 等待后重试，并降低请求频率。"
    status: ClassVar[HTTPStatus] = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, wait: float) -> None:
        super().__init__("too many requests")
        self.retry_after = max(1, ceil(wait))


@dataclass(slots=True)
class Buckets:
    """Token buckets by name: `burst` at once, `rate` a second in the long run."""

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, name: str) -> None:
        """Take one. Raises `RateLimited` if there is none."""
        with self._lock:
            left = self._now(name)
            if left < 1:
                raise RateLimited((1 - left) / self.rate)
            self._left[name] = (left - 1, self.clock())
            self._left.move_to_end(name)
            while len(self._left) > MOST:
                self._left.popitem(last=False)

    def _now(self, name: str) -> float:
        left, at = self._left.get(name, (self.burst, self.clock()))
        return min(self.burst, left + (self.clock() - at) * self.rate)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one process."""

    callers: Buckets
    strangers: Buckets
