"""Durable jobs: the one door to DBOS. It remembers how far a job came; what a job is, it does not know.

A step may run again after a crash, so every step is safe to repeat; what must happen once happens in
one of our own transactions. Nothing is enqueued inside a transaction: duty rows are the queue of
record, and the sweeper hands them over after the commit, with the duty's id as the workflow's.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Protocol

from dbos import DBOS, DBOSConfig, DBOSConfiguredInstance, SetWorkflowID
from sqlalchemy import exc as sqlalchemy

from audit.errors import ConsentryError
from swap.errors import JobStopped, QueueAway, SlotTaken

VERSION = "1"
"""Pinned: DBOS's default is a hash of the source, which strands every pending job at a deploy. Raised
only when the steps of `Jobs.run_job` or `Jobs.run_scan` change their order. A worker of a version that
knows no scans leaves one that it took pending: it ends when the tables are upgraded, and the scan goes on."""

QUEUE = "swap"
SCANS = "scan"
"""A queue of their own: a scan, which a person may be waiting for, does not wait behind a long render."""
_POLL = 0.1
_ALIVE = {"PENDING", "ENQUEUED", "DELAYED"}


class Steps(Protocol):
    """What a job does, each safe to repeat."""

    def run(self, job: str) -> str | None:
        """Redeem anew, then make the file: its account as text, or None when the job ended."""
        ...

    def release(self, job: str, made: str) -> bool:
        """Whether the file went out."""
        ...

    def settle(self, job: str) -> None:
        """Let go of what was kept for the job."""
        ...

    def scan(self, scan: str) -> None:
        """Do a scan, or find it over."""
        ...


@DBOS.dbos_class("consentry-jobs")
class Jobs(DBOSConfiguredInstance):
    """Runs jobs under one executor id. One live process an executor id: the slot's lease sees to that."""

    def __init__(self) -> None:
        self.steps: Steps | None = None
        self.at_work: list[str] = []
        """Workflows that run here at this moment; one that runs twice, fenced off once, stands here twice."""
        super().__init__(config_name="jobs")

    @property
    def _here(self) -> Steps:
        if self.steps is None:
            raise RuntimeError("a job ran while no runner was open")
        return self.steps

    @DBOS.workflow(name="run_job")
    def run_job(self, job: str) -> None:
        """Run, release, settle. Ends released, refused or failed; settles either way.

        Redeeming is part of `run`: a step that was interrupted is done again from its beginning, so
        whoever takes over a run has redeemed anew and fenced off the one he took it from.
        """
        with self._at_work():
            made = self.run(job)
            if made is not None:
                self.release(job, made)
            self.settle(job)

    @DBOS.workflow(name="run_scan")
    def run_scan(self, scan: str) -> None:
        """One step: what a scan saw is kept by its own transactions."""
        with self._at_work():
            self.scan(scan)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        workflow = str(DBOS.workflow_id)
        self.at_work.append(workflow)
        try:
            yield
        finally:
            self.at_work.remove(workflow)

    @DBOS.step(name="scan")
    def scan(self, scan: str) -> None:
        self._here.scan(scan)

    @DBOS.step(name="run")
    def run(self, job: str) -> str | None:
        return self._here.run(job)

    @DBOS.step(name="release")
    def release(self, job: str, made: str) -> bool:
        return self._here.release(job, made)

    @DBOS.step(name="settle")
    def settle(self, job: str) -> None:
        self._here.settle(job)


_JOBS = Jobs()
"""DBOS finds workflows by class and instance name, in a registry that is one a process. So is this."""


