"""The refusal list: who and what must not be used, whatever anybody signs (PIPL arts. 27, 44).

No faces are in it: an id of hers, the digest of a source, or the label of a work. A person who is on it
has no authorization in force (`consent.assessment`); a source or a work on it is frozen (`swap.templates`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

import sqlalchemy as core
from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent import chain, seals, signed
from consent.caretables import RefusalRow
from consent.strict import LONGEST_LABEL, Fields, check_text

LISTED, ENDED = "RefusalListed", "RefusalEnded"

_REFUSAL = cast(core.Table, RefusalRow.__table__)  # type: ignore[attr-defined]
# Every decision asks: built once, for putting a statement together costs more than running it.
_LISTED = core.select(_REFUSAL.c.kind, _REFUSAL.c.value).where(
    _REFUSAL.c.tenant_id == core.bindparam("tenant"),
    _REFUSAL.c.value.in_(core.bindparam("values", expanding=True)),
    _REFUSAL.c.ended_at.is_(None),
)


_LOCKS = {
    "share": core.text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:what, 0))"),
    "update": core.text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"),
}


class RefusalUnknown(BadInput):
    """No such entry is on the refusal list."""

    code = "REFUSAL_UNKNOWN"
    zh = "拒绝名单中没有该条目。"
    hint = "List what is there; an entry that was ended is no longer on it."
    hint_zh = "请先查看名单；已解除的条目不在其中。"


class OnRefusalList(BadInput):
    """The source, the work or somebody in the cast is on the refusal list (PIPL arts. 27, 44)."""

    code = "ON_REFUSAL_LIST"
    zh = "该素材、作品或人员已列入拒绝名单，不得使用。"
    hint = "Leave it out. Only whoever refused can take the refusal back."
    hint_zh = "请勿使用；仅拒绝方可解除。"


class Kind(StrEnum):
    """What is refused. The words are in the log: they never change meaning."""

    PERSON = "person"
    SOURCE = "source"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One entry of the list."""

    id: str
    kind: Kind
    value: str
    """A person's id, a SHA-256, or the label of a work."""
    by: str
    at: datetime
    ended_at: datetime | None
    entry: str


