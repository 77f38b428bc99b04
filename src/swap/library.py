"""The library: sources, templates, their cast and their scan. The one writer of those rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete
from sqlmodel import Session, col, select

from audit.canonical import Json, canonical
from consent.words import Role
from swap.errors import NoSuchThing, NotAnnounced, WrongState
from swap.source import Source
from swap.tables import CastRow, ScanRow, SourceRow, TemplateRow


class State(StrEnum):
    """How far a template came. It only ever moves to the right, or to `REFUSED`."""

    ANNOUNCED = "announced"
    QUARANTINED = "quarantined"
    SCANNED = "scanned"
    PUBLISHED = "published"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CastMember:
    """One person the uploader says is in the picture, and the authorization she gave."""

    person: str
    role: Role
    authorization: str | None
    """None: named, and still to answer."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template as the library knows it."""

    id: str
    source_id: str
    source: Source
    state: State
    frozen: bool
    received_digest: str | None
    media_digest: str | None
    scan_digest: str | None
    published_by: str | None
    cast: tuple[CastMember, ...]


@dataclass(frozen=True, slots=True)
class StoredScan:
    """A scan's bytes and, once matched, its verdicts."""

    digest: str
    body: bytes
    verdicts: bytes | None


def announce(
    session: Session,
    tenant: str,
    template: str,
    source_id: str,
    source: Source,
    *,
    received: str,
    now: datetime,
) -> None:
    """Register a source and the template to be made of it; no bytes yet, only their digest."""
    session.add(
        SourceRow(
            tenant_id=tenant,
            id=source_id,
            record=source.to_bytes(),
            received_digest=received,
            announced_at=now,
        )
    )
    session.flush()
    session.add(
        TemplateRow(tenant_id=tenant, id=template, source_id=source_id, state=State.ANNOUNCED, changed_at=now)
    )
    session.flush()


def set_cast(session: Session, tenant: str, template: str, cast: Sequence[CastMember]) -> None:
    """Declare who is in the picture, all at once; the former declaration is replaced."""
    session.exec(
        delete(CastRow).where(col(CastRow.tenant_id) == tenant, col(CastRow.template_id) == template)
    )
    for member in cast:
        session.add(
            CastRow(
                tenant_id=tenant,
                template_id=template,
                person_id=member.person,
                role=member.role,
                authorization_id=member.authorization,
            )
        )
    session.flush()


def get(session: Session, tenant: str, template: str) -> Template:
    """One template with its source and cast. Raises `NoSuchThing`."""
    row = session.get(TemplateRow, (tenant, template), populate_existing=True)
    source = None if row is None else session.get(SourceRow, (tenant, row.source_id))
    if row is None or source is None:
        raise NoSuchThing(f"no template {template}")
    cast = session.exec(
        select(CastRow)
        .where(CastRow.tenant_id == tenant, CastRow.template_id == template)
        .order_by(col(CastRow.person_id), col(CastRow.role))
    )
    return Template(
        id=row.id,
        source_id=row.source_id,
        source=Source.from_json(json.loads(source.record)),
        state=State(row.state),
        frozen=row.frozen,
        received_digest=source.received_digest,
        media_digest=source.media_digest,
        scan_digest=row.scan_digest,
        published_by=row.published_by,
        cast=tuple(CastMember(m.person_id, Role(m.role), m.authorization_id) for m in cast),
    )


def every(session: Session, tenant: str) -> Sequence[Template]:
    """All templates of a tenant, oldest first."""
    rows = session.exec(
        select(TemplateRow.id)
        .where(TemplateRow.tenant_id == tenant)
        .order_by(col(TemplateRow.changed_at), col(TemplateRow.id))
    )
    return [get(session, tenant, template) for template in rows]