class JobRunner:
    """DBOS, launched for a tenant's slot. Recovers what an earlier process of that slot left unfinished.

    One at a time in a process. Raises `SlotTaken` for a second one.
    """

    def __init__(self, steps: Steps, *, url: str, tenant: str, slot: str) -> None:
        if _JOBS.steps is not None:
            raise SlotTaken("this process runs jobs already")
        if url.startswith("sqlite:///"):
            # DBOS leaves its file in rollback-journal mode, 5 to 14 times slower a step; WAL persists.
            with sqlite3.connect(Path(url.removeprefix("sqlite:///"))) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
            connection.close()
        self._tenant, self._queue, self._scans = tenant, f"{QUEUE}-{tenant}", f"{SCANS}-{tenant}"
        self._slot, self._strays = slot, frozenset[str]()
        config = DBOSConfig(
            # Tenants share a database, never a queue: nobody runs another tenant's jobs.
            name=f"consentry-{tenant}",
            system_database_url=url,
            executor_id=self._executor(slot),
            application_version=VERSION,
            log_level="ERROR",
            notification_listener_polling_interval_sec=_POLL,
            max_executor_threads=8,
        )
        self._dbos = DBOS(config=config)
        _JOBS.steps = steps
        try:
            with _reached():
                DBOS.launch()
                for queue in (self._queue, self._scans):
                    DBOS.register_queue(queue, worker_concurrency=1, polling_interval_sec=_POLL)
        except BaseException:
            self.close(within=0)
            raise

    def enqueue(self, workflow: str, job: str) -> None:
        """Hand a job over. The same workflow id again is the same workflow: it runs once."""
        with _reached(), SetWorkflowID(workflow):
            DBOS.enqueue_workflow(self._queue, _JOBS.run_job, job)

    def enqueue_scan(self, workflow: str, scan: str) -> None:
        """The same for a scan."""
        with _reached(), SetWorkflowID(workflow):
            DBOS.enqueue_workflow(self._scans, _JOBS.run_scan, scan)

    def ended(self, workflow: str) -> str | None:
        """None while a workflow is unknown, waits or runs; how it ended once it has: an error's code."""
        with _reached():
            status = DBOS.get_workflow_status(workflow)
        if status is None or status.status in _ALIVE:
            return None
        return status.error.code if isinstance(status.error, ConsentryError) else JobStopped.code

    def take_over(self, slots: Sequence[str]) -> int:
        """Queue anew what the executors of these slots left at work; how many jobs.

        Whoever was not dead after all is fenced: by DBOS, which takes no result from him any more, and by
        the permit, which the next run redeems anew.
        """
        # The public `resume_workflows` sets back whatever it is named, also a run that was cancelled or
        # that somebody alive took a moment ago. This is one UPDATE each: PENDING, and of these executors.
        with _reached():
            return len(DBOS._recover_pending_workflows([self._executor(slot) for slot in slots]))

    def pick_up(self) -> int:
        """Queue anew what is at work here by the books and by nobody in fact, at two looks. How many.

        DBOS waits for a database that is away, but not for every way of being so: then the thread that was
        to write down a result ends, or the one that took a job from its queue, and the row stays. Our slot
        is alive, so nobody would take it over. One by one, whatever else is at work: a busy worker may
        never come to rest.
        """
        mine = self._executor(self._slot)
        with _reached():
            rows = DBOS.list_workflows(status="PENDING", executor_id=mine, load_input=False)
            # At work is asked after the books, so that whoever began between the two counts as at work.
            seen = frozenset(row.workflow_id for row in rows) - frozenset(_JOBS.at_work)
            lost = seen & self._strays
            self._strays = seen - lost
            # As `take_over`, of one: PENDING still, and ours still.
            again = self._dbos._sys_db.reenqueue_for_recovery
            return sum(again(workflow, [mine], self._queue) for workflow in sorted(lost))

    def close(self, *, within: float) -> bool:
        """Take no more jobs and end; False if the one at work did not within so many seconds.

        Then its step is still running, and nothing it works with may be closed under it: a step that
        fails for that would fail its job. Killed instead, the job goes on elsewhere or at the next start.
        """
        try:
            DBOS.destroy(workflow_completion_timeout_sec=ceil(within) if _JOBS.at_work else 0)
            return not _JOBS.at_work
        finally:
            _JOBS.steps = None

    def _executor(self, slot: str) -> str:
        return f"{self._tenant}/{slot}"


@contextmanager
def _reached() -> Iterator[None]:
    """Name what keeps DBOS from its tables. Raises `QueueAway`."""
    try:
        yield
    except (sqlalchemy.DBAPIError, sqlalchemy.TimeoutError) as error:
        raise QueueAway(f"the job engine's tables: {type(error).__name__}") from error
