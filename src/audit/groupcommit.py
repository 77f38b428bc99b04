"""Group commit of what callers bring: whoever comes while one is under way shares the next.

Unlike `audit.rounds`, whose rounds find their work in the database, this hands it over.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

B = TypeVar("B")
R = TypeVar("R")
_Lock = threading.Lock
_QUIET_SECONDS = 0.001


class BrokenOff(Exception):
    """The caller that committed for others was interrupted: whether it is done, only the store knows."""


@dataclass(slots=True, eq=False)
class _Caller(Generic[B, R]):
    brought: B
    called: threading.Lock = field(init=False)
    leads: bool = False
    outcome: R | BaseException | None = None

    def __post_init__(self) -> None:
        self.called = _Lock()
        self.called.acquire()


class GroupCommit(Generic[B, R]):
    """`commit` gets what waiting callers brought, in order, and returns as many results. One at a time."""

    def __init__(self, commit: Callable[[Sequence[B]], Sequence[R]]) -> None:
        self._commit = commit
        self._door = threading.Lock()
        self._complete = threading.Condition(self._door)
        self._waiting: list[_Caller[B, R]] = []
        self._led = False
        self._served = 0

    def join(self, brought: B) -> R:
        """The result for what this caller brought. What `commit` raises, all of its callers get."""
        mine = _Caller[B, R](brought)
        try:
            with self._door:
                self._waiting.append(mine)
                mine.leads, self._led = not self._led, True
                if len(self._waiting) >= self._served:
                    self._complete.notify()
            if not mine.leads:
                mine.called.acquire()
            if mine.leads:
                self._lead()
                mine.leads = False
        except BaseException:
            # Interrupted, wherever that was: nobody may wait for one who is gone.
            self._leave(mine)
            raise
        if isinstance(mine.outcome, BaseException):
            raise mine.outcome
        return mine.outcome  # type: ignore[return-value]

    def _lead(self) -> None:
        callers: list[_Caller[B, R]] = []
        try:
            with self._door:
                self._gather()
                callers, self._waiting = self._waiting, []
                self._served = len(callers)
            for each, outcome in zip(callers, self._commit([one.brought for one in callers]), strict=True):
                each.outcome = outcome
        except Exception as error:  # noqa: BLE001  (handed on to every caller of this commit)
            for each in callers:
                each.outcome = error
        finally:
            for each in callers:
                each.outcome = BrokenOff() if each.outcome is None else each.outcome
                each.called.release()
            self._hand_on()

    def _gather(self) -> None:
        # Who was served just now comes again, if let: a commit costs what it costs, however many share it.
        # Alone, nobody waits.
        came = 0
        while self._served > 1 and came < len(self._waiting) < self._served:
            came = len(self._waiting)
            self._complete.wait(_QUIET_SECONDS)

    def _hand_on(self) -> None:
        with self._door:
            self._led = bool(self._waiting)
            for first in self._waiting[:1]:
                if not first.leads:
                    first.leads = True
                    first.called.release()

    def _leave(self, mine: _Caller[B, R]) -> None:
        with self._door:
            if mine in self._waiting:
                self._waiting.remove(mine)
        if mine.leads:
            self._hand_on()
