"""The gate's files: decisions, whom they named, and the life of permits. The one module on those rows.

It decides nothing. Every change of state is one UPDATE whose WHERE is the condition, so that of two
who come at once one is told that it came too late.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import sqlalchemy as core
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    RowMapping,
    Table,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlmodel import Session

from audit.canonical import canonical
from audit.written import Written
from consent.objection import Objection
from consent.question import Stage
from consent.shape import to_json, tuple_from_json
from consent.strict import load
from consent.tables import DecisionPersonRow, DecisionRow, PermitRow
from consent.words import Action, ProofLevel, Purpose, Role

_DECISION = cast(Table, DecisionRow.__table__)  # type: ignore[attr-defined]
_PERSON = cast(Table, DecisionPersonRow.__table__)  # type: ignore[attr-defined]
_PERMIT = cast(Table, PermitRow.__table__)  # type: ignore[attr-defined]

# What every decision passes through is built once: composing a statement costs as much as running it.
_RECORD, _NAME, _ISSUE = Written(insert(_DECISION)), Written(insert(_PERSON)), Written(insert(_PERMIT))
_FIND = select(_DECISION).where(
    _DECISION.c.tenant_id == bindparam("tenant"), _DECISION.c.id == bindparam("decision")
)


class Answer(StrEnum):
    """What a decision was."""

    PERMIT = "permit"
    HOLD = "hold"
    REFUSAL = "refusal"


class State(StrEnum):
    """Where a permit is in its life. It never goes back."""

    ISSUED = "issued"
    REDEEMED = "redeemed"
    FINISHED = "finished"
    EXPIRED = "expired"
    VOID = "void"


class Closed(StrEnum):
    """What became of a hold."""

    LIFTED = "lifted"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Named:
    """One person in one role, as a decision named her."""

    person: str
    role: Role
    authorization: str | None
    head: str | None
    purposes: tuple[Purpose, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision as it stands in the files."""

    id: str
    follows: str | None
    """The hold that was lifted for it, or the permit whose release it decides."""
    action: Action
    stage: Stage
    answer: Answer
    objections: tuple[Objection, ...]
    lifted: tuple[str, ...]
    policy: str
    proof: ProofLevel | None
    case: bytes
    at: datetime
    until: datetime | None
    closed: Closed | None
    entry: str


@dataclass(frozen=True, slots=True)
class Life:
    """A permit's row."""

    id: str
    token: bytes
    state: State
    not_after: datetime
    job: str | None
    attempt: int | None
    run_until: datetime | None

    def overdue(self, now: datetime) -> bool:
        """Whether it was not redeemed in time, or has run too long."""
        if self.state is State.ISSUED:
            return self.not_after <= now
        return self.state is State.REDEEMED and self.run_until is not None and self.run_until <= now


def permitted(tenant: Any, decision: Any, action: Action, *, by: Any) -> ColumnElement[bool]:
    """Whether the decision that a row names permitted `action`, no later than the instant `by` of that row.

    A part of the statement that reads that row.
    """
    return exists().where(
        _DECISION.c.tenant_id == tenant,
        _DECISION.c.id == decision,
        _DECISION.c.action == str(action),
        _DECISION.c.answer == str(Answer.PERMIT),
        _DECISION.c.at <= by,
    )


def record(session: Session, tenant: str, decision: Recorded, named: Collection[Named]) -> None:
    """Write a decision and whom it names. Its entry is written after it."""
    _RECORD.run(
        session,
        {
            "tenant_id": tenant,
            "id": decision.id,
            "follows": decision.follows,
            "action": str(decision.action),
            "stage": str(decision.stage),
            "answer": str(decision.answer),
            "objections": canonical(to_json(decision.objections)).decode(),
            "lifted": canonical(list(decision.lifted)).decode(),
            "policy": decision.policy,
            "proof": None if decision.proof is None else str(decision.proof),
            "case": decision.case,
            "at": decision.at,
            "until": decision.until,
            "closed": None,
            "entry": decision.entry,
        },
    )
    if named:
        _NAME.run(
            session,
            *(
                {
                    "tenant_id": tenant,
                    "decision_id": decision.id,
                    "position": position,
                    "person_id": one.person,
                    "role": str(one.role),
                    "authorization_id": one.authorization,
                    "head": one.head,
                    "purposes": canonical([str(p) for p in one.purposes]).decode(),
                }
                for position, one in enumerate(named)
            ),
        )


