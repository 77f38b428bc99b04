"""`consentry worker`: jobs, sequencing, duties, until told to stop."""

import signal
from threading import Event

from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.worker import working

app = group("worker", "Run jobs, duties and the log.")


@command(app, "worker")
def worker(desk: Desk) -> Answer:
    """Hold this host's slot and work until SIGINT or SIGTERM. A second one on the slot is refused."""
    record, studio = desk.record, desk.studio
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with working(record, studio) as busy:
        desk.voice.say(f"working on slot {busy.hold.slot}; stop with Ctrl-C")
        busy.run_until(stop.is_set)
        desk.voice.say("stopping: the step at work is finished first; the rest goes on at the next start")
    return Answer({"slot": busy.hold.slot, "stopped": True})
