"""Cosignatures as rows: which witness saw which checkpoint. What a line is worth is asked at each reading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, Table, func, select, text, update
from sqlmodel import Session

from audit import note
from audit.note import NoteMalformed, NoteSignature
from audit.tables import CosignatureRow

_ROW = cast(Table, CosignatureRow.__table__)  # type: ignore[attr-defined]
_PAGE = 64
# One statement on both engines: of two processes that ask at once, the first one's line stays.
_ADD = text(
    "INSERT INTO log_cosignature (tenant_id, size, witness, line, at)"
    " VALUES (:tenant, :size, :witness, :line, :at) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class CosignRows:
    """One tenant's cosignatures in one session."""

    tenant: str
    session: Session

    def lines(self, size: int) -> Mapping[str, NoteSignature]:
        """The lines under the checkpoint of this size, by witness; rows that are no lines are passed over."""
        rows = select(_ROW.c.witness, _ROW.c.line).where(_ROW.c.tenant_id == self.tenant, _ROW.c.size == size)
        found = {witness: _parsed(line) for witness, line in self.session.connection().execute(rows)}
        return {witness: line for witness, line in found.items() if line is not None}

    def last(self, witness: str) -> tuple[int, NoteSignature | None]:
        """The largest size that a witness cosigned, 0 if none, and its line."""
        row = (
            self.session.connection()
            .execute(
                select(_ROW.c.size, _ROW.c.line)
                .where(_ROW.c.tenant_id == self.tenant, _ROW.c.witness == witness)
                .order_by(_ROW.c.size.desc())
                .limit(1)
            )
            .one_or_none()
        )
        return (0, None) if row is None else (row[0], _parsed(row[1]))

    def add(self, size: int, witness: str, line: NoteSignature, at: int) -> None:
        """Store a line that holds. The first of a key stays; one of another key takes its place."""
        held = self.lines(size).get(witness)
        values = {"line": line.line, "at": at}
        connection = self.session.connection()
        if held is not None and held.key_id != line.key_id:
            here = (_ROW.c.tenant_id == self.tenant) & (_ROW.c.size == size) & (_ROW.c.witness == witness)
            connection.execute(update(_ROW).where(here).values(values))
            return
        connection.execute(_ADD, {"tenant": self.tenant, "size": size, "witness": witness, **values})

    def sizes(self, witnesses: Sequence[str], least: int, *, above: int, most: int) -> Iterator[int]:
        """Sizes in `(above, most]` with lines by at least so many of these witnesses, smallest first."""
        while page := self._page(witnesses, least, above, most, _ROW.c.size.asc()):
            yield from page
            above = page[-1]

    def newest(self, witnesses: Sequence[str], least: int, *, most: int) -> Iterator[int]:
        """The same from the largest down."""
        while page := self._page(witnesses, least, -1, most, _ROW.c.size.desc()):
            yield from page
            most = page[-1] - 1

    def _page(
        self, witnesses: Sequence[str], least: int, above: int, most: int, order: ColumnElement[int]
    ) -> Sequence[int]:
        found = (
            select(_ROW.c.size)
            .where(
                _ROW.c.tenant_id == self.tenant,
                _ROW.c.size > above,
                _ROW.c.size <= most,
                _ROW.c.witness.in_(witnesses),
            )
            .group_by(_ROW.c.size)
            .having(func.count() >= least)
            .order_by(order)
            .limit(_PAGE)
        )
        return self.session.connection().scalars(found).all()


def _parsed(line: str) -> NoteSignature | None:
    try:
        return note.parse_line(line.removesuffix("\n"))
    except NoteMalformed:
        return None
