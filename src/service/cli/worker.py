"""`consentry worker`: jobs, sequencing, duties, until told to stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.worker import working

app = group("worker", "Run jobs, duties and the log.")


@command(app, "worker")
def worker(desk: Desk) -> Answer:
    """Hold this host's slot and work until SIGINT or SIGTERM. A second one on the slot is refused."""
    record, studio = desk.record, desk.studio
    with _told_to_stop() as stopped, working(record, studio) as busy:
        desk.voice.say(f"working on slot {busy.hold.slot}; stop with Ctrl-C")
        busy.run_until(stopped)
        desk.voice.say("stopping: the job at work is finished first")
    return Answer({"slot": busy.hold.slot, "stopped": True})


@contextmanager
def _told_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM came: both ask for an orderly end."""
    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop.is_set
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
