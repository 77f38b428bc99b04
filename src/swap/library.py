"""The library: sources, templates, their cast and their scan. The one writer of those rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import sqlalchemy as core
from sqlalchemy import delete
from sqlmodel import Session, col, select

from audit.canonical import Json, canonical, digest
from audit.errors import BadInput
from consent.words import Role
from swap.errors import BadCast, NoSuchThing, NotAnnounced, Tampered, WrongState
from swap.scan import Scan
from swap.source import Source
from swap.tables import CastRow, ScanRow, SourceRow, TemplateRow

# What every decision asks is built once: putting a statement together costs more than running it.
_TEMPLATE = cast(core.Table, TemplateRow.__table__)  # type: ignore[attr-defined]
_SOURCE = cast(core.Table, SourceRow.__table__)  # type: ignore[attr-defined]
_THIS = (_TEMPLATE.c.tenant_id == core.bindparam("tenant"), _TEMPLATE.c.id == core.bindparam("template"))
_WITH_SOURCE = _TEMPLATE.join(
    _SOURCE, core.and_(_SOURCE.c.tenant_id == _TEMPLATE.c.tenant_id, _SOURCE.c.id == _TEMPLATE.c.source_id)
)
_STANDING = core.select(_TEMPLATE.c.frozen, _SOURCE.c.media_digest).select_from(_WITH_SOURCE).where(*_THIS)
_GET = (
    core.select(
        _TEMPLATE.c.id,
        _TEMPLATE.c.source_id,
        _TEMPLATE.c.state,
        _TEMPLATE.c.frozen,
        _TEMPLATE.c.scan_digest,
        _TEMPLATE.c.published_by,
        _SOURCE.c.record,
        _SOURCE.c.received_digest,
        _SOURCE.c.media_digest,
    )
    .select_from(_WITH_SOURCE)
    .where(*_THIS)
)
_SCANNED = cast(core.Table, ScanRow.__table__)  # type: ignore[attr-defined]
_SCAN = core.select(_SCANNED.c.digest, _SCANNED.c.body, _SCANNED.c.verdicts).where(
    _SCANNED.c.tenant_id == core.bindparam("tenant"), _SCANNED.c.template_id == core.bindparam("template")
)
_MEMBER = cast(core.Table, CastRow.__table__)  # type: ignore[attr-defined]
_CAST = (
    core.select(_MEMBER.c.person_id, _MEMBER.c.role, _MEMBER.c.authorization_id)
    .where(
        _MEMBER.c.tenant_id == core.bindparam("tenant"),
        _MEMBER.c.template_id == core.bindparam("template"),
    )
    .order_by(_MEMBER.c.person_id, _MEMBER.c.role)
)
_SHARED = core.select(_TEMPLATE.c.id).where(*_THIS).with_for_update(read=True)
_EXCLUSIVE = core.select(_TEMPLATE.c.id).where(*_THIS).with_for_update()


class State(StrEnum):
    """How far a template came: to the right, or to `REFUSED`. Another cast takes it back to `SCANNED`."""

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
    """Declare who is in the picture, all at once; the former declaration is replaced. Raises `BadCast`."""
    check_cast(cast)
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


def check_cast(cast: Sequence[CastMember]) -> None:
    """Each person once in a role, and nobody as donor: a donor is not in the picture. Raises `BadCast`."""
    if len({(member.person, member.role) for member in cast}) != len(cast):
        raise BadCast("somebody is declared twice in the same role")
    if any(member.role is Role.DONOR for member in cast):
        raise BadCast("a donor is declared as somebody in the picture")


def amended(
    session: Session, tenant: str, template: str, cast: Sequence[CastMember], *, now: datetime
) -> None:
    """Another cast: what was recognised and published was so of the former one, and ends with it."""
    row = _row(session, tenant, template, *State)
    set_cast(session, tenant, template, cast)
    scan = session.get(ScanRow, (tenant, template))
    if scan is not None:
        scan.verdicts = None
        row.state = State.SCANNED
        session.add(scan)
    row.published_by, row.changed_at = None, now
    session.add(row)
    session.flush()


def get(session: Session, tenant: str, template: str) -> Template:
    """One template with its source and cast. Raises `NoSuchThing`, `Tampered` for a damaged record."""
    # Columns, as they are now, whatever this session has seen before: callers lock first and read after.
    session.flush()
    connection, which = session.connection(), {"tenant": tenant, "template": template}
    row = connection.execute(_GET, which).first()
    if row is None:
        raise NoSuchThing(f"no template {template}")
    return Template(
        id=row.id,
        source_id=row.source_id,
        source=_source(row.source_id, row.record),
        state=State(row.state),
        frozen=row.frozen,
        received_digest=row.received_digest,
        media_digest=row.media_digest,
        scan_digest=row.scan_digest,
        published_by=row.published_by,
        cast=tuple(
            CastMember(person, Role(role), authorization)
            for person, role, authorization in connection.execute(_CAST, which)
        ),
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


def received_needed(session: Session, tenant: str, received: str) -> bool:
    """Whether a template was admitted from these received bytes: then they are evidence."""
    return _source_with(
        session, tenant, SourceRow.received_digest == received, col(SourceRow.media_digest).is_not(None)
    )


def media_needed(session: Session, tenant: str, media: str) -> bool:
    """Whether a template was admitted as this media."""
    return _source_with(session, tenant, SourceRow.media_digest == media)


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


def matched(
    session: Session, tenant: str, template: str, cast: Sequence[CastMember], verdicts: Mapping[str, Json]
) -> None:
    """Keep what the matcher said of each track: a person's id or none, never a score.

    `cast`: whom the tracks were compared with. Raises `WrongState` when it is no longer the declared one.
    """
    _row(session, tenant, template, State.SCANNED, State.PUBLISHED, State.REFUSED)
    if get(session, tenant, template).cast != tuple(cast):
        # Amended meanwhile: these verdicts would put people into the new cast who were never in it.
        raise WrongState(f"the cast of template {template} was amended while its tracks were compared")
    scan = session.get_one(ScanRow, (tenant, template), populate_existing=True)
    scan.verdicts = canonical(verdicts)
    session.add(scan)
    session.flush()


def scan_of(session: Session, tenant: str, template: str) -> StoredScan | None:
    """The template's scan, if it was scanned."""
    session.flush()
    row = session.connection().execute(_SCAN, {"tenant": tenant, "template": template}).first()
    return None if row is None else StoredScan(*tuple(row))