def issue(session: Session, tenant: str, permit: str, token: bytes, not_after: datetime) -> None:
    """Begin a permit's life, beside its decision."""
    row = {
        "tenant_id": tenant,
        "id": permit,
        "token": token,
        "state": str(State.ISSUED),
        "not_after": not_after,
        "job": None,
        "attempt": None,
        "run_until": None,
    }
    _ISSUE.run(session, row)


def find(session: Session, tenant: str, decision: str) -> Recorded | None:
    """A decision by id. All of it but `closed` is as it was written."""
    which = {"tenant": tenant, "decision": decision}
    row = session.connection().execute(_FIND, which).mappings().one_or_none()
    return None if row is None else _recorded(row)


def page(
    session: Session, tenant: str, before: tuple[datetime, str] | None, limit: int
) -> tuple[Recorded, ...]:
    """Decisions, newest first, from `before` (an instant and an id) on."""
    query = select(_DECISION).where(_DECISION.c.tenant_id == tenant)
    if before is not None:
        at, decision = before
        earlier = (_DECISION.c.at < at) | ((_DECISION.c.at == at) & (_DECISION.c.id < decision))
        query = query.where(earlier)
    rows = session.connection().execute(
        query.order_by(_DECISION.c.at.desc(), _DECISION.c.id.desc()).limit(limit)
    )
    return tuple(_recorded(row) for row in rows.mappings())


def people(session: Session, tenant: str, decision: str) -> tuple[Named, ...]:
    """Whom a decision named, in the order of its case."""
    rows = session.connection().execute(
        select(_PERSON)
        .where(_PERSON.c.tenant_id == tenant, _PERSON.c.decision_id == decision)
        .order_by(_PERSON.c.position)
    )
    return tuple(_named(row) for row in rows.mappings())


def naming(session: Session, tenant: str, person: str) -> Iterator[tuple[Recorded, Named]]:
    """Every decision that named this person, newest first: what she is entitled to be told."""
    rows = session.connection().execute(
        select(_DECISION, _PERSON)
        .join(
            _PERSON,
            (_PERSON.c.tenant_id == _DECISION.c.tenant_id) & (_PERSON.c.decision_id == _DECISION.c.id),
        )
        .where(_PERSON.c.tenant_id == tenant, _PERSON.c.person_id == person)
        .order_by(_DECISION.c.at.desc(), _DECISION.c.id, _PERSON.c.position)
    )
    for row in rows.mappings():
        yield _recorded(row), _named(row)


def close(session: Session, tenant: str, hold: str, how: Closed) -> bool:
    """Close a hold, once. False: it is no hold, or somebody was faster."""
    open_hold = (_DECISION.c.answer == str(Answer.HOLD)) & _DECISION.c.closed.is_(None)
    return _change(session, _DECISION, tenant, hold, open_hold, closed=str(how))


def due_holds(session: Session, tenant: str, now: datetime) -> tuple[str, ...]:
    """Open holds whose date has come."""
    rows = session.connection().execute(
        select(_DECISION.c.id)
        .where(
            _DECISION.c.tenant_id == tenant,
            _DECISION.c.answer == str(Answer.HOLD),
            _DECISION.c.closed.is_(None),
            _DECISION.c.until <= now,
        )
        .order_by(_DECISION.c.id)
    )
    return tuple(rows.scalars())


def held(
    session: Session, tenant: str, *, limit: int, beyond: tuple[str, datetime] | None = None
) -> tuple[tuple[str, datetime], ...]:
    """Open holds and when they lapse, those that lapse first at the top.

    `beyond`: those that follow this one, which ended the page before.
    """
    until, name = _DECISION.c.until, _DECISION.c.id
    follows: core.ColumnElement[bool] = core.true()
    if beyond is not None:
        follows = or_(until > beyond[1], core.and_(until == beyond[1], name > beyond[0]))
    rows = session.connection().execute(
        select(_DECISION.c.id, _DECISION.c.until)
        .where(
            _DECISION.c.tenant_id == tenant,
            _DECISION.c.answer == str(Answer.HOLD),
            _DECISION.c.closed.is_(None),
            follows,
        )
        .order_by(until, name)
        .limit(limit)
    )
    return tuple((one, at) for one, at in rows)


def open_holds(session: Session, tenant: str, *, until: datetime) -> tuple[int, int]:
    """How many holds are open, and how many of them lapse before `until`. Reads open holds only."""
    due = func.count().filter(_DECISION.c.until <= until)
    row = session.connection().execute(
        select(func.count(), due).where(
            _DECISION.c.tenant_id == tenant,
            _DECISION.c.answer == str(Answer.HOLD),
            _DECISION.c.closed.is_(None),
        )
    )
    held, lapsing = row.one()
    return held, lapsing


