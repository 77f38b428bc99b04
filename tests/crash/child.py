"""A process to be killed: works on a data folder until it reaches a point, and there kills itself.

Started once by the tests. It loads what takes long, then forks for every trial it is told on its
standard input, so a trial costs no start of Python. Only this script can wire the cheap engine.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import audit.log
import audit.sequencer
import grounds
from audit.journal import DenyJournal
from audit.log import Log
from grounds import open_world
from portraits import working_eyes
from service import worker
from service.settings import load
from service.worker import PipelineSteps, working
from swap import duties, library, orders, outputs, scans, slots
from swap.admission import Admission
from swap.errors import SlotTaken
from swap.finishing import Finisher
from swap.folder import ContentFolder
from swap.jobs import JobRunner
from swap.pipeline import Pipeline
from swap.quarantine import Quarantine
from swap.release import Release
from swap.tracker import Tracker
from worlds import Cheap, World


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(place: object, name: str) -> None:
    """Die when this is called."""
    setattr(place, name, lambda *_a, **_k: die())


def after(place: object, name: str) -> None:
    """Die when this has returned."""
    whole = getattr(place, name)

    def last(*args, **kwargs):
        whole(*args, **kwargs)
        die()

    setattr(place, name, last)


def at_publish_after(place: object, name: str) -> None:
    """Die at the next publication after this has returned: committed, and not under a checkpoint."""
    whole = getattr(place, name)

    def armed(*args, **kwargs):
        done = whole(*args, **kwargs)
        before(Log, "publish")
        return done

    setattr(place, name, armed)


def at_frame(number: int) -> None:
    """Die while the engine has this frame."""
    render = Cheap.given

    def given(engine, frame, rendered):
        if frame.index == number:
            die()
        return render(engine, frame, rendered)

    Cheap.given = given  # type: ignore[method-assign]


def at_a_standstill(number: int, last: Callable[[], None]) -> None:
    """Stand still while the engine has this frame, saying so, until told to go on; then do the last thing."""
    render = Cheap.given

    def given(engine, frame, rendered):
        if frame.index == number:
            stand(last)
        return render(engine, frame, rendered)

    Cheap.given = given  # type: ignore[method-assign]


def while_scanning(number: int, act: Callable[[], None]) -> None:
    """Do something before this frame is scanned."""
    step = Tracker.step

    def stepped(tracker, frame, faces):
        if frame.index == number:
            act()
        return step(tracker, frame, faces)

    Tracker.step = stepped  # type: ignore[method-assign]


def stand(last: Callable[[], None]) -> None:
    if not HERE.go.exists():
        HERE.at.write_text(str(os.getpid()))
        last()
        while not HERE.go.exists():
            time.sleep(0.02)


class Here:
    """Files by which a trial and the test tell each other how far they are; `trial` names them."""

    at: Path
    go: Path


HERE = Here()


def stand_still() -> None:
    """Stop as a paused process does: threads, heart and all."""
    os.kill(os.getpid(), signal.SIGSTOP)


def while_signing() -> None:
    """Die between the encoder's file and the signed one."""
    from audit import manifest

    before(manifest, "sign")


