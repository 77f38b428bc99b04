"""`consentry worker`: jobs, sequencing, duties, until told to stop."""

from contextlib import nullcontext
from threading import Event

from audit.errors import ConsentryError
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.interrupts import told_to_stop
from service.console import Exit
from service.facts import Lookout
from service.heap import few_arenas
from service.listening import listening
from service.logs import LOG, configure
from service.worker import working

app = group("worker", "Run jobs, duties and the log.")


@command(app, "worker")
def worker(desk: Desk) -> Answer:
    """Hold this host's slot and work until SIGINT or SIGTERM. A second one on the slot is refused."""
    few_arenas()
    settings = desk.settings
    configure(settings.log_form, settings.log_level)
    try:
        return _work(desk, settings.worker_listen)
    except ConsentryError:
        raise
    except Exception:  # noqa: BLE001  (Python would print its message, which may quote a row)
        LOG.critical("a fault of ours ends the worker", exc_info=True)
        return Answer({"slot": settings.slot, "error": {"code": "BUG", "message": "see stderr"}}, Exit.BUG)


def _work(desk: Desk, window: str | None) -> Answer:
    record, studio = desk.record, desk.studio
    lookout = Lookout.of(record.settings, record.database, record.journal, record.clock, record.keystore)
    stop = Event()
    with (
        told_to_stop(stop.set),
        listening(window, lookout) if window else nullcontext() as at,
        working(record, studio) as busy,
    ):
        desk.voice.say(f"working on slot {busy.hold.slot}; stop with Ctrl-C")
        LOG.info("working", extra={"slot": busy.hold.slot})
        if at:
            desk.voice.say(f"health and metrics at http://{at}")
        busy.run_until(stop.is_set)
        desk.voice.say("stopping: the job at work is finished first")
        LOG.info("stopping", extra={"slot": busy.hold.slot})
    return Answer({"slot": busy.hold.slot, "stopped": True})
