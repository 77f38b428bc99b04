"""The library: sources, templates and their scan. The one writer of those rows."""

import json
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import sqlalchemy as core
from sqlmodel import Session, col, select

from audit.canonical import Json, canonical, digest
from audit.errors import BadInput
from consent.case import Matching
from swap import blocking, casting
from swap.casting import CastMember
from swap.errors import NoSuchThing, NotAnnounced, Tampered, WrongState
from swap.retention import AFTER, GONE, Kept
from swap.scan import Scan
from swap.source import Source
from swap.tables import ScanRow, SourceRow, TemplateRow

# What every decision asks is built once: putting a statement together costs more than running it.
_TEMPLATE = typing.cast(core.Table, TemplateRow.__table__)  # type: ignore[attr-defined]
_SOURCE = typing.cast(core.Table, SourceRow.__table__)  # type: ignore[attr-defined]
_THIS = (_TEMPLATE.c.tenant_id == core.bindparam("tenant"), _TEMPLATE.c.id == core.bindparam("template"))
_WITH_SOURCE = _TEMPLATE.join(
    _SOURCE, core.and_(_SOURCE.c.tenant_id == _TEMPLATE.c.tenant_id, _SOURCE.c.id == _TEMPLATE.c.source_id)
)
_OF_TEMPLATE = ("id", "source_id", "state", "frozen", "scan_digest", "published_by", "matching")
_OF_SOURCE = ("record", "received_digest", "media_digest", "announced_at")
_GET = (
    core.select(*(_TEMPLATE.c[name] for name in _OF_TEMPLATE), *(_SOURCE.c[name] for name in _OF_SOURCE))
    .select_from(_WITH_SOURCE)
    .where(*_THIS)
)
_SCANNED = typing.cast(core.Table, ScanRow.__table__)  # type: ignore[attr-defined]
_SCAN = core.select(_SCANNED.c.digest, _SCANNED.c.body, _SCANNED.c.verdicts).where(
    _SCANNED.c.tenant_id == core.bindparam("tenant"), _SCANNED.c.template_id == core.bindparam("template")
)
_SHARED = core.select(_TEMPLATE.c.id).where(*_THIS).with_for_update(read=True)
_EXCLUSIVE = core.select(_TEMPLATE.c.id).where(*_THIS).with_for_update()


class State(StrEnum):
    """How far a template came: to the right, or to `REFUSED`. Another cast, or
    another word on its tracks, takes it back to `SCANNED`.

    `PURGED` is the end of each: its bytes have reached their date.
    """

    ANNOUNCED = "announced"
    QUARANTINED = "quarantined"
    SCANNED = "scanned"
    PUBLISHED = "published"
    REFUSED = "refused"
    PURGED = "purged"


_HERE = tuple(state for state in State if state is not State.PURGED)


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
    announced_at: datetime
    matching: Matching = Matching.CLOSED_SET


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
    permit: str,
    now: datetime,
    matching: Matching = Matching.CLOSED_SET,
) -> None:
    """Register a source and the template to be made of it; no bytes yet, only their digest.

    `permit`: the decision that lets its bytes come in.
    """
    session.add(
        SourceRow(
            tenant_id=tenant,
            id=source_id,
            record=source.to_bytes(),
            received_digest=received,
            announced_at=now,
            retention=Kept.UNANSWERED,
            delete_after=now + AFTER[Kept.UNANSWERED],
        )
    )
    session.flush()
    row = TemplateRow(tenant_id=tenant, id=template, source_id=source_id, state="", changed_at=now)
    row.state, row.matching, row.taken_in_by = State.ANNOUNCED, matching, permit
    session.add(row)
    session.flush()


def amended(
    session: Session, tenant: str, template: str, members: Sequence[CastMember], *, now: datetime
) -> None:
    """Another cast: what was recognised and published was so of the former one, and ends with it."""
    row = _row(session, tenant, template, *_HERE)
    casting.declare(session, tenant, template, members)
    scan = session.get(ScanRow, (tenant, template))
    if scan is not None:
        scan.verdicts = None
        row.state = State.SCANNED
        session.add(scan)
    row.published_by, row.changed_at = None, now
    session.add(row)
    _keep(session, row, Kept.UNANSWERED, now + AFTER[Kept.UNANSWERED])
    session.flush()


