"""The worker: holds a slot, runs jobs, sequences the log, does duties. One live process a slot.

The CLI and the demo run the same thing in their own process when no worker holds the slot.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Thread, Timer

from sqlmodel import Session

from audit.errors import BadInput, ConsentryError, Diverged, Unready
from audit.ids import fresh
from audit.keydb import KeysPoisoned
from audit.witnessed import WitnessAhead
from consent import reminding
from consent.asking import Asking
from service import cosigning, messenger, stamping
from service.cosigning import Cosigner
from service.database import DatabasePoisoned
from service.logs import LOG
from service.messenger import Messenger
from service.retention import purger
from service.schema import SchemaBehind
from service.stamping import Stamper
from service.studio import Studio
from service.wiring import Record
from swap import duties, orders, slots
from swap.errors import HandedBack, SlotTaken
from swap.finishing import Made
from swap.jobs import JobRunner
from swap.orders import Job
from swap.reaper import Reaper
from swap.retention import Purger
from swap.sweeper import Sweeper

BEAT_SECONDS = slots.LEASE.total_seconds() / 4
PAUSE_SECONDS = 0.5
"""Between two turns when nothing comes."""
LOOK_SECONDS = 0.05
"""Between two looks at whether something came: one query of a row, where a turn is twenty."""
PATIENCE_SECONDS = 5.0
"""The longest pause between two looks at something that is not ready."""
HAND_BACK_SECONDS = 20
"""What a run that was told to stop has for stopping."""
TIDY_SECONDS = 60
PURGE_SECONDS = 60
WHOLE_PURGE_SECONDS = 3600
"""Between two readings of whole folders."""

ABANDONED_EXIT = 75
"""EX_TEMPFAIL of sysexits.h: start again."""

FINAL = (SlotTaken, SchemaBehind, DatabasePoisoned, KeysPoisoned)
"""What no waiting mends: somebody else has the slot, this version is old, or the disk lied."""

Tell = Callable[[int, int | None], None]


@dataclass(slots=True)
class PipelineSteps:
    """`swap.jobs.Steps` over the pipeline: what crosses a crash is text."""

    studio: Studio
    tell: Tell = field(default=lambda _done, _total: None)
    stopping: Event = field(default_factory=Event)
    """Set: whoever renders gives his job back."""

    def run(self, job: str) -> str | None:
        self._stay()
        if not self.studio.pipeline.redeem(job):
            return None
        made = self.studio.pipeline.run(job, self._tell)
        return None if made is None else made.to_text()

    def release(self, job: str, made: str) -> bool:
        return self.studio.pipeline.release(job, Made.from_text(made))

    def settle(self, job: str) -> None:
        self.studio.pipeline.settle(job)

    def scan(self, scan: str) -> None:
        self._stay()
        self.studio.scanning.run(scan, lambda _done, _total: self._stay())

    def _tell(self, done: int, total: int | None) -> None:
        self._stay()
        self.tell(done, total)

    def _stay(self) -> None:
        if self.stopping.is_set():
            raise HandedBack("the worker stops; another attempt begins anew")


@dataclass(slots=True)
class Worker:
    """A running worker. Made by `working`."""

    record: Record
    runner: JobRunner
    sweeper: Sweeper
    reaper: Reaper
    purger: Purger
    steps: PipelineSteps
    hold: slots.Hold
    _lost: Event = field(default_factory=Event)
    _owed: tuple[int, datetime | None] = (0, None)
    """What was owed when the last turn began."""
    _look_around: float = 0.0
    """When to look for workers that died, on the monotonic clock."""
    _tidy_at: float = 0.0
    _purge_at: float = 0.0
    _purge_whole_at: float = 0.0
    _say_at: float = 0.0
    _say_next: dict[str, float] = field(default_factory=dict)
    """When to say of a step again that it failed."""

    def turn(self) -> None:
        """One turn: duties, what has expired, whose work is to be taken over, and the log."""
        record, now = self.record, self.record.clock()
        # Before it is swept: what comes meanwhile is news.
        self._owed = self._pulse()
        self._step("sweep", self.sweeper.sweep)
        # Each in a transaction of its own: authorizations are locked before permits, never after.
        self._step("permits", lambda: self._write(lambda session: record.permits.expire(session, now)))
        self._step("consents", lambda: self._write(lambda session: record.registry.expire(session, now=now)))
        self._step("holds", lambda: self._write(lambda session: record.gate.lapse(session, now)))
        self._step("jobs", self._take_over)
        self._tidy()
        self._step("purge", self._purge)
        try:
            record.log.publish(now=record.clock())
        except WitnessAhead as error:
            # Nothing is signed until somebody has looked. Duties go on: what was withdrawn must be deleted.
            self._halted(error)

    def _take_over(self) -> None:
        if time.monotonic() < self._look_around:
            return
        self._look_around = time.monotonic() + BEAT_SECONDS
        if taken := self.reaper.reap():
            LOG.warning("took over jobs of a worker that fell silent", extra={"count": taken})
        if strays := self.runner.pick_up():
            LOG.warning("took up jobs that nobody worked at", extra={"count": strays})

    def _step(self, name: str, act: Callable[[], object]) -> None:
        """As the sweeper does: rows that contradict themselves keep neither the rest nor the log back."""
        try:
            act()
        except (BadInput, Diverged) as error:
            if time.monotonic() >= self._say_next.get(name, 0.0):
                self._say_next[name] = time.monotonic() + TIDY_SECONDS
                LOG.error("a step of the worker failed", extra={"kind": name, "code": error.code})

    def _write(self, act: Callable[[Session], object]) -> None:
        with self.record.database.write() as session:
            act(session)

    def _halted(self, error: WitnessAhead) -> None:
        if time.monotonic() >= self._say_at:
            self._say_at = time.monotonic() + TIDY_SECONDS
            LOG.critical("the log stands still", extra={"code": error.code})

    def _tidy(self) -> None:
        """Requests that nobody answered, and consents that end soon: days matter here, not seconds."""
        if time.monotonic() < self._tidy_at:
            return
        self._tidy_at = time.monotonic() + TIDY_SECONDS
        record, now = self.record, self.record.clock()
        asking = Asking(record.registry)
        self._step("requests", lambda: self._write(lambda session: asking.lapse(session, now=now)))
        self._step(
            "reminders", lambda: self._write(lambda session: reminding.remind(session, record.ledger, now))
        )

    def _purge(self) -> None:
        now = time.monotonic()
        if now < self._purge_at:
            return
        whole = now >= self._purge_whole_at
        done = self.purger.run(whole=whole)
        self._purge_at = now + PURGE_SECONDS
        if whole:
            self._purge_whole_at = now + WHOLE_PURGE_SECONDS
        for kind, code in done.failed.items():
            LOG.warning("could not purge a class", extra={"kind": kind, "code": code})

    def wait_for(self, job: str, tell: Tell) -> Job:
        """Work until a job has ended."""
        self.steps.tell = tell
        while True:
            self.turn()
            if (found := self._job(job)).progress.final:
                self.turn()
                return found
            self.check()
            self._rest(PAUSE_SECONDS, lambda: self._news() or self._job(job).progress.final)

    def run_until(self, stopped: Callable[[], bool]) -> None:
        """Work until told to stop. What is not ready, as a database that restarts, is waited for."""
        pause = PAUSE_SECONDS
        while not stopped():
            try:
                self.turn()
                self.check()
                self._rest(PAUSE_SECONDS, lambda: stopped() or self._news())
                pause = PAUSE_SECONDS
            except FINAL:
                raise
            except Unready as error:
                pause = min(2 * pause, PATIENCE_SECONDS)
                LOG.warning("not ready, waiting", extra={"code": error.code, "seconds": pause})
                self.check()
                self._rest(pause, stopped)

    def _rest(self, seconds: float, ended: Callable[[], bool]) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            # Before it looks: where something comes all the time, turns must not follow each other at once.
            time.sleep(min(left, LOOK_SECONDS))
            if ended():
                return

    def _job(self, job: str) -> Job:
        with self.record.database.read() as session:
            return orders.job(session, self.record.settings.tenant, job)

    def _news(self) -> bool:
        return self._pulse() != self._owed

    def _pulse(self) -> tuple[int, datetime | None]:
        with self.record.database.read() as session:
            return duties.pulse(session, self.record.settings.tenant, now=self.record.clock())

    def check(self) -> None:
        """Raise `SlotTaken` once another process has the slot: two executors of one id run steps twice."""
        if self._lost.is_set():
            raise SlotTaken(f"slot {self.hold.slot} was taken over")

    def beat(self, stop: Event) -> None:
        """Renew the lease until told to stop, or until another has the slot.

        A database that is away says nothing about the slot: who comes back finds it his, or taken.
        """
        while not stop.wait(BEAT_SECONDS):
            try:
                with self.record.database.write() as session:
                    slots.beat(session, self.record.settings.tenant, self.hold, now=self.record.clock())
            except SlotTaken:
                self._lost.set()
                return
            except ConsentryError as error:
                LOG.warning("could not renew the slot's lease", extra={"code": error.code})
            except BaseException:
                # A fault of ours, and still: whoever doesn't beat must not go on.
                self._lost.set()
                raise

    def close(self) -> bool:
        """End in order: finish the job at work, else hand it back. False: it did neither in time."""
        within = 0 if self._lost.is_set() else self.record.settings.stop_within
        stop = Timer(within, self.steps.stopping.set)
        stop.daemon = True
        stop.start()
        try:
            return self.runner.close(within=within + HAND_BACK_SECONDS)
        finally:
            stop.cancel()


@contextmanager
def working(record: Record, studio: Studio) -> Iterator[Worker]:
    """Take the slot, recover what its last holder left, and work. Raises `SlotTaken`."""
    settings = record.settings
    # Unique for each taking: a process that takes its own slot a second time would outdo the first.
    tenant, holder = settings.tenant, f"{socket.gethostname()}:{os.getpid()}:{fresh(record.entropy)[:8]}"
    with record.database.write() as session:
        hold = slots.take(session, tenant, settings.slot, holder, now=record.clock())
    ended = True
    try:
        worker = _worker(record, studio, hold)
        stop = Event()
        beating = _started("beat", worker.beat, stop)
        telling = _started("tell", messenger.run, Messenger.of(record), stop)
        # Threads of their own, as for hooks: somebody else's slow server must hold up neither log nor duties.
        asking = list(_asking(record, stop))
        try:
            yield worker
        finally:
            # Still beating: the slot is ours until the job at work is finished or handed back.
            ended = worker.close()
            stop.set()
            beating.join()
            telling.join()
            for each in asking:
                each.join()
    finally:
        try:
            with record.database.write() as session:
                slots.leave(session, tenant, hold, now=record.clock())
        except Unready as error:
            # Its lease ends by itself. What ended the work is the better thing to report.
            LOG.warning("could not give the slot back", extra={"code": error.code})
        if not ended:
            _abandon()


def _asking(record: Record, stop: Event) -> Iterator[Thread]:
    if (cosigner := Cosigner.of(record)) is not None:
        yield _started("cosign", cosigning.run, cosigner, stop)
    if (stamper := Stamper.of(record)) is not None:
        yield _started("stamp", stamping.run, stamper, stop)


def _started(name: str, run: Callable[..., None], *args: object) -> Thread:
    thread = Thread(target=run, args=args, daemon=True, name=name)
    thread.start()
    return thread


def _worker(record: Record, studio: Studio, hold: slots.Hold) -> Worker:
    settings, pipeline = record.settings, studio.pipeline
    steps = PipelineSteps(studio)
    runner = JobRunner(steps, url=settings.jobs_url, tenant=settings.tenant, slot=settings.slot)
    sweeper = Sweeper(
        record.database,
        record.ledger,
        pipeline.media,
        record.clock,
        runner,
        pipeline,
        studio.scanning,
        pipeline.ready,
    )
    reaper = Reaper(record.database, settings.tenant, settings.slot, runner, record.clock)
    return Worker(record, runner, sweeper, reaper, purger(record), steps, hold)


def _abandon() -> None:
    """End here and now. What a step works with must not be closed under it: it would fail its job.

    To be killed is what every step is made for; its job goes on with whoever has the slot next.
    """
    LOG.error("a run did not stop in time, leaving it")
    os._exit(ABANDONED_EXIT)