def quarantined(
    session: Session, tenant: str, template: str, *, received: str, media: str, now: datetime
) -> None:
    """The bytes are in, and are the announced ones. Raises `NotAnnounced` when they are others."""
    row = _row(session, tenant, template, State.ANNOUNCED)
    source = session.get_one(SourceRow, (tenant, row.source_id))
    if source.received_digest != received:
        raise NotAnnounced("the uploaded bytes are not the ones that were announced")
    source.media_digest = media
    row.state, row.changed_at = State.QUARANTINED, now
    session.add_all([row, source])
    session.flush()


def scanned(session: Session, tenant: str, template: str, *, digest: str, body: bytes, now: datetime) -> None:
    """Keep a scan. The same scan again changes nothing; another is a fault of ours."""
    row = _row(session, tenant, template, State.QUARANTINED, State.SCANNED, State.PUBLISHED, State.REFUSED)
    stored = session.get(ScanRow, (tenant, template))
    if stored is not None and stored.digest != digest:
        raise WrongState(f"template {template} already has another scan")
    if stored is None:
        session.add(ScanRow(tenant_id=tenant, template_id=template, digest=digest, body=body, scanned_at=now))
    row.scan_digest, row.changed_at = digest, now
    if row.state == State.QUARANTINED:
        row.state = State.SCANNED
    session.add(row)
    session.flush()


def matched(session: Session, tenant: str, template: str, verdicts: Mapping[str, Json]) -> None:
    """Keep what the matcher said of each track: a person's id or none, never a score."""
    scan = session.get_one(ScanRow, (tenant, template))
    scan.verdicts = canonical(verdicts)
    session.add(scan)
    session.flush()


def forget_verdicts(session: Session, tenant: str, template: str) -> None:
    """The cast changed: what was said of the tracks was said about another one."""
    scan = session.get(ScanRow, (tenant, template))
    if scan is not None:
        scan.verdicts = None
        session.add(scan)
        session.flush()


def scan_of(session: Session, tenant: str, template: str) -> StoredScan | None:
    """The template's scan, if it was scanned."""
    row = session.get(ScanRow, (tenant, template), populate_existing=True)
    return None if row is None else StoredScan(row.digest, row.body, row.verdicts)


def decided(session: Session, tenant: str, template: str, *, published_by: str | None, now: datetime) -> None:
    """Publish under a decision, or note that it was refused (a refused template may ask again)."""
    row = _row(session, tenant, template, State.SCANNED, State.PUBLISHED, State.REFUSED)
    row.state = State.REFUSED if published_by is None else State.PUBLISHED
    row.published_by = published_by
    row.frozen = False if published_by is not None else row.frozen
    row.changed_at = now
    session.add(row)
    session.flush()


def freeze_resting_on(session: Session, tenant: str, authorization: str, *, now: datetime) -> Sequence[str]:
    """Freeze every template whose cast names this authorization; the ids, in lock order."""
    ids = resting_on(session, tenant, authorization)
    for template in ids:
        row = session.get_one(TemplateRow, (tenant, template), with_for_update=True, populate_existing=True)
        row.frozen, row.changed_at = True, now
        session.add(row)
    session.flush()
    return ids


def resting_on(session: Session, tenant: str, authorization: str) -> Sequence[str]:
    """Templates whose cast names this authorization, in lock order."""
    return session.exec(
        select(CastRow.template_id)
        .where(CastRow.tenant_id == tenant, CastRow.authorization_id == authorization)
        .distinct()
        .order_by(col(CastRow.template_id))
    ).all()


def lock(session: Session, tenant: str, template: str, *, exclusive: bool) -> None:
    """Lock the template's row: the first lock of the fixed order. SQLite's writers are alone anyway."""
    statement = select(TemplateRow.id).where(TemplateRow.tenant_id == tenant, TemplateRow.id == template)
    if session.exec(statement.with_for_update(read=not exclusive)).first() is None:
        raise NoSuchThing(f"no template {template}")


def _row(session: Session, tenant: str, template: str, *states: State) -> TemplateRow:
    row = session.get(TemplateRow, (tenant, template), with_for_update=True, populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no template {template}")
    if row.state not in states:
        raise WrongState(f"template {template} is {row.state}; expected {' or '.join(states)}")
    return row
