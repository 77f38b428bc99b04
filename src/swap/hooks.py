"""Hooks: the addresses that are told of events. The one writer of those rows.

Their secrets are not here: they are derived at the edge from the webhook key and the hook's id.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from swap.claimtables import HookRow
from swap.errors import NoSuchThing


class Event(StrEnum):
    """What hooks are told of. The words are in receivers' programs: they never change meaning."""

    CONSENT_GRANTED = "consent.granted"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    CONSENT_EXPIRING = "consent.expiring"
    CONSENT_EXPIRED = "consent.expired"
    CONSENT_PAUSED = "consent.paused"
    CONSENT_RESUMED = "consent.resumed"
    CONSENT_DISPUTED = "consent.disputed"
    CONSENT_SETTLED = "consent.settled"
    TEMPLATE_FROZEN = "template.frozen"
    TEMPLATE_THAWED = "template.thawed"
    OUTPUT_WITHDRAWN = "output.withdrawn"
    CLAIM_RECEIVED = "takedown.received"
    CLAIM_DECIDED = "takedown.decided"
    INJUNCTION_RECEIVED = "injunction.received"
    INJUNCTION_LIFTED = "injunction.lifted"
    APPEAL_RECEIVED = "appeal.received"
    APPEAL_ANSWERED = "appeal.answered"
    HOLD_OPENED = "hold.opened"
    EVIDENCE_ERASED = "evidence.erased"


@dataclass(frozen=True, slots=True)
class Hook:
    """An address, and the events it is told of; none named: all."""

    id: str
    url: str
    types: frozenset[Event]
    made_by: str
    made_at: datetime
    ended_at: datetime | None = None

    def wants(self, event: Event) -> bool:
        """Whether it is told of this."""
        return self.ended_at is None and (not self.types or event in self.types)


def add(session: Session, tenant: str, hook: Hook) -> None:
    """Register one. The address was looked at by the edge."""
    session.add(
        HookRow(
            tenant_id=tenant,
            id=hook.id,
            url=hook.url,
            types=",".join(sorted(hook.types)),
            made_by=hook.made_by,
            made_at=hook.made_at,
        )
    )
    session.flush()


def get(session: Session, tenant: str, hook: str) -> Hook:
    """One of them, ended or not. Raises `NoSuchThing`."""
    row = session.get(HookRow, (tenant, hook), populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no hook {hook:.40}")
    return _value(row)


def every(session: Session, tenant: str) -> Sequence[Hook]:
    """All there ever were, oldest first."""
    rows = session.exec(
        select(HookRow).where(HookRow.tenant_id == tenant).order_by(col(HookRow.made_at), col(HookRow.id))
    )
    return [_value(row) for row in rows]


def telling(session: Session, tenant: str, event: Event) -> Collection[Hook]:
    """The live ones that want to hear of this."""
    rows = session.exec(
        select(HookRow).where(HookRow.tenant_id == tenant, col(HookRow.ended_at).is_(None))
    ).all()
    return [hook for hook in map(_value, rows) if hook.wants(event)]


def end(session: Session, tenant: str, hook: str, *, now: datetime) -> bool:
    """Tell it nothing more. False: it had ended. Raises `NoSuchThing`."""
    get(session, tenant, hook)
    row = session.get_one(HookRow, (tenant, hook), populate_existing=True)
    if row.ended_at is not None:
        return False
    row.ended_at = now
    session.add(row)
    session.flush()
    return True


def _value(row: HookRow) -> Hook:
    types = frozenset(Event(word) for word in row.types.split(",") if word)
    return Hook(row.id, row.url, types, row.made_by, row.made_at, row.ended_at)
