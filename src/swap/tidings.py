"""Tidings: an event on its way to one hook, written with the fact it tells of, with a duty that owes it.

Where nobody is to be told nothing is written. A tiding holds ids and codes, never what names a person.
The one writer of those rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import cast

from sqlalchemy import and_, delete
from sqlmodel import Session, col, func, select

from audit.canonical import Json, canonical
from audit.fact import Fact
from audit.ids import Entropy, fresh
from audit.ledger import Entry
from audit.spelling import of_json
from swap import duties, hooks
from swap.claimtables import TidingRow
from swap.duties import Duty, Kind
from swap.hooks import Event
from swap.retention import BATCH
from swap.tables import DutyRow

KEPT = timedelta(days=30)
"""Delivered or given up: so long it can be looked up."""

TOLD: Mapping[str, tuple[Event, str]] = {
    "ConsentGranted": (Event.CONSENT_GRANTED, "authorization"),
    "ConsentWithdrawn": (Event.CONSENT_WITHDRAWN, "authorization"),
    "ConsentExpired": (Event.CONSENT_EXPIRED, "authorization"),
    "ConsentSuspended": (Event.CONSENT_PAUSED, "authorization"),
    "ConsentPaused": (Event.CONSENT_PAUSED, "authorization"),
    "ConsentResumed": (Event.CONSENT_RESUMED, "authorization"),
    "ConsentReconfirmed": (Event.CONSENT_RESUMED, "authorization"),
    "ConsentDisputed": (Event.CONSENT_DISPUTED, "authorization"),
    "ConsentDisputeSettled": (Event.CONSENT_SETTLED, "authorization"),
    "OutputWithdrawn": (Event.OUTPUT_WITHDRAWN, "output"),
    "TakedownReceived": (Event.CLAIM_RECEIVED, "claim"),
    "TakedownDecided": (Event.CLAIM_DECIDED, "claim"),
    "InjunctionReceived": (Event.INJUNCTION_RECEIVED, "claim"),
    "InjunctionLifted": (Event.INJUNCTION_LIFTED, "claim"),
    "AppealReceived": (Event.APPEAL_RECEIVED, "appeal"),
    "AppealAnswered": (Event.APPEAL_ANSWERED, "appeal"),
}
"""Which entries are told of, as what, and the field of their payload that is the event's subject."""
_PASSED_ON = frozenset({"purposes", "status", "target_kind", "target", "state", "about", "digest", "due_at"})
"""Fields of a payload that leave the house. Anything else, as who did it, stays."""


class State(StrEnum):
    """How far it came."""

    OWED = "owed"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"
    DROPPED = "dropped"
    """Its hook ended first."""


@dataclass(frozen=True, slots=True)
class Tiding:
    """One event for one hook."""

    id: str
    hook: str
    event: str
    type: Event
    subject: str
    data: Mapping[str, Json]
    entry: str | None
    at: datetime
    state: State


@dataclass(frozen=True, slots=True)
class Herald:
    """Hears of every entry as it is written, and writes tidings of those that are told of."""

    tenant: str
    entropy: Entropy

    def heard(self, session: Session, fact: Fact, entry: Entry) -> None:
        """In the fact's own transaction."""
        found = TOLD.get(fact.kind)
        if found is None:
            return
        event, names = found
        payload = fact.parts[0].payload
        subject = payload.get(names)
        if isinstance(subject, str):
            data = {name: value for name, value in payload.items() if name in _PASSED_ON}
            self.tell(session, event, subject, data, entry=entry.leaf_hash, now=entry.at)

    def tell(
        self,
        session: Session,
        event: Event,
        subject: str,
        data: Mapping[str, Json],
        *,
        now: datetime,
        entry: str | None = None,
        once: str | None = None,
    ) -> int:
        """Write it for each hook that wants it; how many. `once`: what makes it the same event again."""
        name = fresh(self.entropy) if once is None else _named(event, subject, once)
        written = 0
        for hook in hooks.telling(session, self.tenant, event):
            if once is not None and _known(session, self.tenant, hook.id, name):
                continue
            row = TidingRow(
                tenant_id=self.tenant,
                id=fresh(self.entropy),
                hook_id=hook.id,
                event_id=name,
                type=event,
                subject=subject,
                data=canonical(data),
                entry=entry,
                at=now,
                state=State.OWED,
                delete_after=now + 2 * KEPT,
            )
            session.add(row)
            session.flush()
            duties.owe(session, self.tenant, Kind.NOTIFY, row.id, now=now, entropy=self.entropy)
            written += 1
        return written


