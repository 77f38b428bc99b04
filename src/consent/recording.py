"""Writing a decision down: its rows first, its log entry last, all in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from audit import instant
from audit.canonical import Json, digest
from audit.errors import ConsentryError
from audit.fact import Fact, Part, Subject
from audit.ids import Entropy, fresh
from audit.remembered import Remembered
from consent import docket, seals
from consent.case import Case
from consent.docket import Answer, Named, Recorded
from consent.hearing import Bench, Hearing
from consent.objection import Objection, rules_of
from consent.permit import Permit, Refusal, Ruling
from consent.question import Stage, covering
from consent.required import needed
from consent.words import Action, ProofLevel

DECIDED = "Decided"
REFUSED = "RedemptionRefused"

_LOGGED: Remembered[tuple[Json, Json]] = Remembered(4096)
"""Decision and digest of its case, by tenant and leaf hash. Neither is about a person."""


def named_in(case: Case, heard: Hearing) -> tuple[Named, ...]:
    """Whom the case names, each on the head her consent has now."""
    named = []
    for one in case.people:
        standing = covering(one, heard.standings)
        head = None if standing is None else standing.head
        named.append(Named(one.person, one.role, one.authorization, head, tuple(sorted(needed(case, one)))))
    return tuple(named)


def lowest_proof(case: Case, heard: Hearing) -> ProofLevel | None:
    """The weakest proof among the people whose authorizations it rests on."""
    levels = [s.proof for one in case.people if (s := covering(one, heard.standings)) is not None]
    return min(levels, key=lambda level: level.rank, default=None)


def heads(named: Sequence[Named]) -> tuple[tuple[str, str], ...]:
    """(authorization, head of its chain) of everybody who has one, by id."""
    return tuple(sorted({(n.authorization, n.head) for n in named if n.authorization and n.head}))


def recorded(
    ruling: Ruling,
    answer: Answer,
    objections: tuple[Objection, ...],
    case: Case,
    *,
    follows: Recorded | None,
    lifted: frozenset[str],
    until: datetime | None,
) -> Recorded:
    """A decision as it goes into the files, without its entry yet."""
    return Recorded(
        id=ruling.id,
        follows=None if follows is None else follows.id,
        action=ruling.action,
        stage=ruling.stage,
        answer=answer,
        objections=objections,
        lifted=tuple(sorted(lifted)),
        policy=ruling.policy,
        proof=ruling.proof,
        case=case.encoded,
        at=ruling.at,
        until=until,
        closed=None,
        entry="",
    )


def write(
    session: Session,
    bench: Bench,
    case: Case,
    decision: Recorded,
    named: Sequence[Named],
    *,
    begins: Permit | None = None,
    also: Mapping[str, Json] | None = None,
    refs: tuple[str, ...] = (),
) -> str:
    """Decision, people, permit row, entry: in this order. The entry's leaf hash.

    `begins`: a permit whose life begins here. `also`: what the tenant's own part says besides.
    """
    fact = Fact(DECIDED, _parts(bench.tenant, case, decision, named, also or {}), refs)
    entry = bench.ledger.prepare(fact, decision.at)
    docket.record(session, bench.tenant, replace(decision, entry=entry.leaf_hash), named)
    if begins is not None:
        docket.issue(session, bench.tenant, begins.id, begins.token, begins.body.not_after)
    # The entry last: between drawing its place in the order of writing and the commit nothing waits.
    bench.ledger.write(session, entry)
    return entry.leaf_hash


def as_logged(session: Session, bench: Bench, decision: Recorded, case: Case) -> bool:
    """Whether a decision's case, as it stands in the database, is the one the log says was decided.

    A case is asked again from its row, so an edited row would ask another question.
    """
    return _logged(session, bench, decision.entry) == (decision.id, case.digest)


def remembered_as_logged(session: Session, bench: Bench, decision: Recorded, case: Case) -> bool:
    """As `as_logged`, from memory where its entry was opened before: for what every question rests on.

    A leaf hash never says anything else, so no answer changes by it; only that the entry itself was edited
    meanwhile is noticed elsewhere, by whoever opens it and by `consentry log audit`.
    """
    said = _LOGGED.of((bench.tenant, decision.entry), lambda: _logged(session, bench, decision.entry))
    return said == (decision.id, case.digest)


def _logged(session: Session, bench: Bench, entry: str) -> tuple[Json, Json] | None:
    try:
        said = bench.ledger.opened(session, entry, Subject("tenant", bench.tenant))
    except ConsentryError:
        return None
    return None if said is None else (said.get("decision"), said.get("case"))


@dataclass(frozen=True, slots=True)
class Attempted:
    """What somebody tried to do with a permit."""

    permit: str
    """Its id; of a token that can't be read, the SHA-256."""
    job: str
    attempt: int
    stage: Stage


