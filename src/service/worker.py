"""The worker: holds a slot, runs jobs, sequences the log, does duties. One live process a slot.

The CLI and the demo run the same thing in their own process when no worker holds the slot.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread

from audit.errors import ConsentryError
from audit.ids import fresh
from service.studio import Studio
from service.wiring import Record
from swap import orders, slots
from swap.errors import SlotTaken
from swap.finishing import Made
from swap.jobs import JobRunner
from swap.orders import Job
from swap.sweeper import Sweeper

BEAT_SECONDS = slots.LEASE.total_seconds() / 4
PAUSE_SECONDS = 0.2
ABANDONED = timedelta(hours=6)

Tell = Callable[[int, int | None], None]


@dataclass(slots=True)
class PipelineSteps:
    """`swap.jobs.Steps` over the pipeline: what crosses a crash is text."""

    studio: Studio
    tell: Tell = field(default=lambda _done, _total: None)

    def run(self, job: str) -> str | None:
        if not self.studio.pipeline.redeem(job):
            return None
        made = self.studio.pipeline.run(job, self.tell)
        return None if made is None else made.to_text()

    def release(self, job: str, made: str) -> bool:
        return self.studio.pipeline.release(job, Made.from_text(made))

    def settle(self, job: str) -> None:
        self.studio.pipeline.settle(job)


@dataclass(slots=True)
class Worker:
    """A running worker. Made by `working`."""

    record: Record
    runner: JobRunner
    sweeper: Sweeper
    steps: PipelineSteps
    hold: slots.Hold
    _lost: Event = field(default_factory=Event)

    def turn(self) -> None:
        """One turn: duties, what has expired, and the log."""
        record, now = self.record, self.record.clock()
        self.sweeper.sweep()
        self.steps.studio.donors.purge()
        # Each in a transaction of its own: authorizations are locked before permits, never after.
        with record.database.write() as session:
            record.permits.expire(session, now)
        with record.database.write() as session:
            record.registry.expire(session, now=now)
        with record.database.write() as session:
            record.gate.lapse(session, now)
        record.log.publish(now=record.clock())

    def wait_for(self, job: str, tell: Tell) -> Job:
        """Work until a job has ended."""
        self.steps.tell = tell
        while True:
            self.turn()
            with self.record.database.read() as session:
                found = orders.job(session, self.record.settings.tenant, job)
            if found.progress.final:
                self.turn()
                return found
            self.check()
            time.sleep(PAUSE_SECONDS)

    def run_until(self, stopped: Callable[[], bool]) -> None:
        """Work until told to stop."""
        while not stopped():
            self.turn()
            self.check()
            time.sleep(PAUSE_SECONDS)

    def check(self) -> None:
        """Raise `SlotTaken` once another process has the slot: two executors of one id run steps twice."""
        if self._lost.is_set():
            raise SlotTaken(f"slot {self.hold.slot} was taken over")

    def beat(self, stop: Event) -> None:
        """Renew the lease until told to stop; when it can't be renewed, say so and stop."""
        while not stop.wait(BEAT_SECONDS):
            try:
                with self.record.database.write() as session:
                    slots.beat(session, self.record.settings.tenant, self.hold, now=self.record.clock())
            except ConsentryError:
                self._lost.set()
                return
            except BaseException:
                # A fault of ours, and still: whoever doesn't beat must not go on.
                self._lost.set()
                raise


@contextmanager
def working(record: Record, studio: Studio) -> Iterator[Worker]:
    """Take the slot, recover what its last holder left, and work. Raises `SlotTaken`."""
    settings = record.settings
    # Unique for each taking: a process that takes its own slot a second time would outdo the first.
    tenant, holder = settings.tenant, f"{socket.gethostname()}:{os.getpid()}:{fresh(record.entropy)[:8]}"
    with record.database.write() as session:
        hold = slots.take(session, tenant, settings.slot, holder, now=record.clock())
    try:
        with _running(record, studio, hold) as worker:
            yield worker
    finally:
        with record.database.write() as session:
            slots.leave(session, tenant, hold, now=record.clock())


@contextmanager
def _running(record: Record, studio: Studio, hold: slots.Hold) -> Iterator[Worker]:
    settings, pipeline = record.settings, studio.pipeline
    # Drafts nobody has written to for so long belong to writers that were killed.
    abandoned = record.clock() - ABANDONED
    pipeline.media.sweep(before=abandoned)
    pipeline.quarantine.sweep(before=abandoned)
    steps = PipelineSteps(studio)
    runner = JobRunner(steps, url=settings.jobs_url, executor=f"{settings.tenant}-{settings.slot}")
    sweeper = Sweeper(record.database, record.ledger, pipeline.media, record.clock, runner, pipeline)
    worker, stop = Worker(record, runner, sweeper, steps, hold), Event()
    beating = Thread(target=worker.beat, args=(stop,), daemon=True, name="beat")
    beating.start()
    try:
        yield worker
    finally:
        try:
            # Still beating: the job at work is finished first, and the slot is ours until then.
            runner.close()
        finally:
            stop.set()
            beating.join()
