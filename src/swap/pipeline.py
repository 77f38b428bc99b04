"""The one way out: ask, redeem, run, release, settle. Each step may be repeated, none may be skipped.

    ask      one transaction: the gate decides; a permit brings its job and the duty to run it
    redeem   one transaction: the permit is redeemed for this attempt, `RunStarted` names the
             checkpoint that holds the permit
    run      outside any transaction: frames, engine, label, encode, sign, read back; then `RunFinished`
    release  one transaction: the whole policy again, then the output's row, entries last
    settle   the checkpoint over the release, and what was kept for the job goes

If the process dies before a step's commit the step has not happened; if it dies after, the step's
repetition sees that and goes on. A repeated `redeem` takes the next attempt, which fences the old one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.errors import ConsentryError, Unready
from audit.fact import Fact, Part, Seal, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from audit.log import Log
from audit.sessions import Sessions
from consent import docket
from consent.case import Case, Use
from consent.case import Output as Measured
from consent.gate import Forecast, Gate
from consent.permit import Decision, Permit, Refusal
from consent.permits import Permits
from consent.redemption import Redemption, Run
from consent.words import Action
from swap import cases, duties, library, orders, outputs
from swap.cases import Asking
from swap.duties import Kind
from swap.errors import WrongState
from swap.finishing import Finisher, Made
from swap.orders import Job, Progress
from swap.preparing import Preparing
from swap.quarantine import Quarantine
from swap.store import MediaStore

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Asked:
    """The gate's answer to a swap, and the job it began if it was yes."""

    decision: Decision
    job: str | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Swaps of one tenant."""

    sessions: Sessions
    gate: Gate
    permits: Permits
    ledger: Ledger
    log: Log
    finisher: Finisher
    preparing: Preparing
    media: MediaStore
    quarantine: Quarantine
    work: Path
    entropy: Entropy
    clock: Clock

    @property
    def tenant(self) -> str:
        """Whose swaps these are."""
        return self.ledger.tenant

    def ask(self, template: str, donor: str, requester: str, use: Use) -> Asked:
        """Ask for one swap. Raises `NoSuchThing`, `WrongState` for a template that is not published."""
        now = self.clock()
        with self.sessions.write() as session:
            case = self._case(session, template, donor, requester, use)
            decision = self.gate.decide(session, case, now)
            job = None
            if isinstance(decision, Permit):
                job = fresh(self.entropy)
                orders.add_job(
                    session, self.tenant, job, template=template, donor_id=donor, permit=decision.id, now=now
                )
                duties.owe(session, self.tenant, Kind.RUN_JOB, job, now=now, entropy=self.entropy)
        # No permit is redeemable before its entry is under a checkpoint.
        self.log.publish(decision.ruling.entry, now=self.clock())
        return Asked(decision, job)

    def check(self, template: str, donor: str, requester: str, use: Use) -> Forecast:
        """What `ask` would answer, now. A dry run: nothing is written or reserved. Raises as `ask`."""
        with self.sessions.read() as session:
            case = self._case(session, template, donor, requester, use)
            return self.gate.check(session, case, self.clock())

    def redeem(self, job_id: str) -> bool:
        """Take the permit for the next attempt. False: the job ended, now or before."""
        with self.sessions.write() as session:
            job = orders.job(session, self.tenant, job_id)
            if job.progress.final:
                return False
            now, attempt = self.clock(), job.attempt + 1
            answer = self._redeem(session, job, attempt, now)
            if isinstance(answer, Refusal):
                self._close(session, job, Progress.REFUSED, {"rules": list(answer.reasons)}, now)
                return False
            payload: Mapping[str, Json] = {
                "job": job.id,
                "attempt": attempt,
                "permit": job.permit,
                "engine": self.finisher.engine.name,
                "version": self.finisher.engine.version,
                "at": instant.exact(now),
            }
            refs = (answer.permit.ruling.entry,)
            fact = Fact("RunStarted", (self._tenant_part(payload),), refs, answer.checkpoint)
            started = self.ledger.append(session, fact, now)
            orders.begin(session, self.tenant, job.id, attempt=attempt, started=started.leaf_hash, now=now)
        return True

    def run(
        self, job_id: str, progress: Callable[[int, int | None], None] = lambda _done, _total: None
    ) -> Made | None:
        """Render and finish under the redeemed permit. None: the job ended instead.

        What goes wrong with the media or the engine closes the job as failed, with the error's code;
        what is wrong with the deployment is raised, and the job waits for the next attempt.
        """
        with self.sessions.read() as session:
            job = orders.job(session, self.tenant, job_id)
            if job.progress.final or job.started is None:
                return None
            order = self.preparing.order(session, job, now=self.clock())
        folder = self._folder(job)
        try:
            made = self.finisher.make(order, folder, cancelled=self._cancelled(job), progress=progress)
        except ConsentryError as error:
            rmtree(folder, ignore_errors=True)
            if isinstance(error, Unready):
                raise
            with self.sessions.write() as session:
                self._close(session, job, Progress.FAILED, {"error": error.code}, self.clock())
            return None
        with self.sessions.write() as session:
            payload = {
                "job": job.id,
                "attempt": job.attempt,
                **made.account(),
                "at": instant.exact(self.clock()),
            }
            fact = Fact("RunFinished", (self._tenant_part(payload),), (job.started,))
            finished = self.ledger.append(session, fact, self.clock())
        self.log.publish(finished.leaf_hash, now=self.clock())
        return made

    def release(self, job_id: str, made: Made) -> bool:
        """Let the file out, or not: the whole policy again, with the clock and the rules of now."""
        # Durable at its digest before the row exists: the row alone makes it reachable.
        stored = self._keep(made)
        with self.sessions.write() as session:
            job = orders.job(session, self.tenant, job_id)
            if job.progress.final:
                return job.progress is Progress.RELEASED
            now = self.clock()
            measured = Measured(label=made.label, aigc=made.aigc, manifest=made.manifest, logged=True)
            decision = self.gate.recheck(
                session, job.permit, job=job.id, attempt=job.attempt, output=measured, now=now
            )
            if not isinstance(decision, Permit):
                self._close(session, job, Progress.REFUSED, {"rules": list(decision.reasons)}, now)
            else:
                self.permits.finish(session, job.permit, job=job.id, attempt=job.attempt)
                self._release(session, job, made, decision, now)
        if not isinstance(decision, Permit) and stored:
            self.media.discard(made.digest)
        return isinstance(decision, Permit)

    def settle(self, job_id: str) -> None:
        """Publish the log over what happened, and let go of what was kept for the job alone."""
        with self.sessions.write() as session:
            job = orders.job(session, self.tenant, job_id)
            if not job.progress.final:
                raise WrongState(f"job {job_id} is {job.progress}; it has not ended")
            donor = orders.donor(session, self.tenant, job.donor)
            if not donor.deleted and not orders.waiting_for(session, self.tenant, donor.id):
                orders.donor_deleted(session, self.tenant, donor.id)
                if not orders.photo_needed(session, self.tenant, donor.photo_digest):
                    # Before the commit: a crash here repeats the step, the other order would forget the file.
                    self.quarantine.discard(donor.photo_digest)
                part = Part(Subject("person", donor.person), Seal.EVID, {"donor": donor.id, "job": job.id})
                self.ledger.append(session, Fact("DonorPhotoDeleted", (part,)), self.clock())
        rmtree(self.work / job_id, ignore_errors=True)
        self.log.publish(now=self.clock())

    def _case(self, session: Session, template: str, donor: str, requester: str, use: Use) -> Case:
        found = library.get(session, self.tenant, template)
        if found.state is not library.State.PUBLISHED:
            raise WrongState(f"template {template} is {found.state}; expected published")
        scan, verdicts = self.preparing.seen(session, found)
        return cases.of_template(
            Asking(self.tenant, self.gate.mode, requester),
            Action.SWAP,
            found,
            scan=scan,
            verdicts=verdicts,
            use=use,
            donor=orders.donor(session, self.tenant, donor),
            models=self.finisher.engine.digests.values(),
        )

    def _redeem(self, session: Session, job: Job, attempt: int, now: datetime) -> Redemption | Refusal:
        template = library.get(session, self.tenant, job.template)
        donor = orders.donor(session, self.tenant, job.donor)
        life = docket.life(session, self.tenant, job.permit, lock=False)
        engine = self.finisher.engine
        run = Run(
            job=job.id,
            attempt=attempt,
            media_digest=template.media_digest or "",
            donor_digest=donor.photo_digest,
            engine=engine.name,
            model_digests=tuple(sorted(engine.digests.values())),
        )
        return self.permits.redeem(session, life.token if life else b"", run, now, self.log.covered)

    def _release(self, session: Session, job: Job, made: Made, decision: Permit, now: datetime) -> None:
        named = docket.people(session, self.tenant, job.permit)
        rests_on = {
            one.authorization: (one.person, [str(p) for p in one.purposes])
            for one in named
            if one.authorization
        }
        summary: Mapping[str, Json] = {
            "v": 1,
            "output": made.digest,
            "action": str(decision.ruling.action),
            "policy": decision.ruling.policy,
            "rules": sorted(self.gate.policy.rules),
            "proof": None if decision.ruling.proof is None else str(decision.ruling.proof),
        }
        parts = (
            Part(Subject("output", made.output), Seal.EVID, summary),
            self._tenant_part(
                {"output": made.output, "job": job.id, "permit": job.permit, "at": instant.exact(now)}
            ),
        )
        fact = Fact(
            "OutputReleased", parts, (decision.ruling.entry, *((job.started,) if job.started else ()))
        )
        entry = self.ledger.append(session, fact, now)
        outputs.add(
            session,
            self.tenant,
            outputs.Output(
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
            ),
            rests_on,
        )
        orders.end(session, self.tenant, job.id, Progress.RELEASED, outcome={"output": made.output}, now=now)

    def _close(
        self, session: Session, job: Job, how: Progress, outcome: Mapping[str, Json], now: datetime
    ) -> None:
        orders.end(session, self.tenant, job.id, how, outcome=outcome, now=now)
        payload = {"job": job.id, "ended": str(how), **outcome, "at": instant.exact(now)}
        refs = (job.started,) if job.started else ()
        self.ledger.append(session, Fact("JobEnded", (self._tenant_part(payload),), refs), now)

    def _keep(self, made: Made) -> bool:
        if self.media.holds(made.digest):
            return False
        with self.media.draft() as draft:
            with made.path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    draft.write(chunk)
            self.media.keep(draft)
        return True

    def _folder(self, job: Job) -> Path:
        folder = self.work / job.id / str(job.attempt)
        rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def _cancelled(self, job: Job) -> Callable[[], bool]:
        """Whether a withdrawal or a later attempt told this run to stop; asked about once a second."""
        asked = self.clock()
        stop = False

        def cancelled() -> bool:
            nonlocal asked, stop
            now = self.clock()
            if not stop and (now - asked).total_seconds() >= 1:
                asked = now
                with self.sessions.read() as session:
                    current = orders.job(session, self.tenant, job.id)
                    stop = current.cancelled or current.attempt != job.attempt
            return stop

        return cancelled

    def _tenant_part(self, payload: Mapping[str, Json]) -> Part:
        return Part(Subject("tenant", self.tenant), Seal.EVID, payload)