def seen(session: Session, tenant: str, template: Template) -> tuple[Scan, bytes | None]:
    """The recorded scan, checked, and what was said of its tracks.

    Raises `WrongState` before the first scan, `Tampered`, `ScanMalformed` for another than was recorded.
    """
    stored = scan_of(session, tenant, template.id)
    if stored is None:
        raise WrongState(f"template {template.id} was not scanned")
    scan = Scan.from_bytes(stored.body)
    # What could be read is canonical, so its digest is that of its bytes.
    if (
        not digest(stored.body) == stored.digest == template.scan_digest
        or scan.media_digest != template.media_digest
    ):
        raise Tampered(f"the scan of template {template.id} is not the one that was recorded")
    return scan, stored.verdicts


def decided(session: Session, tenant: str, template: str, *, published_by: str | None, now: datetime) -> None:
    """Publish under a decision, or note that it was refused (a refused template may ask again).

    A freeze stays: the gate publishes nothing that is frozen.
    """
    row = _row(session, tenant, template, State.SCANNED, State.PUBLISHED, State.REFUSED)
    row.state = State.REFUSED if published_by is None else State.PUBLISHED
    row.published_by = published_by
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


def standing(session: Session, tenant: str, template: str) -> tuple[bool, str | None] | None:
    """Whether the template is frozen, and its media digest: columns, as they are now. None: unknown."""
    session.flush()
    which = {"tenant": tenant, "template": template}
    found = session.connection().execute(_STANDING, which).first()
    return None if found is None else (found[0], found[1])


def lock(session: Session, tenant: str, template: str, *, exclusive: bool) -> None:
    """Lock the template's row: the first lock of the fixed order. SQLite's writers are alone anyway."""
    session.flush()
    statement, which = _EXCLUSIVE if exclusive else _SHARED, {"tenant": tenant, "template": template}
    if session.connection().execute(statement, which).first() is None:
        raise NoSuchThing(f"no template {template}")


def _source(source: str, record: bytes) -> Source:
    try:
        return Source.from_json(json.loads(record))
    except (ValueError, AttributeError, TypeError, BadInput):
        raise Tampered(f"the record of source {source} can't be read") from None


def _source_with(session: Session, tenant: str, *where: Any) -> bool:
    return session.exec(select(SourceRow.id).where(SourceRow.tenant_id == tenant, *where)).first() is not None


def _row(session: Session, tenant: str, template: str, *states: State) -> TemplateRow:
    row = session.get(TemplateRow, (tenant, template), with_for_update=True, populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no template {template}")
    if row.state not in states:
        raise WrongState(f"template {template} is {row.state}; expected {' or '.join(states)}")
    return row
