"""How many decisions and permits there are, by sort: for metrics and for who adds them up."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, func, select
from sqlmodel import Session

from consent.docket import Answer, State
from consent.objection import Objection, rules_of
from consent.shape import tuple_from_json
from consent.strict import load
from consent.tables import DecisionRow, PermitRow
from consent.words import Action

_DECISION = cast(Table, DecisionRow.__table__)  # type: ignore[attr-defined]
_PERMIT = cast(Table, PermitRow.__table__)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Sort:
    """Decisions that are counted as one."""

    action: Action
    answer: Answer
    rules: tuple[str, ...]
    """What objected: nothing, to a permit."""


def tally(session: Session, tenant: str, *, since: datetime, until: datetime) -> Counter[Sort]:
    """Decisions of `[since, until)` by sort. Reads those alone, by `decision_at`."""
    within = (_DECISION.c.tenant_id == tenant, _DECISION.c.at >= since, _DECISION.c.at < until)
    counted: Counter[Sort] = Counter()
    rows = session.connection().execute(
        select(_DECISION.c.action, _DECISION.c.answer, _DECISION.c.objections, func.count())
        .where(*within)
        .group_by(_DECISION.c.action, _DECISION.c.answer, _DECISION.c.objections)
    )
    for action, answer, objections, count in rows:
        stood = tuple_from_json(Objection, load(objections.encode()), "decision.objections")
        counted[Sort(Action(action), Answer(answer), rules_of(stood))] += count
    return counted


def states(session: Session, tenant: str) -> Counter[State]:
    """How many permits stand where in their life."""
    query = select(_PERMIT.c.state, func.count()).where(_PERMIT.c.tenant_id == tenant)
    rows = session.connection().execute(query.group_by(_PERMIT.c.state))
    return Counter({State(word): count for word, count in rows})
