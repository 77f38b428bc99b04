"""Duties: what is owed because of a fact, written in the fact's own transaction.

The rows are the queue of record; DBOS gets them after the commit, with the row's id as the
workflow's id, so that a sweep that runs twice enqueues once. Nothing that must not happen
depends on a duty: release and serving read the consent itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, func, select

from audit.ids import Entropy, fresh
from swap.tables import DutyRow

# Built once: putting it together costs more than running it.
_PULSE = select(func.count(), func.max(DutyRow.owed_at)).where(
    DutyRow.tenant_id == bindparam("tenant"),
    col(DutyRow.done_at).is_(None),
    col(DutyRow.owed_at) <= bindparam("now"),
)


class Kind(StrEnum):
    """What can be owed."""

    RUN_JOB = "run_job"
    RUN_SCAN = "run_scan"
    CANCEL_JOB = "cancel_job"
    WITHDRAW_OUTPUT = "withdraw_output"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing owed, and to what it applies."""

    id: str
    kind: Kind
    subject: str
    attempts: int = 0
    """How often it went wrong."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is owed of one kind."""

    kind: Kind
    open: int
    since: datetime
    """When the first of them is due, or due again."""
    tries: int
    """How often the worst of them went wrong."""


def owe(session: Session, tenant: str, kind: Kind, subject: str, *, now: datetime, entropy: Entropy) -> Duty:
    """Write a duty with the fact it follows from."""
    duty = Duty(fresh(entropy), kind, subject)
    session.add(DutyRow(tenant_id=tenant, id=duty.id, kind=kind, subject_id=subject, owed_at=now))
    return duty


def open_duties(session: Session, tenant: str, *, now: datetime, limit: int = 100) -> Sequence[Duty]:
    """What is owed by now, oldest first; of each kind the first `limit`.

    A job's duty is open until the job ends: a long queue of them must not hide an output to withdraw.
    """
    age = col(DutyRow.owed_at), col(DutyRow.id)
    place = func.row_number().over(partition_by=col(DutyRow.kind), order_by=age)
    first = (
        select(DutyRow.id, place.label("place"))
        .where(DutyRow.tenant_id == tenant, col(DutyRow.done_at).is_(None), col(DutyRow.owed_at) <= now)
        .subquery()
    )
    rows = session.exec(
        select(DutyRow)
        .join(first, (first.c.id == DutyRow.id) & (first.c.place <= limit))
        .where(DutyRow.tenant_id == tenant)
        .order_by(*age)
    )
    return [Duty(row.id, Kind(row.kind), row.subject_id, row.attempts) for row in rows]


def pulse(session: Session, tenant: str, *, now: datetime) -> tuple[int, datetime | None]:
    """How much is owed by now, and since when the last of it: another answer once something came or went.

    Asked many times a second. Reads open duties only, by their index.
    """
    count, last = session.connection().execute(_PULSE, {"tenant": tenant, "now": now}).one()
    return count, last


def backlog(session: Session, tenant: str) -> Sequence[Backlog]:
    """What is owed, by kind. Reads open duties only, by their index."""
    rows = session.exec(
        select(DutyRow.kind, func.count(), func.min(DutyRow.owed_at), func.max(DutyRow.attempts))
        .where(DutyRow.tenant_id == tenant, col(DutyRow.done_at).is_(None))
        .group_by(DutyRow.kind)
        .order_by(DutyRow.kind)
    )
    return [Backlog(Kind(kind), count, since, tries) for kind, count, since, tries in rows]


def done(session: Session, tenant: str, duty: str, *, now: datetime) -> None:
    """Mark a duty as done; doing so again changes nothing."""
    session.exec(
        update(DutyRow)
        .where(col(DutyRow.tenant_id) == tenant, col(DutyRow.id) == duty, col(DutyRow.done_at).is_(None))
        .values(done_at=now)
    )


def again(session: Session, tenant: str, duty: Duty, *, due: datetime) -> None:
    """It went wrong: try again from `due` on. Counted once, whoever notices."""
    session.exec(
        update(DutyRow)
        .where(
            col(DutyRow.tenant_id) == tenant,
            col(DutyRow.id) == duty.id,
            col(DutyRow.attempts) == duty.attempts,
            col(DutyRow.done_at).is_(None),
        )
        .values(attempts=duty.attempts + 1, owed_at=due)
    )
