"""The gate: permit, hold or refusal, decided once under locks and written down before it is told.

    decide  before anything is made       lift     two people looked: everything else runs again
    check   the same, leading to nothing  recheck  before anything leaves: the whole policy, as of now

A refusal is returned, and commits with its own log entry; raising would roll that entry back. What
raises here is misuse. The caller's one commit makes the answer true.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact
from audit.ids import Entropy, fresh
from audit.keys import SigningKey, VerifyingKey
from consent import docket, recording, uses
from consent.case import Case, Mode, Output, parse
from consent.docket import Answer, Closed, Named, Recorded
from consent.hearing import Bench, Hearing
from consent.objection import Objection, rules_of
from consent.permit import VERSION, Body, Decision, Hold, Permit, Refusal, Ruling, sign
from consent.policy import Policy
from consent.question import Stage
from consent.redemption import Fault
from consent.release import recheck
from consent.weighing import answer_to, weigh
from consent.words import Action


class HoldUnknown(BadInput):
    """There is no such hold to lift, or it is closed."""

    code = "HOLD_UNKNOWN"
    zh = "不存在可解除的保留，或其已关闭。"
    hint = "Lift an open hold by its decision id; a refusal is not lifted, ask anew."
    hint_zh = "请填写未关闭的保留决定编号；拒绝不可解除，请重新申请。"


class NotTwoPersons(BadInput):
    """A hold is lifted by two different people who say why."""

    code = "NOT_TWO_PERSONS"
    zh = "解除保留须由两名不同人员共同作出并说明理由。"
    hint = "Give two different operator ids and a reason."
    hint_zh = "请提供两个不同的操作员编号和理由。"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long answers last."""

    redeem_within: timedelta = timedelta(minutes=30)
    """From a swap's permit to its first redemption; a job that waited longer asks anew."""
    hold_for: timedelta = timedelta(days=7)
    """Until a hold nobody lifted is a refusal."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What `decide` would answer. Not a `Decision`: nothing can be redeemed, embedded or shown on it."""

    answer: Answer
    objections: tuple[Objection, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The rules that stand against it."""
        return rules_of(self.objections)


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one tenant."""

    bench: Bench
    policy: Policy
    key: SigningKey
    """The permit key in use."""
    trusted: Mapping[str, VerifyingKey]
    """Permit keys valid now, by kid."""
    mode: Mode
    entropy: Entropy
    terms: Terms = Terms()

    def decide(self, session: Session, case: Case, now: datetime) -> Decision:
        """Answer `case` in the caller's write session. Only a permit to swap begins a life (`docket`)."""
        heard = self.bench.hear(session, case, now)
        objections = weigh(self.policy, case, heard, tenant=self.bench.tenant, mode=self.mode)
        return self._answer(session, case, heard, objections)

    def check(self, session: Session, case: Case, now: datetime) -> Forecast:
        """A dry run: the answer alone. No lock, no use reserved, nothing written; a read session will do.

        It is logged nowhere, so the people it names are not told. The edge must therefore let an
        operator ask only about a cast that a logged intake has named already, and only with what a
        decided scan found: a dry run never causes a comparison, and must not become a silent search.
        """
        heard = self.bench.hear(session, case, now, locked=False)
        objections = weigh(self.policy, case, heard, tenant=self.bench.tenant, mode=self.mode)
        return Forecast(answer_to(objections), objections)

    def lift(self, session: Session, hold: str, by1: str, by2: str, reason: str, now: datetime) -> Decision:
        """Two operators lift what a hold names; every other rule runs again, on the clock and rules of now.

        The answer is a new decision that follows the hold. From its date on a hold is a refusal,
        and lifting it answers `HOLD_LAPSED`. Raises `NotTwoPersons`, `HoldUnknown`.
        """
        if not by1.strip() or not by2.strip() or by1.strip() == by2.strip() or not reason.strip():
            raise NotTwoPersons("expected two different operators and a reason")
        held = docket.find(session, self.bench.tenant, hold)
        if held is None or held.answer is not Answer.HOLD or held.until is None:
            raise HoldUnknown("expected the decision id of an open hold")
        case = parse(held.case)
        heard = self.bench.hear(session, case, now)
        lapsed = heard.at >= held.until
        # Closed by one conditional update: of two pairs of operators at once, one is told it came late.
        if not docket.close(session, self.bench.tenant, hold, Closed.LAPSED if lapsed else Closed.LIFTED):
            raise HoldUnknown("this hold was lifted or has lapsed")
        lifted = frozenset() if lapsed else frozenset(held.lifted) | set(rules_of(held.objections))
        objections = weigh(self.policy, case, heard, tenant=self.bench.tenant, mode=self.mode, lifted=lifted)
        if lapsed:
            objections = (*objections, Fault.HOLD_LAPSED.objection)
        also: dict[str, Json] = {"lifted_by": sorted((by1.strip(), by2.strip())), "reason": reason.strip()}
        return self._answer(session, case, heard, objections, lifted=lifted, held=held, also=also)

    def lapse(self, session: Session, now: datetime) -> tuple[str, ...]:
        """Turn holds whose date has come into refusals, each with its entry. Their ids."""
        tenant, lapsed = self.bench.tenant, []
        for hold in docket.due_holds(session, tenant, now):
            held = docket.find(session, tenant, hold)
            if held is not None and docket.close(session, tenant, hold, Closed.LAPSED):
                part = recording.tenant_part(tenant, {"decision": hold, "answer": str(Answer.REFUSAL)})
                self.bench.ledger.append(session, Fact("HoldLapsed", (part,), (held.entry,)), now)
                lapsed.append(hold)
        return tuple(lapsed)

    def recheck(
        self, session: Session, permit: str, *, job: str, attempt: int, output: Output, now: datetime
    ) -> Permit | Refusal:
        """Ask again, with everything as of now, whether what `job` made under `permit` may leave.

        See `consent.release.recheck`. A permit means that this transaction may release.
        """
        return recheck(self, session, permit, job=job, attempt=attempt, output=output, now=now)

    def _answer(
        self,
        session: Session,
        case: Case,
        heard: Hearing,
        objections: tuple[Objection, ...],
        *,
        lifted: frozenset[str] = frozenset(),
        held: Recorded | None = None,
        also: Mapping[str, Json] | None = None,
    ) -> Decision:
        named = recording.named_in(case, heard)
        if not objections and case.action is Action.SWAP:
            objections = self._reserve(session, case, named)
        answer = answer_to(objections)
        ruling = Ruling(
            id=fresh(self.entropy),
            tenant=self.bench.tenant,
            action=case.action,
            stage=Stage.DECIDE,
            at=heard.at,
            policy=self.policy.digest,
            proof=recording.lowest_proof(case, heard),
            entry="",
        )
        until = heard.at + self.terms.hold_for if answer is Answer.HOLD else None
        permit = self._sign(ruling, case, named) if answer is Answer.PERMIT else None
        signed: dict[str, Json] = {} if permit is None else {"kid": permit.body.kid}
        entry = recording.write(
            session,
            self.bench,
            case,
            recording.recorded(ruling, answer, objections, case, follows=held, lifted=lifted, until=until),
            named,
            begins=permit if case.action is Action.SWAP else None,
            also={**(also or {}), **signed},
            refs=(held.entry,) if held else (),
        )
        ruling = replace(ruling, entry=entry)
        if permit is not None:
            return replace(permit, ruling=ruling)
        return Hold(ruling, objections, until) if until is not None else Refusal(ruling, objections)

    def _reserve(self, session: Session, case: Case, named: tuple[Named, ...]) -> tuple[Objection, ...]:
        exhausted = uses.reserve(session, self.bench, named)
        # The count was read before it was taken; between the two another swap may have taken the last.
        return tuple(
            self.policy.objection("G-17", about=str(one.role), person=one.person)
            for one in case.people
            if exhausted is not None and one.authorization == exhausted
        )

    def _sign(self, ruling: Ruling, case: Case, named: tuple[Named, ...]) -> Permit:
        use, source, donor = case.use, case.source, case.donor
        body = Body(
            v=VERSION,
            id=ruling.id,
            tenant=ruling.tenant,
            action=case.action,
            media_digest=source.media_digest if source else None,
            scan_digest=case.scan_digest,
            tracks_digest=case.tracks_digest,
            donor_digest=donor.digest if donor else None,
            authorizations=recording.heads(named),
            policy_digest=ruling.policy,
            engine=use.engine if use else None,
            model_digests=tuple(sorted(case.model_digests)),
            channel=use.platform if use else None,
            territory=tuple(sorted(use.territories)) if use else (),
            not_after=ruling.at + self.terms.redeem_within,
            kid=self.key.kid,
        )
        return sign(ruling, body, self.key)
