"""The chain of an authorization: its events, each with the leaf hash of the one before, and its locks.

The state rows are the lock. Whoever relies on a state locks them FOR SHARE, whoever changes it FOR
UPDATE, both in order of authorization and purpose; the state is read in a *later* statement, because
under READ COMMITTED a statement that waited for a lock still sees the snapshot it began with. Measured:
one-statement checks and SERIALIZABLE alone let a publish commit after the withdrawal had returned.
SQLite has no row locks; there the write session's BEGIN IMMEDIATE is the lock, and nothing is asked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, TypeVar, cast

import sqlalchemy as core
from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.fact import Fact
from audit.ledger import Ledger
from audit.several import Several
from consent import seals
from consent.errors import AuthorizationDiverged
from consent.standing import Lock
from consent.tables import ConsentCounterRow, ConsentEventRow, ConsentStateRow
from consent.withdrawal import By
from consent.words import Purpose, Status

_Word = TypeVar("_Word", bound=StrEnum)

_STATE = cast(core.Table, ConsentStateRow.__table__)  # type: ignore[attr-defined]
_COUNTER = cast(core.Table, ConsentCounterRow.__table__)  # type: ignore[attr-defined]
_EVENT = cast(core.Table, ConsentEventRow.__table__)  # type: ignore[attr-defined]

GRANTED = "ConsentGranted"
WITHDRAWN = "ConsentWithdrawn"
EXPIRED = "ConsentExpired"
SUSPENDED = "ConsentSuspended"
RECONFIRMED = "ConsentReconfirmed"
DISPUTED = "ConsentDisputed"
SETTLED = "ConsentDisputeSettled"
PAUSED = "ConsentPaused"
RESUMED = "ConsentResumed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to some purposes of an authorization."""

    kind: str
    purposes: frozenset[Purpose]
    by: By
    status: Status | None = None
    """Their new status; None: unchanged."""
    disputed: bool | None = None
    """Their new dispute mark; None: unchanged."""
    paused: bool | None = None
    """Whether they rest from now on; None: unchanged."""
    evidence: bytes | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    """More for the sealed payload."""


@dataclass(frozen=True, slots=True)
class State:
    """One state row, as read under the lock."""

    purpose: Purpose
    status: Status
    disputed: bool
    paused: bool
    head: str
    left: int | None
    """Uses left, reserved ones taken off; None without limit. Without a counter there are none."""
    most: int | None
    """What the counter allows in all; None without limit, 0 without a counter."""

    @property
    def live(self) -> bool:
        """Whether there is something to end: a suspended purpose (UNKNOWN) can be re-confirmed, so it too."""
        return self.status.valid or self.status is Status.UNKNOWN


@dataclass(frozen=True, slots=True)
class Past:
    """One event row, as the person may see it."""

    number: int
    kind: str
    purposes: frozenset[Purpose]
    status: Status | None
    disputed: bool | None
    paused: bool | None
    by: str
    at: datetime
    entry: str
    prev: str | None


# Built once: putting a statement together costs more than running it, and these run at every decision.
_CHOSEN = (
    _STATE.c.tenant_id == core.bindparam("tenant"),
    _STATE.c.authorization_id.in_(core.bindparam("ids", expanding=True)),
)
_IN_ORDER = (
    core.select(_STATE.c.authorization_id, _STATE.c.purpose)
    .where(*_CHOSEN)
    .order_by(_STATE.c.authorization_id, _STATE.c.purpose)
)
_LOCKS = {"share": _IN_ORDER.with_for_update(read=True), "update": _IN_ORDER.with_for_update()}
_COUNTED = (
    core.select(
        _STATE.c.authorization_id,
        _STATE.c.purpose,
        _STATE.c.status,
        _STATE.c.disputed,
        _STATE.c.paused,
        _STATE.c.head,
        _COUNTER.c.purpose,
        _COUNTER.c.most,
        _COUNTER.c.reserved,
        _COUNTER.c.spent,
    )
    .select_from(_STATE)
    .outerjoin(
        _COUNTER,
        core.and_(
            _COUNTER.c.tenant_id == _STATE.c.tenant_id,
            _COUNTER.c.authorization_id == _STATE.c.authorization_id,
            _COUNTER.c.purpose == _STATE.c.purpose,
        ),
    )
    .where(_STATE.c.tenant_id == core.bindparam("tenant"))
    .order_by(_STATE.c.authorization_id, _STATE.c.purpose)
)
_STATES = Several(lambda ids: _COUNTED.where(_STATE.c.authorization_id.in_(ids)), "ids")
_ALL_EVENTS = (
    core.select(
        _EVENT.c.authorization_id,
        _EVENT.c.number,
        _EVENT.c.kind,
        _EVENT.c.purposes,
        _EVENT.c.status,
        _EVENT.c.disputed,
        _EVENT.c.paused,
        _EVENT.c.how,
        _EVENT.c.at,
        _EVENT.c.leaf_hash,
        _EVENT.c.prev,
    )
    .where(_EVENT.c.tenant_id == core.bindparam("tenant"))
    .order_by(_EVENT.c.authorization_id, _EVENT.c.number)
)
_EVENTS = Several(lambda ids: _ALL_EVENTS.where(_EVENT.c.authorization_id.in_(ids)), "ids")


