"""The bytes of templates: who still needs them, and whose date has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from swap.retention import GONE, Kept
from swap.tables import SourceRow, TemplateRow


@dataclass(frozen=True, slots=True)
class Due:
    """A template whose date has come, and its bytes by digest."""

    template: str
    received: str | None
    media: str | None


def received_needed(session: Session, tenant: str, received: str) -> bool:
    """Whether a template was admitted from these received bytes: then they are evidence."""
    return _source_with(
        session,
        tenant,
        SourceRow.received_digest == received,
        col(SourceRow.media_digest).is_not(None),
        SourceRow.retention != GONE,
    )


def received(session: Session, tenant: str) -> frozenset[str]:
    """SHA-256 of all received bytes that are such evidence. No donor's photo, and nothing half received."""
    rows = select(SourceRow.received_digest).where(
        SourceRow.tenant_id == tenant, col(SourceRow.media_digest).is_not(None), SourceRow.retention != GONE
    )
    return frozenset(digest for digest in session.exec(rows) if digest is not None)


def media_needed(session: Session, tenant: str, media: str) -> bool:
    """Whether a template was admitted as this media."""
    return _source_with(session, tenant, SourceRow.media_digest == media, SourceRow.retention != GONE)


def awaited(session: Session, tenant: str, received: str, *, beside: str = "") -> bool:
    """Whether a template other than `beside` waits for these bytes: somebody may be sending them just now."""
    return _source_with(
        session,
        tenant,
        SourceRow.received_digest == received,
        col(SourceRow.media_digest).is_(None),
        SourceRow.retention != GONE,
        col(TemplateRow.tenant_id) == tenant,
        col(TemplateRow.source_id) == col(SourceRow.id),
        col(TemplateRow.id) != beside,
    )


def due(session: Session, tenant: str, kept: Kept, *, now: datetime, limit: int) -> Sequence[Due]:
    """Templates of a class whose date has come, locked in lock order."""
    of_it = (
        TemplateRow.tenant_id == tenant,
        col(TemplateRow.source_id) == col(SourceRow.id),
        SourceRow.tenant_id == tenant,
        SourceRow.retention == kept,
        col(SourceRow.delete_after) <= now,
    )
    ids = session.exec(
        select(TemplateRow.id)
        .where(*of_it)
        .order_by(col(TemplateRow.id))
        .limit(limit)
        .with_for_update(of=TemplateRow)
    ).all()
    # Again, in a later statement: somebody may have answered while we waited for the row.
    rows = session.exec(
        select(TemplateRow.id, SourceRow.received_digest, SourceRow.media_digest)
        .where(*of_it, col(TemplateRow.id).in_(ids))
        .order_by(col(TemplateRow.id))
    )
    return [Due(*row) for row in rows]


def _source_with(session: Session, tenant: str, *where: Any) -> bool:
    return session.exec(select(SourceRow.id).where(SourceRow.tenant_id == tenant, *where)).first() is not None


def made_of(session: Session, tenant: str, digest: str) -> Sequence[str]:
    """Templates whose bytes, as received or as normalised, have this SHA-256."""
    return session.exec(
        select(TemplateRow.id)
        .join(
            SourceRow,
            (col(SourceRow.tenant_id) == col(TemplateRow.tenant_id))
            & (col(SourceRow.id) == col(TemplateRow.source_id)),
        )
        .where(
            TemplateRow.tenant_id == tenant,
            (col(SourceRow.received_digest) == digest) | (col(SourceRow.media_digest) == digest),
        )
        .order_by(col(TemplateRow.id))
    ).all()
