"""Ctrl-C, and what supervisors send, where Python's own way of it would not end cleanly."""

import signal
import threading
from collections.abc import Callable, Iterator
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


@contextmanager
def told_to_stop(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `stop`, and nothing else: both ask for an orderly end.

    uvicorn has handlers of its own meanwhile, and raises what it caught again when it has ended: without
    this the process would die of it there, with the record open and the exit code of a failure.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def answered() -> None:
    """The answer is given: from now on Ctrl-C just ends the process, which is on its way out anyway."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
