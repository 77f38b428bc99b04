import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from audit.rounds import Rounds
from waiting import until


def never() -> int | None:
    return None


def test_one_caller_alone_runs_its_own_round_at_once() -> None:
    rounds: Rounds[int] = Rounds()

    assert [rounds.join(lambda: 1, never), rounds.join(lambda: 2, never)] == [1, 2]
    assert rounds._waiting == {}


def test_who_comes_during_a_round_is_served_by_the_next_and_by_one_round_together() -> None:
    rounds: Rounds[int] = Rounds()
    began, go = threading.Event(), threading.Event()
    runs: list[int] = []

    def work() -> int:
        runs.append(len(runs))
        began.set()
        assert go.wait(5)
        return runs[-1]

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(rounds.join, work, never)
        assert began.wait(5)
        others = [pool.submit(rounds.join, work, never) for _ in range(8)]
        while sum(rounds._waiting.values()) < 8:
            time.sleep(0.001)
        go.set()

    assert first.result() == 0
    assert {each.result() for each in others} == {1}
    assert runs == [0, 1]
    assert rounds._waiting == {}
    assert rounds._ended == {}


def test_who_was_served_by_an_earlier_round_does_not_wait_for_the_next() -> None:
    rounds: Rounds[int] = Rounds()

    def must_not_run() -> int:
        raise AssertionError

    assert rounds.join(must_not_run, lambda: 7) == 7


def test_a_failed_round_fails_for_all_of_its_callers_and_not_for_the_next() -> None:
    rounds: Rounds[int] = Rounds()
    gate = threading.Event()

    def fail() -> int:
        assert gate.wait(5)
        raise OSError("full")

    def blocked() -> int:
        while sum(rounds._waiting.values()) < 4:
            time.sleep(0.001)
        gate.set()
        return 0

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(rounds.join, blocked, never)
        time.sleep(0.01)
        others = [pool.submit(rounds.join, fail, never) for _ in range(4)]

    assert first.result() == 0
    for other in others:
        with pytest.raises(OSError, match="full"):
            other.result()
    assert rounds.join(lambda: 3, never) == 3


def test_under_load_a_round_waits_for_those_on_their_way() -> None:
    # Given many callers that keep coming back,
    rounds: Rounds[int] = Rounds()
    served = 0
    lock = threading.Lock()
    runs: list[int] = []

    def work() -> int:
        runs.append(1)
        time.sleep(0.002)
        return 0

    def caller(_number: int) -> None:
        nonlocal served
        for _ in range(5):
            rounds.join(work, never)
            with lock:
                served += 1

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(caller, range(32)))

    # then each is served, by far fewer rounds than there were calls.
    assert served == 160
    assert len(runs) < 60


def test_a_round_waits_no_longer_than_until_all_who_came_lately_are_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("audit.rounds._QUIET_SECONDS", 30)
    monkeypatch.setattr("audit.rounds._LONGEST_WAIT_SECONDS", 30)
    rounds: Rounds[int] = Rounds()
    began, go = threading.Event(), threading.Event()

    def work() -> int:
        began.set()
        assert go.wait(5)
        return rounds._begun

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(rounds.join, work, never)
        assert began.wait(5)
        others = [pool.submit(rounds.join, work, never) for _ in range(2)]
        until(lambda: sum(rounds._waiting.values()) == 2)
        go.set()
        assert [each.result(10) for each in (first, *others)] == [1, 2, 2]

        # All three again: the first of them gathers, and goes on when it sees the third.
        again = [pool.submit(rounds.join, work, never) for _ in range(3)]
        assert [each.result(10) for each in again] == [3, 3, 3]


def test_every_caller_s_round_began_after_it_came() -> None:
    rounds: Rounds[float] = Rounds()

    def call(_number: int) -> bool:
        came = time.monotonic()
        return rounds.join(time.monotonic, never) >= came

    work: Callable[[int], bool] = call
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(200)))