def get(session: Session, tenant: str, template: str) -> Template:
    """One template with its source and cast. Raises `NoSuchThing`, `Tampered` for a damaged record."""
    # Columns, as they are now, whatever this session has seen before: callers lock first and read after.
    session.flush()
    row = session.connection().execute(_GET, {"tenant": tenant, "template": template}).first()
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
        cast=casting.of(session, tenant, template),
        announced_at=row.announced_at,
        matching=Matching(row.matching),
    )


def every(session: Session, tenant: str) -> Sequence[Template]:
    """All templates of a tenant, oldest first."""
    rows = session.exec(
        select(TemplateRow.id)
        .where(TemplateRow.tenant_id == tenant)
        .order_by(col(TemplateRow.changed_at), col(TemplateRow.id))
    )
    return [get(session, tenant, template) for template in rows]


def page(
    session: Session,
    tenant: str,
    after: tuple[datetime, str] | None,
    limit: int,
    *,
    naming: str | None = None,
) -> Sequence[Template]:
    """Templates in the order in which they were announced, from `after` (an instant and an id) on.

    `naming`: only those whose cast names this person.
    """
    at, template = col(SourceRow.announced_at), col(TemplateRow.id)
    query = (
        select(TemplateRow.id)
        .join(
            SourceRow,
            (col(SourceRow.tenant_id) == col(TemplateRow.tenant_id))
            & (col(SourceRow.id) == col(TemplateRow.source_id)),
        )
        .where(TemplateRow.tenant_id == tenant)
    )
    if after is not None:
        query = query.where((at > after[0]) | ((at == after[0]) & (template > after[1])))
    if naming is not None:
        query = query.where(template.in_(casting.naming(tenant, naming)))
    return [get(session, tenant, one) for one in session.exec(query.order_by(at, template).limit(limit))]


def quarantined(
    session: Session, tenant: str, template: str, *, received: str, media: str, marked: bool, now: datetime
) -> None:
    """The bytes are in, and are the announced ones. Raises `NotAnnounced` when they are others."""
    row = _row(session, tenant, template, State.ANNOUNCED)
    source = session.get_one(SourceRow, (tenant, row.source_id))
    if source.received_digest != received:
        raise NotAnnounced("the uploaded bytes are not the ones that were announced")
    blocking.expect_free(session, tenant, received, media)
    source.media_digest, source.marked = media, marked
    row.frozen = row.frozen or blocking.held(session, tenant, received, media)
    row.state, row.changed_at = State.QUARANTINED, now
    session.add_all([row, source])
    session.flush()


def purged(session: Session, tenant: str, template: str, *, now: datetime) -> None:
    """The bytes of a template go, and with them what was seen in them. Its record stays, as evidence."""
    row = _row(session, tenant, template, *_HERE)
    session.exec(
        core.delete(ScanRow).where(col(ScanRow.tenant_id) == tenant, col(ScanRow.template_id) == template)
    )
    row.state, row.published_by, row.changed_at = State.PURGED, None, now
    session.add(row)
    source = session.get_one(SourceRow, (tenant, row.source_id), populate_existing=True)
    source.retention, source.delete_after = GONE, None
    session.add(source)
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


def matched(
    session: Session, tenant: str, template: str, cast: Sequence[CastMember], verdicts: Mapping[str, Json]
) -> None:
    """Keep what was said of each track: a person's id or none, never a score. Another word ends publication.

    `cast`: whom the tracks were compared with. Raises `WrongState` when it is no longer the declared one.
    """
    row = _row(session, tenant, template, State.SCANNED, State.PUBLISHED, State.REFUSED)
    if get(session, tenant, template).cast != tuple(cast):
        # Amended meanwhile: these verdicts would put people into the new cast who were never in it.
        raise WrongState(f"the cast of template {template} was amended while its tracks were compared")
    scan = session.get_one(ScanRow, (tenant, template), populate_existing=True)
    if row.state == State.PUBLISHED and scan.verdicts != canonical(verdicts):
        row.state, row.published_by = State.SCANNED, None
    scan.verdicts = canonical(verdicts)
    session.flush()


def unmatched(session: Session, tenant: str, template: str) -> None:
    """Nobody is said to be on any track any more, and the template is published no longer."""
    row = _row(session, tenant, template, State.SCANNED, State.PUBLISHED, State.REFUSED)
    session.get_one(ScanRow, (tenant, template), populate_existing=True).verdicts = None
    row.state, row.published_by = State.SCANNED, None
    session.flush()


