"""Published notices: kept whole, by digest, so that what people were shown stays readable."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, cast

import sqlalchemy as core
from sqlmodel import Session, select

from audit.canonical import digest
from audit.fact import Fact, Part
from audit.ledger import Ledger
from audit.remembered import Remembered
from audit.several import Several
from consent.errors import NoticeChanged
from consent.notice import Notice, order, read_notice
from consent.tables import NoticeRow

_NOTICE = cast(core.Table, NoticeRow.__table__)  # type: ignore[attr-defined]
_TEXTS = core.select(_NOTICE.c.sha256, _NOTICE.c.text).where(
    _NOTICE.c.tenant_id == core.bindparam("tenant"),
    _NOTICE.c.sha256.in_(core.bindparam("digests", expanding=True)),
)

# All versions of the notices that consents name, and the texts of those named: each decision asks for both.
_NAMED = Several(
    lambda ids, digests: core.select(
        _NOTICE.c.id,
        _NOTICE.c.sha256,
        core.case((_NOTICE.c.sha256.in_(digests), _NOTICE.c.text)).label("text"),
    ).where(_NOTICE.c.tenant_id == core.bindparam("tenant"), _NOTICE.c.id.in_(ids)),
    "ids",
    "digests",
)

_RENEWS: Remembered[str] = Remembered(1024)
"""From which version on a text lets consents stand, by the text's digest, which fixes it."""


class _Named(Protocol):
    """A notice as a document names it (`consent.authorization.NoticeRef`)."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Renewals:
    """The earliest version, of each notice, under which a consent given still stands."""

    since: Mapping[str, str]

    def current(self, named: _Named) -> bool:
        """Whether consent given under this version stands. Of a notice that is not published: no."""
        return named.id in self.since and order(self.since[named.id]) <= order(named.version)


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
        part = Part.of_tenant(tenant, payload)
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
        return _read((row.sha256, row.text) for row in session.connection().execute(_TEXTS, which))

    def named(self, session: Session, refs: Collection[_Named]) -> tuple[dict[str, Notice], Renewals]:
        """The published notices that consents name, and what their other versions say of such consents."""
        which = {
            "tenant": self.ledger.tenant,
            "ids": sorted({ref.id for ref in refs}),
            "digests": sorted({ref.sha256 for ref in refs}),
        }
        rows = _NAMED.run(session, which).all()
        texts = _read((row.sha256, row.text) for row in rows if row.text is not None)
        since: dict[str, str] = {}
        unread: set[str] = set()
        for id_, sha256, _ in rows:
            renews = _RENEWS.of((id_, sha256), partial(self._renews, session, sha256))
            if renews is None:
                unread.add(id_)
            else:
                since[id_] = max(since.get(id_, ""), renews, key=order)
        # What can't be read may be the text that says so: an edited row must not revive a consent.
        return texts, Renewals({id_: version for id_, version in since.items() if id_ not in unread})

    def _renews(self, session: Session, sha256: str) -> str | None:
        notice = self.find(session, sha256)
        return None if notice is None else notice.renews


def _read(rows: Iterable[tuple[str, str]]) -> dict[str, Notice]:
    return {sha256: read_notice(data) for sha256, text in rows if digest(data := text.encode()) == sha256}
