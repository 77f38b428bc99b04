"""Group commit inside one process: many callers, one piece of work that serves them all."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_QUIET_SECONDS = 0.01
"""What one of sixteen callers needs of a processor before it comes: with less, fewer share a round."""
_LONGEST_WAIT_SECONDS = 0.15
_LATELY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    value: T | None
    error: BaseException | None


class Rounds(Generic[T]):
    """Rounds of work, one at a time.

    A caller is served by a round that *began* after it came, not by one that was under way: that
    one may have looked before the caller's rows were there. Unless `served` says that it had not.
    """

    def __init__(self) -> None:
        lock = threading.Lock()
        self._changed = threading.Condition(lock)
        self._complete = threading.Condition(lock)
        self._seen: dict[int, float] = {}
        """When each thread came last: who came lately will come again."""
        self._expected = 0
        self._begun = 0
        self._running = False
        self._last_served = 0
        self._ended: dict[int, _Outcome[T]] = {}
        self._waiting: dict[int, int] = {}

    def join(self, work: Callable[[], T], served: Callable[[], T | None]) -> T:
        """The outcome of the next round, which this caller runs if nobody else does.

        `served` is asked, cheaply and often, whether an earlier round has done it after all. If the
        round fails, all of its callers get its error: each of them trying again would make a queue
        of failures.
        """
        with self._changed:
            mine = self._begun + 1
            self._waiting[mine] = self._waiting.get(mine, 0) + 1
            self._seen[threading.get_ident()] = time.monotonic()
            if self._waiting[mine] >= self._expected:
                self._complete.notify()
            try:
                while True:
                    if mine in self._ended:
                        return _unwrap(self._ended[mine])
                    if (already := served()) is not None:
                        return already
                    if not self._running:
                        break
                    self._changed.wait()
                self._running = True
                self._gather(mine)
                self._begun = mine
            finally:
                self._leave(mine)
        return _unwrap(self._run(mine, work))

    def _run(self, number: int, work: Callable[[], T]) -> _Outcome[T]:
        outcome: _Outcome[T]
        try:
            outcome = _Outcome(work(), None)
        except BaseException as error:  # noqa: BLE001  (handed on to every caller of this round)
            outcome = _Outcome(None, error)
        with self._changed:
            self._running = False
            self._last_served = 1 + self._waiting.get(number, 0)
            if number in self._waiting:
                self._ended[number] = outcome
            self._changed.notify_all()
        return outcome

    def _gather(self, number: int) -> None:
        # A round costs a dozen fsyncs however many it serves. If the last one served several, more
        # are on their way: let them in until all are here, or nobody has come for a moment. Alone, nobody
        # waits.
        now = time.monotonic()
        self._seen = {thread: at for thread, at in self._seen.items() if now - at < _LATELY_SECONDS}
        self._expected = len(self._seen)
        while self._last_served > 1 and time.monotonic() < now + _LONGEST_WAIT_SECONDS:
            before = self._waiting[number]
            if before >= self._expected:
                return
            self._complete.wait(_QUIET_SECONDS)
            if self._waiting[number] == before:
                return

    def _leave(self, number: int) -> None:
        self._waiting[number] -= 1
        if not self._waiting[number]:
            del self._waiting[number]
            self._ended.pop(number, None)


def _unwrap(outcome: _Outcome[T]) -> T:
    if outcome.error is not None:
        raise outcome.error
    return outcome.value  # type: ignore[return-value]
