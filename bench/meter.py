"""What a piece of work cost: CPU of this process and of the children it has waited for, or the clock."""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = int(os.environ.get("CONSENTRY_BENCH_ROUNDS", "5"))
_SETTLED_SECONDS = 60.0


def cpu_seconds(work: Callable[[], object]) -> float:
    """User and system time, child processes included as far as they were reaped meanwhile.

    A child counts whole, from its start on: take off what it had `settled` at.
    """
    before = _used()
    work()
    return _used() - before


def wall_seconds(work: Callable[[], object]) -> float:
    """By the clock: for what waits for the disk."""
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def children() -> frozenset[int]:
    """Process ids of the living children."""
    tasks = Path("/proc/self/task").iterdir()
    return frozenset(int(pid) for task in tasks for pid in (task / "children").read_text().split())


def settled(others: frozenset[int] = frozenset()) -> float:
    """Wait until the children besides `others` rest, as a warm cell does; CPU seconds they used to start."""
    limit, last = time.monotonic() + _SETTLED_SECONDS, -1.0
    while time.monotonic() < limit:
        mine = children() - others
        used = sum(_clock(pid) for pid in mine)
        if used == last and used > 0.02 * len(mine):
            return used
        last = used
        time.sleep(0.25)
    raise TimeoutError("child processes do not come to rest")


def _clock(pid: int) -> float:
    # The CPU clock of another process, as clock_getcpuclockid(3) numbers it: in nanoseconds, where
    # /proc/PID/stat counts in hundredths of a second.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _used() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