_SMALL = 1 << 20
"""Bytes of a scan that is kept parsed; a longer one takes many times its size, and is read each time."""
_remembered = lru_cache(maxsize=32)(Scan.from_bytes)
"""By their bytes: the same bytes are the same scan. A published template is asked about for every swap."""


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
    small = len(stored.body) <= _SMALL
    scan = _remembered(stored.body) if small else Scan.from_bytes(stored.body)
    # What could be read is canonical, so its digest is that of its bytes.
    if (
        not digest(stored.body) == stored.digest == template.scan_digest
        or scan.media_digest != template.media_digest
    ):
        raise Tampered(f"the scan of template {template.id} is not the one that was recorded")
    return scan, stored.verdicts


def decided(
    session: Session,
    tenant: str,
    template: str,
    *,
    published_by: str | None,
    keep_until: datetime | None,
    now: datetime,
) -> None:
    """Publish under a decision, or note that it was refused (a refused template may ask again).

    A freeze stays: the gate publishes nothing that is frozen. `keep_until`: of a published template, the
    first date that its people set; of one that is held, when the hold becomes a refusal.
    """
    row = _row(session, tenant, template, State.SCANNED, State.PUBLISHED, State.REFUSED)
    row.state = State.REFUSED if published_by is None else State.PUBLISHED
    row.published_by = published_by
    row.changed_at = now
    session.add(row)
    if published_by is not None:
        _keep(session, row, Kept.PUBLISHED, keep_until)
    else:
        _keep(session, row, Kept.REFUSED, (keep_until or now) + AFTER[Kept.REFUSED])
    session.flush()


def freeze_resting_on(session: Session, tenant: str, authorization: str, *, now: datetime) -> Sequence[str]:
    """Freeze every template whose cast names this authorization, for good; those that were not frozen."""
    ids = casting.resting_on(session, tenant, authorization)
    fresh = freeze(session, tenant, ids, now=now)
    for template in ids:
        _keep(session, _row(session, tenant, template, *State), Kept.WITHDRAWN, now + AFTER[Kept.WITHDRAWN])
    session.flush()
    return fresh


def freeze(session: Session, tenant: str, ids: Collection[str], *, now: datetime) -> Sequence[str]:
    """Freeze templates, in lock order; those that were not frozen before. Raises `NoSuchThing`."""
    changed = []
    for template in sorted(ids):
        row = _row(session, tenant, template, *State)
        if not row.frozen:
            row.frozen, row.changed_at = True, now
            session.add(row)
            changed.append(template)
    session.flush()
    return changed


def thaw(session: Session, tenant: str, ids: Collection[str], *, now: datetime) -> Sequence[str]:
    """Undo `freeze`, but never what a withdrawal froze; which."""
    changed = []
    for template in sorted(ids):
        row = _row(session, tenant, template, *State)
        source = session.get_one(SourceRow, (tenant, row.source_id), populate_existing=True)
        if row.frozen and source.retention not in {Kept.WITHDRAWN, GONE}:
            row.frozen, row.changed_at = False, now
            session.add(row)
            changed.append(template)
    session.flush()
    return changed


def lock(session: Session, tenant: str, template: str, *, exclusive: bool) -> None:
    """Lock the template's row: the first lock of the fixed order. SQLite's writers are alone anyway."""
    session.flush()
    statement, which = _EXCLUSIVE if exclusive else _SHARED, {"tenant": tenant, "template": template}
    if session.connection().execute(statement, which).first() is None:
        raise NoSuchThing(f"no template {template}")


def _keep(session: Session, row: TemplateRow, kept: Kept, until: datetime | None) -> None:
    """Another class and date, from here on. What was withdrawn stays so, and what is gone."""
    source = session.get_one(SourceRow, (row.tenant_id, row.source_id), populate_existing=True)
    if source.retention not in {Kept.WITHDRAWN, GONE}:
        source.retention, source.delete_after = kept, until
        session.add(source)


def _source(source: str, record: bytes) -> Source:
    try:
        return Source.from_json(json.loads(record))
    except (ValueError, AttributeError, TypeError, BadInput):
        raise Tampered(f"the record of source {source} can't be read") from None


def _row(session: Session, tenant: str, template: str, *states: State) -> TemplateRow:
    row = session.get(TemplateRow, (tenant, template), with_for_update=True, populate_existing=True)
    if row is None:
        raise NoSuchThing(f"no template {template}")
    if row.state not in states:
        raise WrongState(f"template {template} is {row.state}; expected {' or '.join(states)}")
    return row