def while_keeping() -> None:
    """Die when half of the finished file is copied into the store."""
    from swap.draft import Draft

    write = Draft.write

    def half(draft, data):
        if draft.path.parent.name == "media":
            write(draft, data[: len(data) // 2])
            die()
        return write(draft, data)

    Draft.write = half  # type: ignore[method-assign]


POINTS: dict[str, Callable[[], None]] = {
    "asked, not published": lambda: at_publish_after(duties, "owe"),
    "job handed over": lambda: after(JobRunner, "enqueue"),
    "before the run": lambda: before(PipelineSteps, "run"),
    "redeeming, not committed": lambda: after(orders, "begin"),
    "redeemed": lambda: after(Pipeline, "redeem"),
    "rendering": lambda: at_frame(9),
    "rendering, waits": lambda: at_a_standstill(9, lambda: None),
    "rendering, paused": lambda: at_a_standstill(9, stand_still),
    "scanning": lambda: while_scanning(9, die),
    "scanning, waits": lambda: while_scanning(9, lambda: stand(lambda: None)),
    "scanning, paused": lambda: while_scanning(9, lambda: stand(stand_still)),
    "scan handed over": lambda: after(JobRunner, "enqueue_scan"),
    "scan begun, not committed": lambda: after(scans, "begin"),
    "scan kept": lambda: after(Admission, "_keep_scan"),
    "matched, not committed": lambda: after(library, "matched"),
    "scan ended, not committed": lambda: after(scans, "end"),
    "scan returned": lambda: after(PipelineSteps, "scan"),
    "encoded, not signed": while_signing,
    "signed, not logged": lambda: after(Finisher, "make"),
    "logged, not published": lambda: at_publish_after(Finisher, "make"),
    "run returned": lambda: after(Pipeline, "run"),
    "before the release": lambda: before(PipelineSteps, "release"),
    "half kept": while_keeping,
    "kept": lambda: after(Release, "_keep"),
    "releasing, entry written": lambda: before(outputs, "add"),
    "releasing, not committed": lambda: after(orders, "end"),
    "released": lambda: after(Release, "_decide"),
    "release returned": lambda: after(PipelineSteps, "release"),
    "photo gone, not committed": lambda: after(Quarantine, "discard"),
    "settled, not published": lambda: at_publish_after(Quarantine, "discard"),
    "settle returned": lambda: after(PipelineSteps, "settle"),
    "before the duty is done": lambda: before(duties, "done"),
    "placing entries, not committed": lambda: after(audit.log, "sequence"),
    "withdrawn in the journal alone": lambda: after(DenyJournal, "append"),
    "withdrawn, duties open": lambda: before(outputs, "withdraw"),
    "file gone, not committed": lambda: after(ContentFolder, "discard"),
}


def ask(world: World, known: dict[str, str]) -> None:
    if "job" not in known:
        world.known = known
        world.ask()


def work(world: World, known: dict[str, str]) -> None:
    """Be the worker until every job has ended and nothing is owed any more."""

    def done() -> bool:
        running = world.rows("job", "state IN ('queued', 'running')")
        return not running and not world.rows("duty", "done_at IS NULL")

    while True:
        try:
            with working(world.record, world.studio) as at_work:
                at_work.run_until(done)
                at_work.turn()
                return
        except SlotTaken:
            time.sleep(0.1)  # its last holder was killed: until his lease ends


def withdraw(world: World, _known: dict[str, str]) -> None:
    world.withdraws("astronaut")
    world.record.log.publish(now=world.record.clock())


def trial(order: dict) -> None:
    slots.LEASE = audit.log._LEASE = timedelta(seconds=order["lease"])
    worker.BEAT_SECONDS = order["lease"] / 4
    worker.PAUSE_SECONDS = 0.03
    # `work` returns when all is settled.
    settings = load(Path(order["data"]), stop_within=0, **order["settings"])
    world = open_world(settings)
    from worlds import Granted, Player

    for name, (person, authorization, code) in order["people"].items():
        granted = Granted(authorization, "", world.record.clock(), b"", "", code)
        world.people[name] = Player(name, person, b"", granted)
    HERE.at = world.folder / f"at-{settings.slot}"
    HERE.go = world.folder / f"go-{settings.slot}"
    if order["point"]:
        POINTS[order["point"]]()
    {"ask": ask, "work": work, "withdraw": withdraw}[order["do"]](world, order["known"])
    world.close()


def main() -> None:
    working_eyes()
    grounds.a_sandbox()._spares = 0  # nobody waits for a second file
    for line in sys.stdin:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            try:
                trial(json.loads(line))
            except BaseException:  # noqa: BLE001  (a fork must not return into the loop)
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
