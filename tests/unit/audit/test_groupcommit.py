"""Commits that are shared: nobody is forgotten, whoever leads, fails or leaves."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from audit import groupcommit
from audit.groupcommit import BrokenOff, GroupCommit
from waiting import until


class Gate:
    """A commit that stops until it is let go, and remembers what it was given."""

    def __init__(self, fails: Callable[[Sequence[int]], BaseException | None] = lambda _: None) -> None:
        self.began, self.go, self.seen = threading.Event(), threading.Event(), list[list[int]]()
        self.fails = fails

    def __call__(self, brought: Sequence[int]) -> list[int]:
        self.seen.append(list(brought))
        self.began.set()
        assert self.go.wait(10)
        if (error := self.fails(brought)) is not None:
            raise error
        return [10 * one for one in brought]


def test_who_comes_during_a_commit_shares_the_next_with_all_who_came() -> None:
    gate = Gate()
    together = GroupCommit[int, int](gate)

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(together.join, 0)
        assert gate.began.wait(10)
        others = [pool.submit(together.join, number) for number in range(1, 9)]
        until(lambda: len(together._waiting) == 8)
        gate.go.set()

    assert [first.result(), *(each.result() for each in others)] == [10 * n for n in range(9)]
    assert [sorted(batch) for batch in gate.seen] == [[0], [1, 2, 3, 4, 5, 6, 7, 8]]
    assert not together._led
    assert together.join(9) == 90


def test_a_commit_waits_for_as_many_as_the_last_had_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groupcommit, "_QUIET_SECONDS", 30)
    gate = Gate()
    together = GroupCommit[int, int](gate)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together.join, 0)
        assert gate.began.wait(10)
        others = [pool.submit(together.join, number) for number in (1, 2)]
        until(lambda: len(together._waiting) == 2)
        gate.go.set()
        assert [each.result(10) for each in (first, *others)] == [0, 10, 20]

        # The last commit had two: the first of these waits until the second comes.
        again = [pool.submit(together.join, number) for number in (3, 4)]
        assert [each.result(10) for each in again] == [30, 40]

    assert [sorted(batch) for batch in gate.seen] == [[0], [1, 2], [3, 4]]


def test_a_failed_commit_fails_for_all_of_its_callers_and_not_for_the_next() -> None:
    gate = Gate(lambda brought: ValueError("no") if 1 in brought else None)
    together = GroupCommit[int, int](gate)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together.join, 0)
        assert gate.began.wait(10)
        others = [pool.submit(together.join, number) for number in (1, 2)]
        until(lambda: len(together._waiting) == 2)
        gate.go.set()

    assert first.result() == 0
    for each in others:
        with pytest.raises(ValueError, match="no"):
            each.result()
    assert together.join(3) == 30


def test_an_interrupted_leader_tells_those_it_led_and_lets_the_next_lead() -> None:
    gate = Gate(lambda brought: KeyboardInterrupt() if 0 in brought else None)
    together = GroupCommit[int, int](gate)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(together.join, 0)
        assert gate.began.wait(10)
        second = pool.submit(together.join, 1)
        until(lambda: len(together._waiting) == 1)
        gate.go.set()
        with pytest.raises(KeyboardInterrupt):
            first.result()
        assert second.result(10) == 10


def test_who_was_taken_along_by_an_interrupted_leader_learns_that_nothing_is_sure() -> None:
    gate = Gate(lambda brought: KeyboardInterrupt() if len(brought) > 1 else None)
    together = GroupCommit[int, int](gate)

    with ThreadPoolExecutor(3) as pool:
        pool.submit(together.join, 0)
        assert gate.began.wait(10)
        others = [pool.submit(together.join, number) for number in (1, 2)]
        until(lambda: len(together._waiting) == 2)
        gate.go.set()

    assert {type(each.exception()) for each in others} == {KeyboardInterrupt, BrokenOff}
    assert together.join(3) == 30


class Interrupted:
    """A lock that lets Ctrl-C in at the moment that it is given."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def acquire(self) -> None:
        waits = self.lock.locked()
        self.lock.acquire()
        if waits:
            raise KeyboardInterrupt

    def release(self) -> None:
        self.lock.release()


def test_who_is_interrupted_when_told_to_lead_leaves_and_hands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a commit under way, somebody who waits to lead the next, and others behind
    gate = Gate()
    together = GroupCommit[int, int](gate)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together.join, 0)
        assert gate.began.wait(10)
        with monkeypatch.context() as patched:
            patched.setattr(groupcommit, "_Lock", Interrupted)
            interrupted = pool.submit(together.join, 1)
            until(lambda: len(together._waiting) == 1)
        behind = pool.submit(together.join, 2)
        until(lambda: len(together._waiting) == 2)

        # When it is told to lead, and interrupted
        gate.go.set()

        # Then the others are served, without what it brought
        assert first.result(10) == 0
        assert behind.result(10) == 20
        assert isinstance(interrupted.exception(10), KeyboardInterrupt)
    assert gate.seen == [[0], [2]]
    assert together.join(3) == 30
