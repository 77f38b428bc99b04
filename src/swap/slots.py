"""Slots: a place to run jobs in, held under a lease.

DBOS recovers the unfinished jobs of its own executor id when it starts, and two live processes
with one id run a step twice. So an executor id belongs to a slot, and a slot to one process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from swap.errors import SlotTaken
from swap.tables import SlotRow

LEASE = timedelta(seconds=20)
"""How long a holder may be silent. A beat comes every quarter of it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A slot, who holds it, and the token that a later holder's will exceed."""

    slot: str
    holder: str
    token: int


def take(session: Session, tenant: str, slot: str, holder: str, *, now: datetime) -> Hold:
    """Take a slot that is free, silent or already ours. Raises `SlotTaken`."""
    row = session.get(SlotRow, (tenant, slot), with_for_update=True)
    if row is None:
        row = SlotRow(tenant_id=tenant, id=slot, holder=holder, token=1, until=now + LEASE)
    else:
        if row.holder != holder and row.until > now:
            raise SlotTaken(f"slot {slot} is held until {row.until:%H:%M:%SZ}")
        row.token += 1
        row.holder = holder
        row.until = now + LEASE
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        # Two saw no row and both wrote it: the other one was first.
        raise SlotTaken(f"slot {slot} was taken at this moment") from None
    return Hold(slot, holder, row.token)


def beat(session: Session, tenant: str, hold: Hold, *, now: datetime) -> None:
    """Stay alive. Raises `SlotTaken` when somebody else took the slot meanwhile."""
    row = session.get(SlotRow, (tenant, hold.slot), with_for_update=True)
    if row is None or (row.holder, row.token) != (hold.holder, hold.token):
        raise SlotTaken(f"slot {hold.slot} was taken over")
    row.until = now + LEASE
    session.add(row)


def leave(session: Session, tenant: str, hold: Hold, *, now: datetime) -> None:
    """Give the slot back; a slot that is no longer ours stays as it is."""
    row = session.get(SlotRow, (tenant, hold.slot), with_for_update=True)
    if row is not None and (row.holder, row.token) == (hold.holder, hold.token):
        row.until = now
        session.add(row)


def held(session: Session, tenant: str, slot: str, *, now: datetime) -> bool:
    """Whether a live process holds the slot."""
    row = session.get(SlotRow, (tenant, slot))
    return row is not None and row.until > now


def last_beat(session: Session, tenant: str) -> datetime | None:
    """When a holder of any slot was last heard of; None if nobody ever was."""
    last: datetime | None = session.exec(
        select(func.max(SlotRow.until)).where(SlotRow.tenant_id == tenant)
    ).one()
    return last and last - LEASE


def live(session: Session, tenant: str, *, now: datetime) -> int:
    """How many slots a live process holds."""
    query = select(func.count()).select_from(SlotRow)
    return session.exec(query.where(SlotRow.tenant_id == tenant, col(SlotRow.until) > now)).one()


def silent(session: Session, tenant: str, *, now: datetime, but: str, lock: bool) -> Sequence[str]:
    """Slots other than `but` whose holder is gone: his lease has been over for as long again.

    That much two hosts' clocks may differ. With `lock` nobody takes one of them before the commit; those
    that somebody else is looking after at this moment are left to him.
    """
    query = (
        select(SlotRow.id)
        .where(SlotRow.tenant_id == tenant, SlotRow.id != but, col(SlotRow.until) <= now - LEASE)
        .order_by(SlotRow.id)
    )
    return session.exec(query.with_for_update(skip_locked=True) if lock else query).all()