@dataclass(frozen=True, slots=True)
class Refusals:
    """The list of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def add(self, session: Session, kind: Kind, value: str, *, by: str, now: datetime) -> Refusal:
        """Put it on the list; what is on it already stays as it is. Raises `DocumentMalformed`."""
        _check(kind, value)
        tenant = self.ledger.tenant
        known = session.exec(
            select(RefusalRow).where(
                RefusalRow.tenant_id == tenant,
                RefusalRow.kind == kind,
                RefusalRow.value == value,
                col(RefusalRow.ended_at).is_(None),
            )
        ).first()
        if known is not None:
            return _refusal(known)
        if kind is Kind.PERSON:
            # As a withdrawal does: whoever has heard her yes and not committed yet is waited for.
            chain.lock_states(session, tenant, signed.granted(session, tenant, value), "update")
        else:
            lock(session, tenant, "update")
        id_ = fresh(self.entropy)
        entry = self._log(session, LISTED, id_, kind, value, by, now)
        row = RefusalRow(
            tenant_id=tenant, id=id_, kind=str(kind), value=value, by=by, at=now, ended_at=None, entry=entry
        )
        session.add(row)
        session.flush()
        return _refusal(row)

    def end(self, session: Session, refusal: str, *, by: str, now: datetime) -> Refusal:
        """Take it off. Raises `RefusalUnknown`."""
        row = session.get(RefusalRow, (self.ledger.tenant, refusal), with_for_update=True)
        if row is None or row.ended_at is not None:
            raise RefusalUnknown("no such entry is on the list")
        self._log(session, ENDED, row.id, Kind(row.kind), row.value, by, now, row.entry)
        row.ended_at = now
        session.add(row)
        session.flush()
        return _refusal(row)

    def find(self, session: Session, refusal: str) -> Refusal:
        """One entry, ended or not. Raises `RefusalUnknown`."""
        row = session.get(RefusalRow, (self.ledger.tenant, refusal))
        if row is None:
            raise RefusalUnknown("no such entry was ever on the list")
        return _refusal(row)

    def every(self, session: Session, *, person: str | None = None) -> tuple[Refusal, ...]:
        """What is on the list now, newest first; with `person` only what refuses her."""
        query = select(RefusalRow).where(
            RefusalRow.tenant_id == self.ledger.tenant, col(RefusalRow.ended_at).is_(None)
        )
        if person is not None:
            query = query.where(RefusalRow.kind == Kind.PERSON, RefusalRow.value == person)
        rows = session.exec(query.order_by(col(RefusalRow.at).desc(), col(RefusalRow.id)))
        return tuple(_refusal(row) for row in rows)

    def _log(
        self,
        session: Session,
        fact: str,
        id_: str,
        kind: Kind,
        value: str,
        by: str,
        now: datetime,
        *refs: str,
    ) -> str:
        payload: dict[str, Json] = {
            "refusal": id_,
            "kind": str(kind),
            "value": value,
            "by": by,
            "at": instant.exact(now),
        }
        whose = Subject("person", value) if kind is Kind.PERSON else Subject("tenant", self.ledger.tenant)
        return self.ledger.append(
            session, Fact(fact, (seals.part(fact, whose, payload),), refs), now
        ).leaf_hash


def lock(session: Session, tenant: str, how: Literal["share", "update"]) -> None:
    """Lock the list of sources and works until the commit.

    Who decides shares it and reads in a later statement, who puts something on it takes it. After a
    template's lock, before any authorization's. An advisory lock of PostgreSQL, for there is no row yet that
    the two could meet on, and one row that every decision locks would be written by each. Write sessions of
    SQLite are alone anyway.
    """
    session.flush()
    if session.connection().dialect.name != "sqlite":
        session.connection().execute(_LOCKS[how], {"what": f"consentry refusals {tenant}"})


def listed(
    tenant: "core.ColumnElement[str]", kind: Kind, *values: "core.ColumnElement[Any]"
) -> "core.ColumnElement[bool]":
    """Whether one of these columns of a row is on the list: a part of the statement that reads the row."""
    return core.exists().where(
        _REFUSAL.c.tenant_id == tenant,
        _REFUSAL.c.kind == kind,
        core.or_(*(_REFUSAL.c.value == value for value in values)),
        _REFUSAL.c.ended_at.is_(None),
    )


def refused(
    session: Session,
    tenant: str,
    *,
    people: Iterable[str] = (),
    sources: Iterable[str | None] = (),
    work: str | None = None,
) -> frozenset[Kind]:
    """Of which kinds something here is on the list. Empty: nothing is."""
    wanted = {
        Kind.PERSON: set(people),
        Kind.SOURCE: {digest for digest in sources if digest},
        Kind.WORK: {work} if work else set(),
    }
    values = sorted(set().union(*wanted.values()))
    if not values:
        return frozenset()
    rows = session.connection().execute(_LISTED, {"tenant": tenant, "values": values}).all()
    # By kind as well: a work may be labelled with somebody's id.
    return frozenset(
        kind for kind in Kind for found, value in rows if found == kind and value in wanted[kind]
    )


def _check(kind: Kind, value: str) -> None:
    if kind is Kind.PERSON:
        Fields({"value": value}, "refusal").identifier("value")
    elif kind is Kind.SOURCE:
        Fields({"value": value}, "refusal").digest("value")
    else:
        check_text(value, "refusal.value", at_most=LONGEST_LABEL)


def _refusal(row: RefusalRow) -> Refusal:
    return Refusal(row.id, Kind(row.kind), row.value, row.by, row.at, row.ended_at, row.entry)
