"""Published notices: kept whole, by digest, so that what people were shown stays readable."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import sqlalchemy as core
from sqlmodel import Session, select

from audit.canonical import digest
from audit.fact import Fact, Part, Seal, Subject
from audit.ledger import Ledger
from consent.errors import NoticeChanged
from consent.notice import Notice, read_notice
from consent.tables import NoticeRow

_NOTICE = cast(core.Table, NoticeRow.__table__)  # type: ignore[attr-defined]
_TEXTS = core.select(_NOTICE.c.sha256, _NOTICE.c.text).where(
    _NOTICE.c.tenant_id == core.bindparam("tenant"),
    _NOTICE.c.sha256.in_(core.bindparam("digests", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class Noticeboard:
    """The notices one tenant has published."""

    ledger: Ledger

    def publish(self, session: Session, notice: Notice, *, now: datetime) -> str:
        """Publish a notice; its leaf hash. The same one again changes nothing. Raises `NoticeChanged`."""
        tenant = self.ledger.tenant
        row = session.exec(
            select(NoticeRow).where(
                NoticeRow.tenant_id == tenant,
                NoticeRow.id == notice.id,
                NoticeRow.version == notice.version,
                NoticeRow.language == notice.language,
            )
        ).one_or_none()
        if row is not None and row.sha256 != notice.sha256:
            raise NoticeChanged(
                f"notice {notice.id} {notice.version} {notice.language} is published with another text"
            )
        if row is not None:
            return row.entry
        payload = {
            "id": notice.id,
            "version": notice.version,
            "language": notice.language,
            "sha256": notice.sha256,
        }
        part = Part(Subject("tenant", tenant), Seal.EVID, payload)
        entry = self.ledger.append(session, Fact("NoticePublished", (part,)), now)
        session.add(
            NoticeRow(
                tenant_id=tenant,
                sha256=notice.sha256,
                id=notice.id,
                version=notice.version,
                language=notice.language,
                text=notice.text,
                published_at=now,
                entry=entry.leaf_hash,
            )
        )
        session.flush()
        return entry.leaf_hash

    def find(self, session: Session, sha256: str) -> Notice | None:
        """The published notice with this digest, or None."""
        return self.published(session, [sha256]).get(sha256)

    def published(self, session: Session, digests: Collection[str]) -> dict[str, Notice]:
        """The published notices with these digests. Their texts are hashed again: a row can be edited."""
        which = {"tenant": self.ledger.tenant, "digests": list(digests)}
        found = {}
        for sha256, text in session.connection().execute(_TEXTS, which):
            data = text.encode()
            if digest(data) == sha256:
                found[sha256] = read_notice(data)
        return found