def lock_states(session: Session, tenant: str, ids: Collection[str], lock: Lock) -> None:
    """Take the locks, in order. Reads nothing anybody should use."""
    if lock is None or not ids:
        return
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCKS[lock], {"tenant": tenant, "ids": list(ids)}).all()


def states(session: Session, tenant: str, ids: Collection[str]) -> dict[str, tuple[State, ...]]:
    """The state rows, by authorization. Columns, not objects: the session's identity map may be older."""
    found: dict[str, list[State]] = {}
    session.flush()
    rows = _STATES.run(session, {"tenant": tenant, "ids": list(ids)})
    for authorization, *said in rows:
        found.setdefault(authorization, []).append(_state(*said))
    return {authorization: tuple(items) for authorization, items in found.items()}


def events(session: Session, tenant: str, ids: Collection[str]) -> dict[str, tuple[Past, ...]]:
    """The chains, each in order, by authorization."""
    found: dict[str, list[Past]] = {}
    session.flush()
    rows = _EVENTS.run(session, {"tenant": tenant, "ids": list(ids)})
    for authorization, *said in rows:
        found.setdefault(authorization, []).append(_past(*said))
    return {authorization: tuple(items) for authorization, items in found.items()}


def ending(
    session: Session,
    tenant: str,
    *,
    after: datetime,
    until: datetime,
    limit: int,
    beyond: tuple[str, datetime] | None = None,
) -> tuple[tuple[str, datetime], ...]:
    """Authorizations in force whose term ends between the two, the first at the top.

    `beyond`: those that follow this one, which ended the page before.
    """
    first, name = core.func.min(_STATE.c.until), _STATE.c.authorization_id
    follows: core.ColumnElement[bool] = core.true()
    if beyond is not None:
        follows = core.or_(first > beyond[1], core.and_(first == beyond[1], name > beyond[0]))
    rows = session.connection().execute(
        core.select(name, first)
        .where(
            _STATE.c.tenant_id == tenant,
            _STATE.c.until > after,
            _STATE.c.until <= until,
            _STATE.c.status.in_([Status.GIVEN, Status.RENEWED]),
        )
        .group_by(name)
        .having(follows)
        .order_by(first, name)
        .limit(limit)
    )
    return tuple((one, at) for one, at in rows)


def read_word(words: type[_Word], written: str) -> _Word:
    """A stored word. Raises `AuthorizationDiverged` when it is none: somebody edited the row."""
    word = _by_spelling(words).get(written)
    if word is None:
        raise AuthorizationDiverged("a stored word is not one of ours")
    return cast("_Word", word)


@cache
def _by_spelling(words: type[StrEnum]) -> dict[str, StrEnum]:
    # A decision reads dozens, and to ask the enumeration takes four times as long.
    return {str(word): word for word in words}


_AUTHORITY = "authority"


def disputed_by(chain: Sequence[Past]) -> frozenset[str]:
    """By which ways it is disputed still (`How` words): each ends its own, and not another's."""
    held: frozenset[str] = frozenset()
    for past in chain:
        if past.kind in {DISPUTED, SETTLED}:
            held = with_mark(held, past.by, disputed=past.kind == DISPUTED)
    return held


def with_mark(held: frozenset[str], how: str, *, disputed: bool) -> frozenset[str]:
    """Who holds the mark once this happened. An authority settles its own order, anybody else the rest."""
    if disputed:
        return held | {how}
    return held - {_AUTHORITY} if how == _AUTHORITY else held & {_AUTHORITY}


