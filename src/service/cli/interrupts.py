"""Ctrl-C, where Python's own way of it would not end cleanly."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until this ends.

    For imports: a native module that is interrupted while it loads fails with an error of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def answered() -> None:
    """The answer is given: from now on Ctrl-C just ends the process, which is on its way out anyway."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