def untold(
    session: Session, tenant: str, event: Event, found: Sequence[tuple[str, str]]
) -> Sequence[tuple[str, str]]:
    """Of these subjects, each with what makes it the same again, those somebody is to be told of."""
    names = {_named(event, *each): each for each in found}
    told = {name: set[str]() for name in names}
    rows = session.exec(
        select(TidingRow.event_id, TidingRow.hook_id).where(
            TidingRow.tenant_id == tenant, col(TidingRow.event_id).in_(names)
        )
    )
    for name, hook in rows:
        told[name].add(hook)
    listening = {hook.id for hook in hooks.telling(session, tenant, event)}
    return [each for name, each in names.items() if not listening <= told[name]]


def owed(session: Session, tenant: str, *, now: datetime, limit: int = 100) -> Sequence[tuple[Duty, Tiding]]:
    """What is to be sent by now, oldest first; of each hook the first `limit`.

    Of each: a dead hook's long queue must not hide what is owed to a living one.
    """
    due = DutyRow.tenant_id == tenant, col(DutyRow.done_at).is_(None), col(DutyRow.owed_at) <= now
    age = col(DutyRow.owed_at), col(DutyRow.id)
    its = and_(col(TidingRow.tenant_id) == DutyRow.tenant_id, col(TidingRow.id) == DutyRow.subject_id)
    place = func.row_number().over(partition_by=col(TidingRow.hook_id), order_by=age)
    first = select(DutyRow.id, place.label("place")).join(TidingRow, its).where(*due).subquery()
    rows = session.exec(
        select(DutyRow, TidingRow)
        .join(TidingRow, its)
        .join(first, (first.c.id == DutyRow.id) & (first.c.place <= limit))
        .where(*due)
        .order_by(*age)
    )
    return [
        (Duty(one.id, Kind(one.kind), one.subject_id, one.attempts), _value(tiding)) for one, tiding in rows
    ]


def of_hook(session: Session, tenant: str, hook: str, *, limit: int = 100) -> Sequence[Tiding]:
    """The newest of a hook."""
    rows = session.exec(
        select(TidingRow)
        .where(TidingRow.tenant_id == tenant, TidingRow.hook_id == hook)
        .order_by(col(TidingRow.at).desc(), col(TidingRow.id))
        .limit(limit)
    )
    return [_value(row) for row in rows]


def tally(session: Session, tenant: str, hook: str) -> Mapping[State, int]:
    """How many of a hook are in each state."""
    rows = session.exec(
        select(TidingRow.state, func.count())
        .where(TidingRow.tenant_id == tenant, TidingRow.hook_id == hook)
        .group_by(TidingRow.state)
    )
    return {State(state): count for state, count in rows}


def ended(session: Session, tenant: str, tiding: str, state: State, *, now: datetime) -> None:
    """It was delivered, given up or dropped."""
    row = session.get_one(TidingRow, (tenant, tiding), populate_existing=True)
    row.state, row.delete_after = state, now + KEPT
    session.add(row)
    session.flush()


def purge(session: Session, tenant: str, *, now: datetime) -> int:
    """Delete what has reached its date and is owed to nobody. How many."""
    due = session.exec(
        select(TidingRow.id)
        .where(
            TidingRow.tenant_id == tenant,
            col(TidingRow.delete_after) <= now,
            TidingRow.state != State.OWED,
        )
        .limit(BATCH)
    ).all()
    session.exec(delete(TidingRow).where(col(TidingRow.tenant_id) == tenant, col(TidingRow.id).in_(due)))
    return len(due)


def _named(event: Event, subject: str, once: str) -> str:
    return sha256(f"consentry/event/v1\0{event}\0{subject}\0{once}".encode()).hexdigest()[:32]


def _known(session: Session, tenant: str, hook: str, event: str) -> bool:
    found = session.exec(
        select(TidingRow.id).where(
            TidingRow.tenant_id == tenant, TidingRow.hook_id == hook, TidingRow.event_id == event
        )
    ).first()
    return found is not None


def _value(row: TidingRow) -> Tiding:
    data = cast("Mapping[str, Json]", of_json(row.data))
    return Tiding(
        row.id,
        row.hook_id,
        row.event_id,
        Event(row.type),
        row.subject,
        data,
        row.entry,
        row.at,
        State(row.state),
    )
