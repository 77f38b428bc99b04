"""The release stage: before a finished file leaves, the same question again, as of now.

Minutes or hours lie between a permit and a finished file. What the case said is read back as it was
decided; the consents, the rules, the clock and the file itself are those of now.
"""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlmodel import Session

from audit import keyhistory
from audit.ids import fresh
from consent import docket, recording
from consent.case import Output, parse
from consent.docket import Answer, Life, State
from consent.objection import Objection
from consent.permit import Body, Permit, PermitForged, Refusal, Ruling, read
from consent.question import Stage
from consent.redemption import Fault
from consent.weighing import weigh

if TYPE_CHECKING:
    from consent.gate import Gate


def recheck(
    gate: "Gate", session: Session, permit: str, *, job: str, attempt: int, output: Output, now: datetime
) -> Permit | Refusal:
    """Lock, re-read, weigh everything again; write the answer down. A hold here is a refusal:

    nothing finished waits for a reviewer. The permit must be this job's and attempt's, redeemed and in time.
    """
    bench, tenant = gate.bench, gate.bench.tenant
    # Rows that never change, so they may be read before the locks: they say what to lock.
    issued = docket.find(session, tenant, permit)
    if issued is None:
        return _unknown(gate, session, permit, job, attempt, now)
    case = parse(issued.case)
    heard = bench.hear(session, case, now)
    life = docket.life(session, tenant, permit, lock=True)
    if life is None:
        return _unknown(gate, session, permit, job, attempt, heard.at)
    signed = _signed(gate, life)
    lifted = frozenset(issued.lifted)
    said = weigh(gate.policy, case, heard, tenant=tenant, mode=gate.mode, output=output, lifted=lifted)
    objections = (*said, *_unfit(life, job, attempt, heard.at))
    if signed is None:
        objections = (*objections, Fault.FORGED.objection)
    elif keyhistory.void(session, tenant, signed[0].kid, issued.entry):
        objections = (*objections, Fault.KEY_COMPROMISED.objection)
    if not recording.as_logged(session, bench, issued, case):
        objections = (*objections, gate.policy.failure("CASE_DIVERGED"))
    ruling = Ruling(
        id=fresh(gate.entropy),
        tenant=tenant,
        action=case.action,
        stage=Stage.RELEASE,
        at=heard.at,
        policy=gate.policy.digest,
        proof=recording.lowest_proof(case, heard),
        entry="",
    )
    answer = Answer.REFUSAL if objections else Answer.PERMIT
    entry = recording.write(
        session,
        bench,
        case,
        recording.recorded(ruling, answer, objections, case, follows=issued, lifted=lifted, until=None),
        recording.named_in(case, heard),
        also={"job": job, "attempt": attempt},
        refs=(issued.entry,),
    )
    ruling = replace(ruling, entry=entry)
    return Refusal(ruling, objections) if signed is None or objections else Permit(ruling, *signed)


def _unknown(gate: "Gate", session: Session, permit: str, job: str, attempt: int, now: datetime) -> Refusal:
    # Not the decision of a swap, so nothing was ever run under it and there is nothing to weigh.
    ask = recording.Attempted(permit, job, attempt, Stage.RELEASE)
    against = (Fault.UNKNOWN.objection,)
    return recording.refuse(
        session, gate.bench, ask, against, policy=gate.policy.digest, entropy=gate.entropy, now=now
    )


def _unfit(life: Life, job: str, attempt: int, at: datetime) -> tuple[Objection, ...]:
    ended = {
        State.ISSUED: Fault.NOT_REDEEMED,
        State.FINISHED: Fault.FINISHED,
        State.VOID: Fault.VOID,
        State.EXPIRED: Fault.OVERRUN if life.job else Fault.EXPIRED,
    }
    if life.state is not State.REDEEMED:
        return (ended[life.state].objection,)
    if life.job != job:
        return (Fault.TAKEN.objection,)
    if life.attempt != attempt:
        return (Fault.FENCED.objection,)
    if life.run_until is None or at >= life.run_until:
        return (Fault.OVERRUN.objection,)
    return ()


def _signed(gate: "Gate", life: Life) -> tuple[Body, bytes] | None:
    try:
        return read(life.token, gate.trusted)
    except PermitForged:
        return None