def refuse(
    session: Session,
    bench: Bench,
    ask: Attempted,
    objections: tuple[Objection, ...],
    *,
    policy: str,
    entropy: Entropy,
    now: datetime,
) -> Refusal:
    """Refuse what was attempted with a permit, and log it. It has no case, so no decision row."""
    ruling = Ruling(fresh(entropy), bench.tenant, Action.SWAP, ask.stage, now, policy, None, entry="")
    payload: dict[str, Json] = {
        "decision": ruling.id,
        "permit": ask.permit,
        "job": ask.job,
        "attempt": ask.attempt,
        "stage": str(ask.stage),
        "rules": list(rules_of(objections)),
        "faults": sorted({o.detail for o in objections if o.detail}),
        "at": instant.exact(now),
    }
    fact = Fact(REFUSED, (tenant_part(bench.tenant, payload),))
    entry = bench.ledger.append(session, fact, now)
    return Refusal(replace(ruling, entry=entry.leaf_hash), objections)


def tenant_part(tenant: str, payload: Mapping[str, Json]) -> Part:
    """What the tenant's own part of a fact says."""
    return Part.of_tenant(tenant, payload)


def _parts(
    tenant: str, case: Case, decision: Recorded, named: Sequence[Named], also: Mapping[str, Json]
) -> tuple[Part, ...]:
    whole: dict[str, Json] = {
        **_summary(decision, decision.objections),
        "at": instant.exact(decision.at),
        "case": digest(decision.case),
        "requester": case.requester,
        "heads": _heads(named),
        "faults": sorted({o.detail for o in decision.objections if o.detail}),
        "lifted": list(decision.lifted),
        **also,
    }
    if decision.follows is not None:
        whole["follows"] = decision.follows
    hers = [_her_part(case, decision, named, person) for person in sorted({one.person for one in named})]
    return (tenant_part(tenant, whole), *hers)


def _her_part(case: Case, decision: Recorded, named: Sequence[Named], person: str) -> Part:
    mine = [one for one in named if one.person == person]
    # What stands against somebody else is not hers to read.
    about_her = tuple(o for o in decision.objections if o.person in {None, person})
    payload: dict[str, Json] = {
        **_summary(decision, about_her),
        "requester": case.requester,
        "template": case.template,
        "roles": sorted({str(one.role) for one in mine}),
        "heads": _heads(mine),
        "purposes": sorted({str(purpose) for one in mine for purpose in one.purposes}),
    }
    return seals.of_her(DECIDED, person, payload)


def _summary(decision: Recorded, objections: tuple[Objection, ...]) -> dict[str, Json]:
    return {
        "decision": decision.id,
        "action": str(decision.action),
        "stage": str(decision.stage),
        "answer": str(decision.answer),
        "rules": list(rules_of(objections)),
        "policy": decision.policy,
        "proof": None if decision.proof is None else str(decision.proof),
    }


def _heads(named: Sequence[Named]) -> Json:
    return [list(pair) for pair in heads(named)]
