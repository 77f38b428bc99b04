"""Legal holds: while a claim or an order runs, nobody's evidence is destroyed, also at her own wish.

GDPR art. 17(3)(e), PIPL art. 47(2). A hold stops the destruction of keys and nothing else: what she withdrew
is withdrawn, and her references are gone. Placing one and ending it are entries, and she can read both.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as core
from sqlmodel import Session, col, func, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Part
from audit.ids import Entropy, fresh
from audit.keystore import UNSEALABLE
from audit.ledger import Ledger
from consent import gone, seals
from consent.caretables import LegalHoldRow
from consent.strict import Fields, check_text

PLACED, ENDED = "LegalHoldPlaced", "LegalHoldEnded"


class HoldUnknown(BadInput):
    """No such hold is on anybody here, or it has ended."""

    code = "LEGAL_HOLD_UNKNOWN"
    zh = "没有该保全，或其已结束。"
    hint = "List the holds; one that has ended stays ended, and another can be placed."
    hint_zh = "请先列出现有保全；已结束的保全不可恢复，可另行设立。"


@dataclass(frozen=True, slots=True)
class Hold:
    """That her data must not be destroyed."""

    id: str
    person: str
    at: datetime
    ended_at: datetime | None
    entry: str


def open_on(tenant: Any, person: Any) -> "core.ColumnElement[bool]":
    """Whether a hold is on the person of a row: a part of the statement that reads that row."""
    return core.exists().where(
        col(LegalHoldRow.tenant_id) == tenant,
        col(LegalHoldRow.person_id) == person,
        col(LegalHoldRow.ended_at).is_(None),
    )


def held(session: Session, tenant: str, person: str) -> bool:
    """Whether one is on her now."""
    return bool(session.connection().execute(_HELD, {"tenant": tenant, "person": person}).scalar())


def placed(session: Session, tenant: str, person: str) -> int:
    """How many were ever placed on her."""
    return session.exec(
        select(func.count()).where(LegalHoldRow.tenant_id == tenant, LegalHoldRow.person_id == person)
    ).one()


_HELD = core.select(open_on(core.bindparam("tenant"), core.bindparam("person")))


@dataclass(frozen=True, slots=True)
class LegalHolds:
    """The holds of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def place(self, session: Session, person: str, *, by: str, order: str, now: datetime) -> Hold:
        """Hold her data until `end`. `order` is the SHA-256 of the claim or order that asks for it.

        What was destroyed before is not brought back. Where her keys do not open the tenant's part says it.
        Raises `DocumentMalformed`.
        """
        Fields({"order": order}, "hold").digest("order")
        check_text(by, "hold.by", at_most=200)
        # Who destroys her keys takes her row as well: either it sees the hold, or this comes after.
        gone.lock(session, self.ledger.tenant, person, "update")
        id_ = fresh(self.entropy)
        entry = self._log(session, PLACED, person, {"hold": id_, "by": by, "order": order}, now, ())
        row = LegalHoldRow(
            tenant_id=self.ledger.tenant, id=id_, person_id=person, at=now, ended_at=None, entry=entry
        )
        session.add(row)
        session.flush()
        return _hold(row)

    def end(self, session: Session, hold: str, *, by: str, reason: str, now: datetime) -> Hold:
        """End it: what was due meanwhile is destroyed next. Raises `HoldUnknown`."""
        check_text(by, "hold.by", at_most=200)
        check_text(reason, "hold.reason", at_most=500)
        row = session.exec(
            select(LegalHoldRow)
            .where(LegalHoldRow.tenant_id == self.ledger.tenant, LegalHoldRow.id == hold)
            .with_for_update()
        ).one_or_none()
        if row is None or row.ended_at is not None:
            raise HoldUnknown(f"no hold {hold:.40} is open")
        said: dict[str, Json] = {"hold": hold, "by": by, "reason": reason}
        self._log(session, ENDED, row.person_id, said, now, (row.entry,))
        row.ended_at = now
        session.flush()
        return _hold(row)

    def of(self, session: Session, person: str | None = None) -> tuple[Hold, ...]:
        """Hers, ended ones as well; without `person` all that are open. The last first."""
        query = select(LegalHoldRow).where(LegalHoldRow.tenant_id == self.ledger.tenant)
        if person is None:
            query = query.where(col(LegalHoldRow.ended_at).is_(None))
        else:
            query = query.where(LegalHoldRow.person_id == person)
        rows = session.exec(query.order_by(col(LegalHoldRow.at).desc(), LegalHoldRow.id))
        return tuple(_hold(row) for row in rows)

    def _log(
        self,
        session: Session,
        kind: str,
        person: str,
        said: dict[str, Json],
        now: datetime,
        refs: tuple[str, ...],
    ) -> str:
        whole = {**said, "person": person, "at": instant.exact(now)}
        part = seals.of_her(kind, person, whole)
        try:
            return self.ledger.append(session, Fact(kind, (part,), refs), now).leaf_hash
        except UNSEALABLE:
            if kind != PLACED:
                raise
        # A hold waits for nobody's keys: what it keeps might be destroyed before those are mended.
        part = Part.of_tenant(self.ledger.tenant, whole)
        return self.ledger.append(session, Fact(kind, (part,), refs), now).leaf_hash


def _hold(row: LegalHoldRow) -> Hold:
    return Hold(row.id, row.person_id, row.at, row.ended_at, row.entry)
