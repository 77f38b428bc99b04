"""What never changes once it is known: what an entry says under its leaf hash, above all."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Up to `most` values by key, for many threads. Full, it forgets all of them and begins anew.

    Only for what its key fixes for good, the bytes behind a digest: nobody is told when it changes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[Hashable, Value] = {}

    def of(self, key: Hashable, find: Callable[[], Value | None]) -> Value | None:
        """What is known of `key`, or what `find` says now. None is not remembered: it may come yet."""
        known = self._known.get(key)
        if known is None and (known := find()) is not None:
            if len(self._known) >= self._most:
                self._known = {}
            self._known[key] = known
        return known
