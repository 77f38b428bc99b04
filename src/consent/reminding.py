"""She is told before a consent of hers ends, so that it neither ends unseen nor goes on by habit."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.fact import Fact
from audit.keystore import UNSEALABLE
from audit.ledger import Ledger
from consent import chain, seals
from consent.asktables import ReminderRow
from consent.tables import AuthorizationRow, ConsentStateRow
from consent.words import Status

ENDS_SOON = "ConsentEndsSoon"
DAYS = (30, 7)
"""How many days before the end, the earliest first."""
PAGE = 500
"""Ending consents that are looked at together."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """One consent that ends within `days` days."""

    authorization: str
    person: str
    days: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A reminder in her inbox."""

    reminder: Reminder
    at: datetime
    entry: str


def due_reminders(session: Session, tenant: str, now: datetime) -> tuple[Reminder, ...]:
    """What she has to be told now and was not, by authorization: the nearest of `DAYS` and no other.

    Not of a consent that was given for no more days than that: she has just read so when she signed.
    """
    return tuple(one for page in _pages(session, tenant, now) for one in _due(session, tenant, now, page))


def remind(session: Session, ledger: Ledger, now: datetime) -> tuple[Reminder, ...]:
    """Tell her what is due: into her inbox, and into the log. Each once, whoever else does the same."""
    tenant = ledger.tenant
    pages = [
        [one.authorization for one in _due(session, tenant, now, page)]
        for page in _pages(session, tenant, now)
    ]
    # Two workers may have found the same: the second waits here, looks again, and finds it told. All of them
    # by id, as everybody locks them, and before the first entry: nobody waits with a place in the log.
    for page in pages:
        chain.lock_states(session, tenant, page, "update")
    done = []
    for one in [one for page in pages for one in _due(session, tenant, now, page)]:
        # Of whom nothing can be written can't be told either, and nobody else waits for it.
        with suppress(*UNSEALABLE), session.begin_nested():
            _tell(session, ledger, one, now)
            done.append(one)
    return tuple(done)


def told(session: Session, tenant: str, person: str) -> tuple[Told, ...]:
    """All she was reminded of, newest first."""
    rows = session.exec(
        select(ReminderRow)
        .where(ReminderRow.tenant_id == tenant, ReminderRow.person_id == person)
        .order_by(col(ReminderRow.told_at).desc(), col(ReminderRow.authorization_id))
    )
    return tuple(
        Told(Reminder(row.authorization_id, row.person_id, row.days, row.until), row.told_at, row.entry)
        for row in rows
    )


def _tell(session: Session, ledger: Ledger, one: Reminder, now: datetime) -> None:
    payload: dict[str, Json] = {
        "authorization": one.authorization,
        "days": one.days,
        "until": instant.exact(one.until),
        "at": instant.exact(now),
    }
    part = seals.of_her(ENDS_SOON, one.person, payload)
    entry = ledger.append(session, Fact(ENDS_SOON, (part,)), now)
    session.add(
        ReminderRow(
            tenant_id=ledger.tenant,
            authorization_id=one.authorization,
            days=one.days,
            person_id=one.person,
            until=one.until,
            told_at=now,
            entry=entry.leaf_hash,
        )
    )
    session.flush()


def _pages(session: Session, tenant: str, now: datetime) -> Iterator[Sequence[str]]:
    """All that end within the longest of `DAYS`, by id, so many at a time as fit into a statement."""
    last = ""
    while page := session.exec(
        select(ConsentStateRow.authorization_id)
        .where(*_ending(tenant, now), col(ConsentStateRow.authorization_id) > last)
        .distinct()
        .order_by(ConsentStateRow.authorization_id)
        .limit(PAGE)
    ).all():
        yield page
        last = page[-1]


def _ending(tenant: str, now: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        col(ConsentStateRow.tenant_id) == tenant,
        col(ConsentStateRow.until) > now,
        col(ConsentStateRow.until) <= now + timedelta(days=max(DAYS)),
        col(ConsentStateRow.status).in_([Status.GIVEN.value, Status.RENEWED.value]),
    )


def _due(session: Session, tenant: str, now: datetime, among: Sequence[str]) -> tuple[Reminder, ...]:
    ends = dict(
        session.exec(
            select(ConsentStateRow.authorization_id, ConsentStateRow.until)
            .where(*_ending(tenant, now), col(ConsentStateRow.authorization_id).in_(among))
            .distinct()
        ).all()
    )
    signed = session.exec(
        select(AuthorizationRow.id, AuthorizationRow.person_id, AuthorizationRow.received_at)
        .where(AuthorizationRow.tenant_id == tenant, col(AuthorizationRow.id).in_(ends))
        .order_by(AuthorizationRow.id)
    ).all()
    before = set(
        session.exec(
            select(ReminderRow.authorization_id, ReminderRow.days).where(
                ReminderRow.tenant_id == tenant, col(ReminderRow.authorization_id).in_(ends)
            )
        ).all()
    )
    found = []
    for authorization, person, received_at in signed:
        until = ends[authorization]
        days = min(n for n in DAYS if until - now <= timedelta(days=n))
        if received_at <= until - timedelta(days=days + 1) and (authorization, days) not in before:
            found.append(Reminder(authorization, person, days, until))
    return tuple(found)