def life(session: Session, tenant: str, permit: str, *, lock: bool) -> Life | None:
    """A permit's row; with `lock` nobody else changes it until the commit. None: never issued here."""
    query = select(_PERMIT).where(_PERMIT.c.tenant_id == tenant, _PERMIT.c.id == permit)
    row = _one(session, query.with_for_update() if lock else query)
    if row is None:
        return None
    state, run_until = State(row["state"]), row["run_until"]
    return Life(row["id"], row["token"], state, row["not_after"], row["job"], row["attempt"], run_until)


def redeem(
    session: Session, tenant: str, permit: str, *, job: str, attempt: int, run_until: datetime
) -> bool:
    """The one update that redeems: an issued permit, or the same job's with a later attempt."""
    again = (_PERMIT.c.state == str(State.REDEEMED)) & (_PERMIT.c.job == job) & (_PERMIT.c.attempt < attempt)
    open_to_it = or_(_PERMIT.c.state == str(State.ISSUED), again)
    values = {"state": str(State.REDEEMED), "job": job, "attempt": attempt, "run_until": run_until}
    return _change(session, _PERMIT, tenant, permit, open_to_it, **values)


def finish(session: Session, tenant: str, permit: str, *, job: str, attempt: int) -> bool:
    """End a redeemed permit. False: it is not this job's and attempt's any more."""
    mine = (_PERMIT.c.state == str(State.REDEEMED)) & (_PERMIT.c.job == job) & (_PERMIT.c.attempt == attempt)
    return _change(session, _PERMIT, tenant, permit, mine, state=str(State.FINISHED))


def end(session: Session, tenant: str, permit: str, *, was: State, now: State) -> bool:
    """Move a permit to `void` or `expired` if it still is what it `was`."""
    return _change(session, _PERMIT, tenant, permit, _PERMIT.c.state == str(was), state=str(now))


def resting_on(session: Session, tenant: str, authorization: str) -> tuple[str, ...]:
    """Permits, issued or redeemed, that rest on an authorization, by id."""
    cites = exists().where(
        _PERSON.c.tenant_id == _PERMIT.c.tenant_id,
        _PERSON.c.decision_id == _PERMIT.c.id,
        _PERSON.c.authorization_id == authorization,
    )
    return alive(session, tenant, cites)


def overdue(session: Session, tenant: str, now: datetime) -> tuple[str, ...]:
    """Permits nobody redeemed in time, or whose run took too long, by id."""
    late = (_PERMIT.c.state == str(State.ISSUED)) & (_PERMIT.c.not_after <= now)
    overrun = (_PERMIT.c.state == str(State.REDEEMED)) & (_PERMIT.c.run_until <= now)
    return alive(session, tenant, or_(late, overrun))


def alive(session: Session, tenant: str, *conditions: Any) -> tuple[str, ...]:
    """Permits, issued or redeemed, by id: all, or those that conditions of this module leave."""
    alive = _PERMIT.c.state.in_([str(State.ISSUED), str(State.REDEEMED)])
    query = select(_PERMIT.c.id).where(_PERMIT.c.tenant_id == tenant, alive, *conditions)
    return tuple(session.connection().execute(query.order_by(_PERMIT.c.id)).scalars())


def _one(session: Session, query: Any) -> RowMapping | None:
    return session.connection().execute(query).mappings().one_or_none()


def _change(session: Session, table: Table, tenant: str, key: str, *conditions: Any, **values: Any) -> bool:
    query = update(table).where(table.c.tenant_id == tenant, table.c.id == key, *conditions).values(**values)
    result = cast("CursorResult[Any]", session.connection().execute(query))
    return result.rowcount == 1


def _recorded(row: RowMapping) -> Recorded:
    lifted = cast("list[str]", load(row["lifted"].encode()))
    return Recorded(
        id=row["id"],
        follows=row["follows"],
        action=Action(row["action"]),
        stage=Stage(row["stage"]),
        answer=Answer(row["answer"]),
        objections=tuple_from_json(Objection, load(row["objections"].encode()), "decision.objections"),
        lifted=tuple(lifted),
        policy=row["policy"],
        proof=None if row["proof"] is None else ProofLevel(row["proof"]),
        case=row["case"],
        at=row["at"],
        until=row["until"],
        closed=None if row["closed"] is None else Closed(row["closed"]),
        entry=row["entry"],
    )


def _named(row: RowMapping) -> Named:
    purposes = cast("list[str]", load(row["purposes"].encode()))
    return Named(
        row["person_id"],
        Role(row["role"]),
        row["authorization_id"],
        row["head"],
        tuple(Purpose(purpose) for purpose in purposes),
    )
