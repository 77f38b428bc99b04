"""The one way out: ask, redeem, run, release, settle. Each step may be repeated, none may be skipped.

    ask      one transaction: the gate decides; a permit brings its job and the duty to run it
    redeem   one transaction: the permit is redeemed for this attempt, `RunStarted` names the
             checkpoint that holds the permit
    run      outside any transaction: frames, engine, label, encode, sign, read back; then `RunFinished`
    release  one transaction: the whole policy again, then the output's row, entries last
    settle   the checkpoint over the release, and what was kept for the job goes

If the process dies before a step's commit the step has not happened; if it dies after, the step's
repetition sees that and goes on. Nobody runs without redeeming: a repeated run is the next attempt,
which fences the old one.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from shutil import rmtree

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.errors import ConsentryError, Unready
from audit.fact import Fact, Part
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from audit.log import Log
from audit.sessions import Sessions
from consent import docket, recording
from consent.case import Case, Use, parse
from consent.docket import Answer, State
from consent.gate import Forecast, Gate
from consent.permit import Decision, Permit, Refusal
from consent.permits import Permits
from consent.redemption import Redemption, Run
from consent.words import Action, Match
from swap import cases, duties, filelocks, library, orders
from swap.assignments import Assignments
from swap.cases import Asking
from swap.donors import handed_in, let_go
from swap.duties import Kind
from swap.errors import JobStopped, PermitUnwitnessed, PhotoGone, Tampered, WrongState
from swap.faults import Cancelled
from swap.finishing import Finisher, Made
from swap.library import Template
from swap.orders import Job, Progress
from swap.preparing import Preparing
from swap.quarantine import Quarantine
from swap.release import Release
from swap.store import MediaStore

Clock = Callable[[], datetime]

ATTEMPTS = 5
"""Redemptions of one permit. A clip that kills the process each time must not do so for ever."""

TOLD_EVERY = 1.0
"""Seconds between two notes of how far a run came."""


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
        """Ask for one swap.

        Raises `NoSuchThing`, `WrongState` for a template that is not published, `PhotoGone`, and
        `Tampered` for one that is no longer what was published, or a donor not as she was received.
        """
        with self.sessions.write() as session:
            # Before cast, scan and verdicts are read: whoever changes them takes the same row.
            library.lock(session, self.tenant, template, exclusive=False)
            # After it: of those who waited for it, each would find an entry that is later than its question,
            # and ask for everybody's standing twice.
            now = self.clock()
            case = self.case(session, template, donor, requester, use)
            decision = self.gate.decide(session, case, now)
            job = None
            if isinstance(decision, Permit):
                job = self.begin(session, template, donor, decision, now=now)
        # No permit is redeemable before its entry is under a checkpoint.
        self.log.publish(decision.ruling.entry, now=self.clock())
        return Asked(decision, job)

    def check(self, template: str, donor: str, requester: str, use: Use) -> Forecast:
        """What `ask` would answer, now. A dry run: nothing is written or reserved. Raises as `ask`."""
        with self.sessions.read() as session:
            case = self.case(session, template, donor, requester, use)
            return self.gate.check(session, case, self.clock())

    def ready(self, job_id: str) -> bool:
        """Whether a job need not wait for witnesses: a quorum saw its permit's entry, or nobody asks for one.

        Nor does one whose permit is over: the gate has its answer.
        """
        if not self.log.strict:
            return True
        with self.sessions.read() as session:
            job = orders.job(session, self.tenant, job_id)
            issued = docket.find(session, self.tenant, job.permit)
            over = job.progress.final or job.cancelled or not self._open(session, job)
            return over or issued is None or self.log.vouched(session, issued.entry) is not None

    def redeem(self, job_id: str) -> bool:
        """Take the permit for the next attempt. False: the job ended, now or before.

        Raises `PermitUnwitnessed` in strict mode: G-36 would refuse for good what only has to wait.
        """
        # The asker may have died between its commit and this, and G-36 would refuse for good.
        self.log.publish(now=self.clock())
        if not self.ready(job_id):
            raise PermitUnwitnessed("no quorum has seen the permit's entry")
        with self.sessions.write() as session:
            job = orders.job(session, self.tenant, job_id)
            if job.progress.final:
                return False
            now, attempt = self.clock(), job.attempt + 1
            if attempt > ATTEMPTS:
                self._close(session, job, Progress.FAILED, {"error": JobStopped.code}, now)
                return False
            if job.cancelled and self._open(session, job):
                # Its permit expires by itself, and what was reserved for it goes back.
                self._close(session, job, Progress.FAILED, {"error": Cancelled.code}, now)
                return False
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
                "at": instant.exact(answer.at),
            }
            refs = (answer.permit.ruling.entry,)
            fact = Fact("RunStarted", (self._tenant_part(payload),), refs, answer.checkpoint)
            # The gate's instant and not our clock's: the longest run is counted from it, in the permit's row.
            started = self.ledger.append(session, fact, answer.at)
            orders.begin(session, self.tenant, job.id, attempt=attempt, started=started.leaf_hash, now=now)
        return True

    def run(
        self, job_id: str, progress: Callable[[int, int | None], None] = lambda _done, _total: None
    ) -> Made | None:
        """Render and finish under the redeemed permit. None: the job ended instead, or went to another.

        What goes wrong with the media or the engine closes the job as failed, with the error's code;
        what is wrong with the deployment is raised, and the job waits for the next attempt.
        """
        with self.sessions.read() as session:
            job = orders.job(session, self.tenant, job_id)
        if job.progress.final or job.started is None:
            return None
        folder = self._folder(job)
        try:
            with self.sessions.read() as session:
                order = self.preparing.order(session, job, now=self.clock())
            telling = self._telling(job, progress)
            made = self.finisher.make(order, folder, cancelled=self._cancelled(job), progress=telling)
        except ConsentryError as error:
            rmtree(folder, ignore_errors=True)
            if isinstance(error, Unready):
                raise
            self._end(job, Progress.FAILED, error.code)
            return None
        with self.sessions.write() as session:
            if not self._mine(session, job):
                return None
            now = self.clock()
            payload = {
                "job": job.id,
                "attempt": job.attempt,
                **made.account(),
                # Kept here alone: with it the manifest can be shown to mean this permit and these consents.
                "salt": order.claim.salt.hex(),
                "at": instant.exact(now),
            }
            fact = Fact("RunFinished", (self._tenant_part(payload),), (job.started,))
            finished = self.ledger.append(session, fact, now)
        self.log.publish(finished.leaf_hash, now=self.clock())
        return replace(made, attempt=job.attempt, finished=finished.leaf_hash)

    def release(self, job_id: str, made: Made) -> bool:
        """Let the file out, or not: the whole policy again, with the clock and the rules of now."""
        release = Release(
            self.sessions,
            self.gate,
            self.permits,
            self.ledger,
            self.log,
            self.media,
            self.clock,
            self._close,
        )
        return release.release(job_id, made)

    def give_up(self, job_id: str, code: str) -> None:
        """Close a job whose attempts broke off, the last of them too, and settle it."""
        with self.sessions.read() as session:
            job = orders.job(session, self.tenant, job_id)
        self._end(job, Progress.FAILED, code)
        self.settle(job_id)

    def settle(self, job_id: str) -> None:
        """Publish the log over what happened, and let go of what was kept for the job alone."""
        with self.sessions.write() as session:
            job = orders.job(session, self.tenant, job_id)
            if not job.progress.final:
                # A later attempt is at work on it, and settles after itself.
                return
            let_go(session, self.ledger, self.quarantine, job.donor, now=self.clock())
        rmtree(self.work / job_id, ignore_errors=True)
        self.log.publish(now=self.clock())

    def begin(self, session: Session, template: str, donor: str, permit: Permit, *, now: datetime) -> str:
        """The job of a permit, and the duty to run it, in the permit's own transaction. Its id.

        Raises `PhotoGone`: another job with this donor has ended since the question was put together.
        """
        job, at = fresh(self.entropy), permit.ruling.at
        filelocks.lock(session, self.tenant, orders.donor(session, self.tenant, donor).photo_digest)
        if orders.donor(session, self.tenant, donor).deleted:
            raise PhotoGone(f"the photo of donor {donor} was deleted")
        orders.add_job(session, self.tenant, job, template=template, donor_id=donor, permit=permit.id, now=at)
        duties.owe(session, self.tenant, Kind.RUN_JOB, job, now=now, entropy=self.entropy)
        return job

    def case(self, session: Session, template: str, donor_id: str, requester: str, use: Use) -> Case:
        """The question that `ask` puts to the gate. Raises as it does."""
        found = library.get(session, self.tenant, template)
        if found.state is not library.State.PUBLISHED:
            raise WrongState(f"template {template} is {found.state}; expected published")
        scan, verdicts = self.preparing.seen(session, found)
        donor = handed_in(session, self.gate.bench, donor_id, requester)
        if donor.deleted and donor.match is Match.MATCHED:
            raise PhotoGone(f"the photo of donor {donor_id} was deleted")
        case = cases.of_template(
            Asking(self.tenant, self.gate.mode, requester),
            Action.SWAP,
            found,
            scan=scan,
            verdicts=verdicts,
            use=use,
            donor=donor,
            models=self.finisher.engine.digests.values(),
            engine_version=self.finisher.engine.version,
            reviewed=Assignments(self.ledger, self.entropy).reviewed(session, found),
        )
        if not self._as_published(session, found, case):
            raise Tampered(f"template {template} is not what was published")
        return case

    def _as_published(self, session: Session, found: Template, asked: Case) -> bool:
        """Whether source, cast, scan and verdicts are those of the publish decision, and it is as logged.

        They are rows; the decision's case has its digest in the log.
        """
        decision = docket.find(session, self.tenant, found.published_by or "")
        if decision is None or decision.answer is not Answer.PERMIT or decision.action is not Action.PUBLISH:
            return False
        published = parse(decision.case)
        return (
            recording.remembered_as_logged(session, self.gate.bench, decision, published)
            and published.template == asked.template
            and published.source == asked.source
            and published.depicted == asked.depicted
            and published.scan_digest == asked.scan_digest
            and published.tracks_digest == asked.tracks_digest
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
        return self.permits.redeem(session, life.token if life else b"", run, now, self.log.vouched)

    def _open(self, session: Session, job: Job) -> bool:
        """Whether its permit could be redeemed still: if not, the gate says why."""
        life = docket.life(session, self.tenant, job.permit, lock=False)
        return life is not None and life.state in {State.ISSUED, State.REDEEMED}

    def _mine(self, session: Session, job: Job) -> bool:
        """Whether the job is still open, and this attempt the last that took it."""
        current = orders.job(session, self.tenant, job.id)
        return not current.progress.final and current.attempt == job.attempt

    def _end(self, job: Job, how: Progress, code: str) -> None:
        with self.sessions.write() as session:
            if self._mine(session, job):
                self._close(session, job, how, {"error": code}, self.clock())

    def _close(
        self, session: Session, job: Job, how: Progress, outcome: Mapping[str, Json], now: datetime
    ) -> None:
        if not orders.end(session, self.tenant, job.id, how, attempt=job.attempt, outcome=outcome, now=now):
            return
        payload = {"job": job.id, "ended": str(how), **outcome, "at": instant.exact(now)}
        refs = (job.started,) if job.started else ()
        self.ledger.append(session, Fact("JobEnded", (self._tenant_part(payload),), refs), now)

    def _folder(self, job: Job) -> Path:
        # Its own for every run: a process that lost its slot may still be writing into the last one.
        folder = self.work / job.id / f"{job.attempt}-{fresh(self.entropy)}"
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

    def _telling(
        self, job: Job, progress: Callable[[int, int | None], None]
    ) -> Callable[[int, int | None], None]:
        """Tells `progress` of every frame, and the job's row once a second, and of the last one.

        Whoever asks may be elsewhere.
        """
        told: datetime | None = None

        def telling(done: int, total: int | None) -> None:
            nonlocal told
            progress(done, total)
            now = self.clock()
            if done != total and told is not None and (now - told).total_seconds() < TOLD_EVERY:
                return
            told = now
            # How far a run came is not worth the run: a database that is away is found out where it matters.
            with suppress(Unready), self.sessions.write() as session:
                orders.progressed(session, self.tenant, job.id, attempt=job.attempt, done=done, total=total)

        return telling

    def _tenant_part(self, payload: Mapping[str, Json]) -> Part:
        return Part.of_tenant(self.tenant, payload)
