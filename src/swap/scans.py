"""Scans that were asked for: the one writer of those rows. What a scan saw is the library's to keep."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import update
from sqlmodel import Session, col, select

from swap.errors import NoSuchThing, WrongState
from swap.tables import ScanOrderRow


class State(StrEnum):
    """Where a scan stands. `DONE` and `FAILED` are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    """It has its answer, which may be a refusal."""
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in {State.DONE, State.FAILED}


@dataclass(frozen=True, slots=True)
class ScanOrder:
    """One scan that somebody asked for."""

    id: str
    template: str
    requester: str
    state: State
    attempt: int
    done: int
    total: int | None
    decision: str | None
    outcome: str | None
    asked_at: datetime


def add(session: Session, tenant: str, order: str, template: str, requester: str, *, now: datetime) -> None:
    """Queue a scan. The caller holds the template's row.

    Raises `WrongState` while another one of the template is under way.
    """
    under_way = session.exec(
        select(ScanOrderRow.id).where(
            ScanOrderRow.tenant_id == tenant,
            ScanOrderRow.template_id == template,
            col(ScanOrderRow.state).in_([State.QUEUED, State.RUNNING]),
        )
    ).first()
    if under_way is not None:
        raise WrongState(f"template {template} is being scanned: scan {under_way}")
    session.add(
        ScanOrderRow(
            tenant_id=tenant,
            id=order,
            template_id=template,
            requester=requester,
            state=State.QUEUED,
            asked_at=now,
            changed_at=now,
        )
    )
    session.flush()


def get(session: Session, tenant: str, order: str) -> ScanOrder:
    """One scan. Raises `NoSuchThing`."""
    row = session.get(ScanOrderRow, (tenant, order), populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no scan {order}")
    return _order(row)


def last(session: Session, tenant: str, template: str) -> ScanOrder | None:
    """The scan of a template that was asked for last."""
    row = session.exec(
        select(ScanOrderRow)
        .where(ScanOrderRow.tenant_id == tenant, ScanOrderRow.template_id == template)
        .order_by(col(ScanOrderRow.asked_at).desc(), col(ScanOrderRow.id).desc())
        .limit(1)
    ).first()
    return None if row is None else _order(row)


def begin(session: Session, tenant: str, order: str, *, now: datetime) -> ScanOrder:
    """Its next attempt, which fences the one before; as it is, if it is over. Raises `NoSuchThing`."""
    row = session.get(ScanOrderRow, (tenant, order), with_for_update=True, populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no scan {order}")
    if not State(row.state).final:
        row.state, row.attempt, row.changed_at = State.RUNNING, row.attempt + 1, now
        row.done, row.total = 0, None
        session.add(row)
        session.flush()
    return _order(row)


def tell(
    session: Session, tenant: str, order: ScanOrder, *, done: int, total: int | None, now: datetime
) -> bool:
    """How far this attempt is. False: it is another's now, or over."""
    return _change(session, tenant, order, done=done, total=total, changed_at=now)


def end(
    session: Session,
    tenant: str,
    order: ScanOrder,
    state: State,
    *,
    decision: str | None = None,
    outcome: str | None = None,
    now: datetime,
) -> bool:
    """Close a scan for good. False: it is another attempt's now, or over; nothing was changed."""
    return _change(session, tenant, order, state=state, decision_id=decision, outcome=outcome, changed_at=now)


def _change(session: Session, tenant: str, order: ScanOrder, **values: object) -> bool:
    result = session.exec(
        update(ScanOrderRow)
        .where(
            col(ScanOrderRow.tenant_id) == tenant,
            col(ScanOrderRow.id) == order.id,
            col(ScanOrderRow.attempt) == order.attempt,
            col(ScanOrderRow.state).in_([State.QUEUED, State.RUNNING]),
        )
        .values(**values)
    )
    return bool(result.rowcount)


def _order(row: ScanOrderRow) -> ScanOrder:
    return ScanOrder(
        row.id,
        row.template_id,
        row.requester,
        State(row.state),
        row.attempt,
        row.done,
        row.total,
        row.decision_id,
        row.outcome,
        row.asked_at,
    )
