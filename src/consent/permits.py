"""A permit's life: redeemed once for one job, finished, or void, or expired.

A signature is not leave: the row is. Redeeming is one update of it, under the same locks on the same
consents that a withdrawal must take, so it either sees the withdrawal or is seen by it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from audit import keyhistory
from audit.canonical import digest
from audit.errors import Diverged
from audit.fact import Fact
from audit.ids import Entropy
from audit.keys import VerifyingKey
from consent import docket, recording, uses
from consent.case import Case, parse
from consent.docket import Life, Named, Recorded, State
from consent.hearing import Bench, Hearing
from consent.objection import Objection
from consent.permit import Body, Permit, PermitForged, Refusal, Ruling, read
from consent.policy import Policy
from consent.question import Stage
from consent.redemption import Fault, Redemption, Run
from consent.required import needed
from consent.words import Purpose

Covered = Callable[[Session, str], str | None]
"""`audit.log.Log.vouched`: the digest of a checkpoint that covers an entry, or None."""


class PermitNotHeld(Diverged):
    """A job ends a permit that is no longer its own. Recheck in the same transaction, and this can't be."""

    code = "PERMIT_NOT_HELD"
    zh = "该任务已不再持有此许可。"
    hint = "Recheck and finish in one transaction; a fenced attempt must stop."
    hint_zh = "请在同一事务中复核并结束；已被接管的尝试必须停止。"


