"""Time stamps as rows: which authority stamped which checkpoint. What one is worth is asked at reading."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import LargeBinary, Row, Table, bindparam, func, select, text
from sqlmodel import Session

from audit.columns import Instant
from audit.tables import StampRow

_ROW = cast(Table, StampRow.__table__)  # type: ignore[attr-defined]
# One statement on both engines: of two processes that ask at once, the first one's stamp stays.
_ADD = text(
    "INSERT INTO log_stamp (tenant_id, size, authority, digest, response, says, at)"
    " VALUES (:tenant, :size, :authority, :digest, :response, :says, :at) ON CONFLICT DO NOTHING"
).bindparams(
    bindparam("response", type_=LargeBinary()),
    bindparam("says", type_=Instant()),
    bindparam("at", type_=Instant()),
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """One time stamp over one checkpoint."""

    size: int
    authority: str
    """The host that answered."""
    digest: str
    """Of the checkpoint as its log signed it."""
    response: bytes
    """A TimeStampResp (RFC 3161), in DER."""
    says: datetime
    """The authority's time."""
    at: datetime
    """When it was checked, by our clock."""


@dataclass(frozen=True, slots=True)
class StampRows:
    """One tenant's time stamps in one session."""

    tenant: str
    session: Session

    def add(self, stamp: Stamp) -> None:
        """Store a stamp that holds. The first over a checkpoint by an authority stays."""
        values = {name: getattr(stamp, name) for name in Stamp.__slots__}
        self.session.connection().execute(_ADD, {"tenant": self.tenant, **values})

    def last(self, authority: str) -> Stamp | None:
        """The one over the largest tree by this authority."""
        found = select(_ROW).where(_ROW.c.tenant_id == self.tenant, _ROW.c.authority == authority)
        row = self.session.connection().execute(found.order_by(_ROW.c.size.desc()).limit(1)).one_or_none()
        return None if row is None else _stamp(row)

    def newest(self, count: int) -> Sequence[Stamp]:
        """So many, over the largest trees first."""
        found = select(_ROW).where(_ROW.c.tenant_id == self.tenant)
        order = found.order_by(_ROW.c.size.desc(), _ROW.c.authority).limit(count)
        return [_stamp(row) for row in self.session.connection().execute(order)]

    def over(self, index: int) -> Iterator[Stamp]:
        """Those over trees with the entry at `index`, smallest first."""
        after = index
        while group := self._next(after):
            yield from group
            after = group[0].size

    def _next(self, after: int) -> Sequence[Stamp]:
        """All over the smallest stamped tree of more than `after` entries."""
        here = _ROW.c.tenant_id == self.tenant
        least = select(func.min(_ROW.c.size)).where(here, _ROW.c.size > after)
        found = select(_ROW).where(here, _ROW.c.size == least.scalar_subquery()).order_by(_ROW.c.authority)
        return [_stamp(row) for row in self.session.connection().execute(found)]


def _stamp(row: Row[Any]) -> Stamp:
    return Stamp(row.size, row.authority, row.digest, bytes(row.response), row.says, row.at)
