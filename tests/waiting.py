"""Waiting for what other threads and processes do: for a fact, and for as long as a slow machine may take."""

import time
from collections.abc import Callable

LONG = 240.0
"""Seconds in which anything comes to pass that ever will, on a machine that is shared and slow.

Only a failure takes as long. Below pytest's own limit, so that the test says what it waited for.
"""


def until(seen: Callable[[], object], seconds: float = LONG) -> None:
    """Look again and again until something is seen."""
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