@dataclass(frozen=True, slots=True)
class Permits:
    """The permits of one tenant. Also what a withdrawal does to them (`consent.withdrawal`)."""

    bench: Bench
    policy: Policy
    trusted: Mapping[str, VerifyingKey]
    """Permit keys valid now, by kid."""
    entropy: Entropy
    max_run: timedelta = timedelta(hours=6)
    """From the first redemption to the last instant of release, however many attempts."""

    def redeem(
        self, session: Session, token: bytes, run: Run, now: datetime, covered: Covered
    ) -> Redemption | Refusal:
        """Let `run` start, in the caller's write session. A refusal is returned and logged.

        The same job redeems again with a later attempt, which fences the earlier; `not_after` bounds
        the first redemption only, `max_run` all of them. Not before the permit's entry is under a
        checkpoint, in strict mode one that a quorum of witnesses saw (G-36). Spends the reserved uses once.
        """
        try:
            body, signature = read(token, self.trusted)
        except PermitForged:
            return self._refuse(session, digest(token), run, (Fault.FORGED.objection,), now)
        if body.tenant != self.bench.tenant:
            return self._refuse(session, body.id, run, (Fault.OTHER_TENANT.objection,), now)
        issued = docket.find(session, self.bench.tenant, body.id)
        if issued is None:
            return self._refuse(session, body.id, run, (Fault.UNKNOWN.objection,), now)
        case = parse(issued.case)
        heard = self.bench.hear(session, case, now)
        life = docket.life(session, self.bench.tenant, body.id, lock=True)
        named = docket.people(session, self.bench.tenant, body.id)
        checkpoint = covered(session, issued.entry)
        objections = (
            *_stale(life, token, run, heard.at),
            *(() if _same_run(body, run) else (Fault.OTHER_WORK.objection,)),
            *(
                (Fault.KEY_COMPROMISED.objection,)
                if keyhistory.void(session, self.bench.tenant, body.kid, issued.entry)
                else ()
            ),
            *self._ungrounded(heard, named),
            *(() if self._intact(session, issued, case, named, body) else (self._diverged(),)),
            *((self.policy.objection("G-36"),) if checkpoint is None else ()),
        )
        if objections or life is None or checkpoint is None:
            return self._refuse(session, body.id, run, objections, heard.at)
        run_until = life.run_until or heard.at + self.max_run
        if not docket.redeem(
            session, self.bench.tenant, body.id, job=run.job, attempt=run.attempt, run_until=run_until
        ):
            return self._refuse(session, body.id, run, (Fault.TAKEN.objection,), heard.at)
        if life.state is State.ISSUED:
            uses.spend(session, self.bench, named)
        permit = Permit(_ruling(issued, self.bench.tenant), body, signature)
        return Redemption(permit, run.job, run.attempt, heard.at, checkpoint, run_until)

    def finish(self, session: Session, permit: str, *, job: str, attempt: int) -> None:
        """End it, in the transaction that released what was made. Raises `PermitNotHeld`."""
        if not docket.finish(session, self.bench.tenant, permit, job=job, attempt=attempt):
            raise PermitNotHeld("this permit is not redeemed by this job and attempt")

    def void(
        self, session: Session, authorization: str, purposes: Collection[Purpose], now: datetime
    ) -> tuple[str, ...]:
        """Void every live permit that rests on these purposes of an authorization. Their ids.

        The caller holds the authorization `FOR UPDATE`. Uses nobody spent go back.
        """
        ended = []
        for permit in docket.resting_on(session, self.bench.tenant, authorization):
            life = docket.life(session, self.bench.tenant, permit, lock=True)
            # Looked at again under the lock: it may have expired meanwhile, and returned its uses.
            live = life is not None and life.state not in _ENDED
            if life is not None and live and self._rests(session, permit, authorization, purposes):
                ended.append(life)
        return self._end(session, ended, State.VOID, "PermitVoided", now)

    def expire(self, session: Session, now: datetime) -> tuple[str, ...]:
        """Expire what was not redeemed in time, and what ran too long. Their ids.

        Bookkeeping, and the return of uses: redeeming and releasing read the times themselves.
        """
        ended = []
        for permit in docket.overdue(session, self.bench.tenant, now):
            life = docket.life(session, self.bench.tenant, permit, lock=True)
            # Looked at again under the lock: a job whose clock is a little behind may have redeemed it.
            if life is not None and life.overdue(now):
                ended.append(life)
        return self._end(session, ended, State.EXPIRED, "PermitExpired", now)

    def resting(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:  # noqa: ARG002
        """Nothing to lock before the authorization: a permit's row comes after it in the one order."""
        return frozenset()

    def lock(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        """See `resting`."""
        return self.resting(session, tenant, authorization)

    def apply(
        self, session: Session, tenant: str, authorization: str, purposes: Collection[Purpose], now: datetime
    ) -> None:
        """As a `consent.withdrawal.WithdrawalEffect`: void what rests on what was withdrawn."""
        if tenant == self.bench.tenant:
            self.void(session, authorization, purposes, now)

    def _rests(
        self, session: Session, permit: str, authorization: str, purposes: Collection[Purpose]
    ) -> bool:
        named = docket.people(session, self.bench.tenant, permit)
        return any(
            n.authorization == authorization and not set(n.purposes).isdisjoint(purposes) for n in named
        )

    def _end(
        self, session: Session, lives: Sequence[Life], state: State, kind: str, now: datetime
    ) -> tuple[str, ...]:
        # The permits' rows are locked, all of them; counters come after them in the one order, entries last.
        tenant = self.bench.tenant
        for life in lives:
            docket.end(session, tenant, life.id, was=life.state, now=state)
        unspent = [life.id for life in lives if life.state is State.ISSUED]
        uses.give_back(session, self.bench, [docket.people(session, tenant, permit) for permit in unspent])
        for life in lives:
            issued = docket.find(session, tenant, life.id)
            part = recording.tenant_part(tenant, {"permit": life.id, "was": str(life.state)})
            self.bench.ledger.append(session, Fact(kind, (part,), (issued.entry,) if issued else ()), now)
        return tuple(life.id for life in lives)

    def _ungrounded(self, heard: Hearing, named: tuple[Named, ...]) -> tuple[Objection, ...]:
        found = [self.policy.failure(code) for code in heard.faults]
        if heard.frozen:
            found.append(self.policy.objection("G-37"))
        for one in named:
            standing = heard.standings.get(one.authorization or "")
            if standing is None or standing.person != one.person or not one.purposes:
                rule = "G-09"
            elif standing.disputed:
                rule = "G-37"
            elif not standing.signature_valid or not standing.notice_matches:
                rule = "G-13"
            elif not all(standing.in_force(purpose) for purpose in one.purposes):
                rule = "G-10"
            else:
                continue
            found.append(self.policy.objection(rule, about=str(one.role), person=one.person))
        return tuple(found)

    def _intact(
        self, session: Session, issued: Recorded, case: Case, named: tuple[Named, ...], body: Body
    ) -> bool:
        # Rows say whose consents to lock, for which purposes, and which template; an edited one would have
        # us look away.
        asked = [
            (one.person, one.role, one.authorization, tuple(sorted(needed(case, one)))) for one in case.people
        ]
        return (
            recording.heads(named) == body.authorizations
            and [(n.person, n.role, n.authorization, n.purposes) for n in named] == asked
            and recording.as_logged(session, self.bench, issued, case)
        )

    def _diverged(self) -> Objection:
        return self.policy.failure("CASE_DIVERGED")

    def _refuse(
        self, session: Session, permit: str, run: Run, objections: tuple[Objection, ...], now: datetime
    ) -> Refusal:
        ask = recording.Attempted(permit, run.job, run.attempt, Stage.REDEEM)
        return recording.refuse(
            session, self.bench, ask, objections, policy=self.policy.digest, entropy=self.entropy, now=now
        )


def _stale(life: Life | None, token: bytes, run: Run, at: datetime) -> tuple[Objection, ...]:
    fault: Fault | None = None
    if life is None:
        fault = Fault.UNKNOWN
    elif life.token != token:
        fault = Fault.FORGED
    elif life.state in _ENDED:
        fault = _ENDED[life.state]
    elif life.state is State.ISSUED and at >= life.not_after:
        fault = Fault.EXPIRED
    elif life.state is State.REDEEMED and life.job != run.job:
        fault = Fault.TAKEN
    elif life.state is State.REDEEMED and (life.attempt is None or run.attempt <= life.attempt):
        fault = Fault.FENCED
    elif life.state is State.REDEEMED and (life.run_until is None or at >= life.run_until):
        fault = Fault.OVERRUN
    return () if fault is None else (fault.objection,)


_ENDED = {State.FINISHED: Fault.FINISHED, State.VOID: Fault.VOID, State.EXPIRED: Fault.EXPIRED}


def _same_run(body: Body, run: Run) -> bool:
    return (
        body.media_digest == run.media_digest
        and body.donor_digest == run.donor_digest
        and body.engine == run.engine
        and body.model_digests == tuple(sorted(run.model_digests))
        and bool(run.job)
        and run.attempt >= 1
    )


def _ruling(issued: Recorded, tenant: str) -> Ruling:
    return Ruling(
        issued.id, tenant, issued.action, issued.stage, issued.at, issued.policy, issued.proof, issued.entry
    )
