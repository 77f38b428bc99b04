"""Uploads in parts: whose each is, how far it came, how many a tenant has open. One writer of the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from audit.ids import Entropy, fresh
from service.quotas import QuotaExceeded, in_turn
from service.tables import UploadRow
from swap.errors import NoSuchThing

KEPT = timedelta(hours=24)
"""After its last byte."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload, `offset` of `size` bytes of which are here for good."""

    id: str
    template: str
    owner: str
    size: int
    offset: int
    delete_after: datetime


@dataclass(frozen=True, slots=True)
class Uploads:
    """The uploads of one tenant: at most `most` at once, of `most_bytes` in all."""

    tenant: str
    most: int
    most_bytes: int
    entropy: Entropy

    def begin(self, session: Session, owner: str, template: str, size: int, *, now: datetime) -> Upload:
        """Open one. Raises `QuotaExceeded`: what is stated counts, not what has come."""
        in_turn(session, self.tenant, "uploads")
        stated = func.coalesce(func.sum(col(UploadRow.size)), 0)
        count, taken = session.exec(
            select(func.count(), stated)
            .select_from(UploadRow)
            .where(UploadRow.tenant_id == self.tenant, col(UploadRow.delete_after) > now)
        ).one()
        if count >= self.most:
            raise QuotaExceeded(f"{count} uploads are open; at most {self.most}")
        if int(taken) + size > self.most_bytes:
            raise QuotaExceeded(f"{taken} bytes are open; at most {self.most_bytes}")
        row = UploadRow(
            tenant_id=self.tenant,
            id=fresh(self.entropy),
            template_id=template,
            owner=owner,
            size=size,
            delete_after=now + KEPT,
        )
        session.add(row)
        session.flush()
        return _upload(row)

    def get(self, session: Session, upload: str, owner: str, *, now: datetime) -> Upload:
        """One of this owner. Raises `NoSuchThing`, also for somebody else's and for what has expired."""
        row = session.get(UploadRow, (self.tenant, upload), populate_existing=True)
        if row is None or row.owner != owner or row.delete_after <= now:
            raise NoSuchThing("no such upload here")
        return _upload(row)

    def advance(self, session: Session, upload: str, offset: int, *, now: datetime) -> None:
        """Note that so many bytes are on the disk. Raises `NoSuchThing` once it was deleted."""
        done = session.exec(
            update(UploadRow)
            .where(col(UploadRow.tenant_id) == self.tenant, col(UploadRow.id) == upload)
            .values(offset=offset, delete_after=now + KEPT)
        )
        if not done.rowcount:
            raise NoSuchThing("no such upload here")

    def forget(self, session: Session, upload: str) -> None:
        """Delete the row; its file has to be gone."""
        session.exec(
            delete(UploadRow).where(col(UploadRow.tenant_id) == self.tenant, col(UploadRow.id) == upload)
        )

    def due(self, session: Session, limit: int, *, now: datetime) -> Sequence[str]:
        """Those that have expired."""
        return session.exec(
            select(UploadRow.id)
            .where(UploadRow.tenant_id == self.tenant, col(UploadRow.delete_after) <= now)
            .order_by(col(UploadRow.id))
            .limit(limit)
        ).all()

    def known(self, session: Session, upload: str) -> bool:
        """Whether there is a row of it, of whomever."""
        return session.get(UploadRow, (self.tenant, upload)) is not None


def _upload(row: UploadRow) -> Upload:
    return Upload(row.id, row.template_id, row.owner, row.size, row.offset, row.delete_after)
