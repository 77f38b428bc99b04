"""Stored decisions under other rules: what each would have been, and what it would be under ours.

Standings are not stored. Both columns ask the same case on the clock of its decision, with the consents,
templates and papers of now: so only the rules differ between the two, and neither is what was answered
then. Nothing is decided: no lock, no use reserved, no decision. Whom it is about was named by a logged
decision already, and no face is compared. All the same each run leaves an entry and its rules: a rule can
be written to ask one thing about everybody, and a search must not be silent (`Gate.check`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.errors import ConsentryError
from audit.fact import Fact, Part
from audit.ledger import Entry
from consent import docket
from consent.adoption import keep
from consent.case import parse
from consent.docket import Answer, Recorded
from consent.gate import Gate
from consent.objection import rules_of
from consent.policy import Policy
from consent.question import Stage
from consent.weighing import answer_to, weigh

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision, asked twice."""

    decision: str
    action: str
    at: datetime
    recorded: Answer
    ours: Answer
    ours_by: tuple[str, ...]
    theirs: Answer
    theirs_by: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether the answer is another."""
        return self.ours is not self.theirs

    @property
    def blame(self) -> tuple[str, ...]:
        """The rules that make the difference: those of the one that are not the other's."""
        return tuple(sorted(set(self.ours_by) ^ set(self.theirs_by)))


def begin(
    session: Session,
    gate: Gate,
    other: Policy,
    *,
    since: datetime | None,
    limit: int,
    by: str,
    now: datetime,
) -> Entry:
    """Write down that somebody is about to look, with the rules she looks by, before she does."""
    tenant = gate.bench.tenant
    keep(session, tenant, other)
    payload: dict[str, Json] = {
        "policy": gate.policy.digest,
        "under": other.digest,
        "since": None if since is None else instant.exact(since),
        "limit": limit,
        "by": by,
    }
    fact = Fact("PolicySimulated", (Part.of_tenant(tenant, payload),))
    return gate.bench.ledger.append(session, fact, now)


def decided(session: Session, tenant: str, since: datetime | None, limit: int) -> Iterator[Recorded]:
    """Decisions made before anything was made, newest first. Of a release its output is not stored."""
    before, left = None, limit
    while left > 0 and (page := docket.page(session, tenant, before, _PAGE)):
        for found in page:
            if since is not None and found.at < since:
                return
            if found.stage is Stage.DECIDE and left > 0:
                left -= 1
                yield found
        before = (page[-1].at, page[-1].id)


def replay(session: Session, gate: Gate, other: Policy, found: Recorded, now: datetime) -> Replayed | None:
    """`found` under the gate's policy and under `other`. None: case or law can't be read."""
    tenant, mode, lifted = gate.bench.tenant, gate.mode, frozenset(found.lifted)
    try:
        case = parse(found.case)
        heard = replace(gate.bench.hear(session, case, now, locked=False), at=found.at)
        ours, theirs = (
            weigh(policy, case, heard, tenant=tenant, mode=mode, lifted=lifted)
            for policy in (gate.policy, other)
        )
    except ConsentryError:
        return None
    return Replayed(
        found.id,
        str(found.action),
        found.at,
        found.answer,
        answer_to(ours),
        rules_of(ours),
        answer_to(theirs),
        rules_of(theirs),
    )
