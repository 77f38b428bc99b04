"""The last step out: the whole policy again, then the row that makes a file reachable, entries last.

What was measured on the file comes from a durable job's memory, which is not ours: it counts only
where the log's own account of the run says the same.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput, ConsentryError, Diverged
from audit.fact import Fact, Part, Seal, Subject
from audit.ledger import Ledger
from audit.log import Log
from audit.sessions import Sessions
from consent import case, docket
from consent.case import Output as Measured
from consent.dimensions import DataClass
from consent.gate import Gate
from consent.keeping import keep_until
from consent.permit import Permit
from consent.permits import Permits
from consent.required import needed
from swap import filelocks, orders, outputs
from swap.draft import storage
from swap.errors import Tampered
from swap.faults import Cancelled, MediaMissing
from swap.finishing import Made
from swap.orders import Job, Progress
from swap.store import MediaStore


@dataclass(frozen=True, slots=True)
class Release:
    """Lets finished files out, for one tenant."""

    sessions: Sessions
    gate: Gate
    permits: Permits
    ledger: Ledger
    log: Log
    media: MediaStore
    clock: Callable[[], datetime]
    close: Callable[[Session, Job, Progress, Mapping[str, Json], datetime], None]
    """Ends a job otherwise than by a release."""

    def release(self, job_id: str, made: Made) -> bool:
        """Let the file out, or not. Whatever was kept of a file that did not go out is gone after."""
        tenant = self.ledger.tenant
        with self.sessions.read() as session:
            open_still = self._concerns(orders.job(session, tenant, job_id), made)
        try:
            if open_still:
                # Durable at its digest before the row exists: the row alone makes it reachable.
                self._keep(made)
                self._decide(job_id, made)
        except BaseException:
            # What was raised is the better thing to report; the file is the orphans' sweep's in a day.
            with suppress(ConsentryError):
                self._settled(job_id, made)
            raise
        return self._settled(job_id, made)

    def _settled(self, job_id: str, made: Made) -> bool:
        """Whether the job was released; the file is gone unless it was this one.

        Also on the way back from a crash that left the file but no row, or a later attempt's row.
        """
        tenant = self.ledger.tenant
        with self.sessions.write() as session:
            # A commit in doubt, or another who has this job since and decides, comes first.
            filelocks.lock(session, tenant, made.digest)
            released = outputs.of_job(session, tenant, job_id)
            if released is None or released.digest != made.digest:
                self.media.discard(made.digest)
        return released is not None

    def _concerns(self, job: Job, made: Made) -> bool:
        # A later attempt has fenced off whoever made this: it is not his to release or to close.
        return not job.progress.final and job.attempt == made.attempt

    def _decide(self, job_id: str, made: Made) -> None:
        with self.sessions.write() as session:
            filelocks.lock(session, self.ledger.tenant, made.digest)
            job = orders.job(session, self.ledger.tenant, job_id)
            if not self._concerns(job, made):
                return
            now = self.clock()
            decision = self.gate.recheck(
                session,
                job.permit,
                job=job.id,
                attempt=made.attempt,
                output=self._measured(session, job, made),
                now=now,
            )
            if not isinstance(decision, Permit):
                self.close(session, job, Progress.REFUSED, {"rules": list(decision.reasons)}, now)
                return
            if orders.called_off(session, self.ledger.tenant, job.id):
                # After the gate: what a withdrawal cancelled is refused, and says by which rule.
                self.close(session, job, Progress.FAILED, {"error": Cancelled.code}, now)
                return
            self.permits.finish(session, job.permit, job=job.id, attempt=made.attempt)
            self._write(session, job, made, decision, now)

    def _measured(self, session: Session, job: Job, made: Made) -> Measured:
        """What the log says of the run. Without its entry, or with another account in it: nothing."""
        try:
            logged = self.log.covered(session, made.finished) is not None
            said = self.ledger.opened(session, made.finished, Subject("tenant", self.ledger.tenant)) or {}
        except (BadInput, Diverged):
            return Measured(label=False, aigc=False, manifest=False, logged=False)
        account: Mapping[str, Json] = {"job": job.id, "attempt": made.attempt, **made.account()}
        logged = logged and all(said.get(name) == value for name, value in account.items())
        return Measured(label=made.label, aigc=made.aigc, manifest=made.manifest, logged=logged)

    def _keep(self, made: Made) -> None:
        if self.media.holds(made.digest):
            return
        try:
            with storage(), made.path.open("rb") as file, self.media.draft() as draft:
                while chunk := file.read(1 << 20):
                    draft.write(chunk)
                kept = self.media.keep(draft)
        except FileNotFoundError:
            raise MediaMissing("the finished file is no longer where it was made") from None
        if kept.digest != made.digest:
            self.media.discard(kept.digest)
            raise Tampered("the finished file holds other bytes than were signed")

    def _write(self, session: Session, job: Job, made: Made, decision: Permit, now: datetime) -> None:
        tenant = self.ledger.tenant
        summary: Mapping[str, Json] = {
            "v": 1,
            "output": made.digest,
            "action": str(decision.ruling.action),
            "policy": decision.ruling.policy,
            "rules": sorted(self.gate.policy.rules),
            "proof": None if decision.ruling.proof is None else str(decision.ruling.proof),
        }
        rests_on = self._rests_on(session, job)
        place: Mapping[str, Json] = {
            "output": made.output,
            "digest": made.digest,
            "rests_on": {consent: purposes for consent, (_, purposes) in rests_on.items()},
            "job": job.id,
            "permit": job.permit,
            "at": instant.exact(now),
        }
        parts = (
            Part(Subject("output", made.output), Seal.EVID, summary),
            Part.of_tenant(tenant, place),
        )
        # The entry's hash goes into the row, so here it comes before it, in the same transaction.
        started = (job.started,) if job.started else ()
        fact = Fact("OutputReleased", parts, (decision.ruling.entry, *started, made.finished))
        entry = self.ledger.append(session, fact, now)
        rests_on = self._rests_on(session, job)
        standings = self.gate.bench.registry.standings(session, tenant, sorted(rests_on), now=now, lock=None)
        output = outputs.Output(
            made.output,
            job.id,
            job.template,
            job.permit,
            made.digest,
            made.size,
            entry.leaf_hash,
            now,
            None,
            0,
            keep_until(standings.values(), {DataClass.OUTPUT}, now=now),
        )
        outputs.add(session, tenant, output, rests_on)
        outcome = {"output": made.output}
        orders.end(session, tenant, job.id, Progress.RELEASED, attempt=job.attempt, outcome=outcome, now=now)

    def _rests_on(self, session: Session, job: Job) -> Mapping[str, tuple[str, list[str]]]:
        """Authorization to person and purposes: from the case, which was just found to be as logged."""
        issued = docket.find(session, self.ledger.tenant, job.permit)
        if issued is None:
            return {}
        asked = case.parse(issued.case)
        rests_on: dict[str, tuple[str, set[str]]] = {}
        for one in asked.people:
            if one.authorization:
                purposes = rests_on.setdefault(one.authorization, (one.person, set()))[1]
                purposes.update(map(str, needed(asked, one)))
        return {who: (person, sorted(purposes)) for who, (person, purposes) in rests_on.items()}