def intact(chain: Sequence[Past], now_says: Sequence[State]) -> bool:
    """Whether the chain is whole and the state rows say exactly what its events add up to."""
    status: dict[Purpose, Status] = {}
    disputed: dict[Purpose, bool] = {}
    paused: dict[Purpose, bool] = {}
    prev: str | None = None
    for number, past in enumerate(chain):
        if (past.number, past.prev) != (number, prev):
            return False
        prev = past.entry
        for purpose in past.purposes:
            if past.status is not None:
                status[purpose] = past.status
            if past.disputed is not None:
                disputed[purpose] = past.disputed
            if past.paused is not None:
                paused[purpose] = past.paused
    return (
        bool(chain)
        and {state.purpose: state.status for state in now_says} == status
        and all(state.head == prev for state in now_says)
        and all(state.disputed == disputed.get(state.purpose, False) for state in now_says)
        and all(state.paused == paused.get(state.purpose, False) for state in now_says)
    )


def append(
    session: Session, ledger: Ledger, authorization: str, person: str, event: Event, now: datetime
) -> str:
    """Add an event: entry, event row, state rows. The leaf hash. The caller holds the lock FOR UPDATE."""
    tenant = ledger.tenant
    past = events(session, tenant, [authorization]).get(authorization, ())
    prev = past[-1].entry if past else None
    payload: dict[str, Json] = {
        **event.extra,
        "authorization": authorization,
        "purposes": sorted(str(purpose) for purpose in event.purposes),
        "by": str(event.by.how),
        "actor": event.by.actor,
        "at": instant.exact(now),
    }
    if event.status is not None:
        payload["status"] = str(event.status)
    part = seals.of_her(event.kind, person, payload)
    entry = ledger.append(session, Fact(event.kind, (part,), () if prev is None else (prev,)), now)
    session.add(
        ConsentEventRow(
            tenant_id=tenant,
            authorization_id=authorization,
            number=len(past),
            kind=event.kind,
            purposes=",".join(sorted(event.purposes)),
            status=None if event.status is None else str(event.status),
            disputed=event.disputed,
            paused=event.paused,
            how=str(event.by.how),
            actor=event.by.actor,
            at=now,
            evidence=None
            if event.evidence is None
            else ledger.cells.seal(seals.Cell.EVENT, f"{authorization}/{len(past)}", person, event.evidence),
            leaf_hash=entry.leaf_hash,
            prev=prev,
        )
    )
    session.flush()
    _move(session, tenant, authorization, event, entry.leaf_hash)
    return entry.leaf_hash


def _move(session: Session, tenant: str, authorization: str, event: Event, head: str) -> None:
    of_it = core.update(_STATE).where(
        _STATE.c.tenant_id == tenant, _STATE.c.authorization_id == authorization
    )
    changes: dict[str, object] = {"head": head}
    if event.status is not None:
        changes["status"] = str(event.status)
    if event.disputed is not None:
        changes["disputed"] = event.disputed
    if event.paused is not None:
        changes["paused"] = event.paused
    touched = [str(purpose) for purpose in event.purposes]
    session.connection().execute(of_it.where(_STATE.c.purpose.in_(touched)).values(**changes))
    session.connection().execute(of_it.values(head=head))


# By what its row says, read each time: every decision reads all of its people's.
@lru_cache(maxsize=4096)
def _state(
    purpose: str,
    status: str,
    disputed: bool,  # noqa: FBT001 (the columns, in their order)
    paused: bool,  # noqa: FBT001
    head: str,
    counted: str | None,
    *uses: Any,
) -> State:
    left, most = (0, 0) if counted is None else (_left(*uses), uses[0])
    return State(read_word(Purpose, purpose), read_word(Status, status), disputed, paused, head, left, most)


@lru_cache(maxsize=1024)
def _past(number: int, kind: str, purposes: str, status: str | None, *others: Any) -> Past:
    # The other columns stand in the statement as the fields do in `Past`.
    word = None if status is None else read_word(Status, status)
    return Past(number, kind, _purposes(purposes), word, *others)


def _purposes(written: str) -> frozenset[Purpose]:
    return frozenset(read_word(Purpose, word) for word in written.split(",") if word)


def _left(most: int | None, reserved: int, spent: int) -> int | None:
    return None if most is None else max(0, most - reserved - spent)
