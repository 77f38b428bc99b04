"""The sweeper: hands open duties over, and does the small ones itself. Safe to run at any time, twice."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput, Diverged
from audit.fact import Fact, Part
from audit.ledger import Ledger
from audit.sessions import Sessions
from swap import duties, orders, outputs, scans
from swap.duties import Duty, Kind
from swap.errors import HandedBack, PermitUnwitnessed
from swap.store import MediaStore

TRIES = 3
"""Times a job is handed over after its workflow broke off. Each redeems anew."""

PAUSE = timedelta(seconds=10)
"""Before the second try; it doubles with each."""


class Queue(Protocol):
    """Where jobs are handed to (`swap.jobs.JobRunner`)."""

    def enqueue(self, workflow: str, job: str) -> None:
        """Run the job; the same workflow again is the same run."""
        ...

    def enqueue_scan(self, workflow: str, scan: str) -> None:
        """The same for a scan."""
        ...

    def ended(self, workflow: str) -> str | None:
        """None while it waits or runs, or was never handed over; else the code of what ended it."""
        ...


class Ending(Protocol):
    """How runs end that did not end by themselves (`swap.pipeline.Pipeline`, `swap.scanning.Scanning`)."""

    def settle(self, job_id: str) -> None:
        """Let go of what was kept for an ended job; again changes nothing."""
        ...

    def give_up(self, job_id: str, code: str) -> None:
        """Close a job under an error's code, and settle it."""
        ...


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Open duties of one tenant."""

    sessions: Sessions
    ledger: Ledger
    media: MediaStore
    clock: Callable[[], datetime]
    queue: Queue | None = None
    """None: runs are left to a worker."""
    jobs: Ending | None = None
    """Due with `queue`."""
    scans: Ending | None = None
    """Due with `queue`."""
    ready: Callable[[str], bool] = lambda _job: True
    """Whether a job may be handed over yet: its permit may be redeemed, or never will be."""
    pause: timedelta = PAUSE

    def sweep(self) -> int:
        """Do or hand over what is owed. How many duties are done now.

        A duty on rows that contradict themselves is put off, and stays open for somebody to look at:
        it must not keep the others from being done.
        """
        with self.sessions.read() as session:
            owed = duties.open_duties(session, self.ledger.tenant, now=self.clock())
        done = 0
        for duty in owed:
            try:
                done += self._do(duty)
            except (BadInput, Diverged):
                self._again(duty)
        return done

    def _do(self, duty: Duty) -> bool:
        match duty.kind:
            case Kind.RUN_JOB:
                if self.queue is None or self.jobs is None:
                    return False
                return self._run(duty, self.queue, self.queue.enqueue, self.jobs)
            case Kind.RUN_SCAN:
                if self.queue is None or self.scans is None:
                    return False
                return self._run(duty, self.queue, self.queue.enqueue_scan, self.scans)
            case Kind.CANCEL_JOB:
                return self._ended(duty) and self._done(duty)
            case Kind.WITHDRAW_OUTPUT:
                return self._withdraw(duty)
            case Kind.NOTIFY:
                return False

    def _run(self, duty: Duty, queue: Queue, enqueue: Callable[[str, str], None], runs: Ending) -> bool:
        if self._ended(duty):
            # The run may have died between its last word and this: a job is over when it is settled.
            runs.settle(duty.subject)
            return self._done(duty)
        # The duty's id and try: handed over again after a crash, it is the same workflow.
        workflow = f"{duty.id}.{duty.attempts}"
        ended = queue.ended(workflow)
        if ended is None:
            if duty.kind is not Kind.RUN_JOB or self.ready(duty.subject):
                enqueue(workflow, duty.subject)
            return False
        # The workflow is over and the job is not: it broke off, and DBOS would never take it up again.
        if self._ended(duty):
            return False  # it ended this moment; the next sweep settles it
        if ended in {HandedBack.code, PermitUnwitnessed.code}:
            # Nothing went wrong with it. How often it may begin anew is bounded by its permit's redemptions.
            self._again(duty, pause=timedelta())
            return False
        if duty.attempts < TRIES:
            self._again(duty)
            return False
        runs.give_up(duty.subject, ended)
        return self._done(duty)

    def _again(self, duty: Duty, pause: timedelta | None = None) -> None:
        wait = self.pause * 2 ** min(duty.attempts, 8) if pause is None else pause
        with self.sessions.write() as session:
            duties.again(session, self.ledger.tenant, duty, due=self.clock() + wait)

    def _ended(self, duty: Duty) -> bool:
        with self.sessions.read() as session:
            if duty.kind is Kind.RUN_SCAN:
                return scans.get(session, self.ledger.tenant, duty.subject).state.final
            return orders.job(session, self.ledger.tenant, duty.subject).progress.final

    def _done(self, duty: Duty) -> bool:
        with self.sessions.write() as session:
            duties.done(session, self.ledger.tenant, duty.id, now=self.clock())
        return True

    def _withdraw(self, duty: Duty) -> bool:
        tenant, now = self.ledger.tenant, self.clock()
        with self.sessions.write() as session:
            output = outputs.get(session, tenant, duty.subject)
            if outputs.withdraw(session, tenant, output.id, now=now):
                said: dict[str, Json] = {
                    "output": output.id,
                    "digest": output.digest,
                    "delivered": output.served,
                    "at": instant.exact(now),
                }
                part = Part.of_tenant(tenant, said)
                self.ledger.append(session, Fact("OutputWithdrawn", (part,), (output.leaf_hash,)), now)
            # Inside the unit of work: if the commit fails the duty stays open and the file is gone
            # already, which is the right way round.
            self.media.discard(output.digest)
            duties.done(session, tenant, duty.id, now=now)
        return True
