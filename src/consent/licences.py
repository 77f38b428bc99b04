"""How licences stand now: what a rule asks before it believes a digest (G-21, G-22).

A digest alone says that somebody has some file. Here it is a licence of the right kind, for this person
or this work, signed by whom it names, begun, and neither ended nor run out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as core
from sqlalchemy import and_, bindparam, union
from sqlmodel import Session, col, or_, select

from audit.canonical import NotCanonical
from audit.errors import BadInput
from consent.admission import enrolled, key_held
from consent.asktables import LicenceEndingRow, LicenceRow, LicenceSourceRow
from consent.errors import SignatureWrong
from consent.licence import (
    EVERY_SOURCE,
    Licence,
    LicenceKind,
    Right,
    SignatoryKind,
    parse_licence,
    to_sign_licence,
)
from consent.parties import parties
from consent.rights_errors import LicenceDiverged
from consent.signature import Evidence, check_evidence
from consent.standing import Lock


class Form(StrEnum):
    """How a licence is evidenced. PAPER is the weaker: somebody says that it exists and what is in it."""

    SIGNED = "signed"
    PAPER = "paper"


# Built once: putting it together costs more than running it.
_DIGESTS: Any = bindparam("digests", expanding=True)
_PEOPLE: Any = bindparam("people", expanding=True)
_FOR = col(LicenceSourceRow.source)
_NAMED = union(
    select(col(LicenceRow.id)).where(
        col(LicenceRow.tenant_id) == bindparam("tenant"),
        or_(col(LicenceRow.digest).in_(_DIGESTS), col(LicenceRow.paper).in_(_DIGESTS)),
    ),
    select(col(LicenceRow.id))
    .join(
        LicenceSourceRow,
        and_(
            col(LicenceSourceRow.tenant_id) == col(LicenceRow.tenant_id),
            col(LicenceSourceRow.licence_id) == col(LicenceRow.id),
        ),
    )
    .where(
        col(LicenceRow.tenant_id) == bindparam("tenant"),
        _FOR.in_([bindparam("source"), EVERY_SOURCE]),
        or_(col(LicenceRow.person_id).is_(None), col(LicenceRow.person_id).in_(_PEOPLE)),
    ),
)
_REMEMBERED = 256
"""Licences of a service's usual casts, by their bytes. At their largest 34 MB; usually a thousandth."""
_LICENCE = cast(core.Table, LicenceRow.__table__)  # type: ignore[attr-defined]
_ENDING = cast(core.Table, LicenceEndingRow.__table__)  # type: ignore[attr-defined]
_IDS: Any = bindparam("ids", expanding=True)
_THESE = (_LICENCE.c.tenant_id == bindparam("tenant"), _LICENCE.c.id.in_(_IDS))
_ROWS = core.select(_LICENCE).where(*_THESE).order_by(_LICENCE.c.id)
_TO_LOCK = core.select(_LICENCE.c.id).where(*_THESE).order_by(_LICENCE.c.id)
_SHARED, _EXCLUSIVE = _TO_LOCK.with_for_update(read=True), _TO_LOCK.with_for_update()
_ENDINGS = core.select(_ENDING.c.licence_id, _ENDING.c.ends_at).where(
    _ENDING.c.tenant_id == bindparam("tenant"), _ENDING.c.licence_id.in_(_IDS)
)
ABOUT = ""
"""Where `licences` puts what is registered of these people in this video, and of the video, whatever it is
called: a digest is never empty."""


@dataclass(frozen=True, slots=True)
class LicenceStanding:
    """One licence at one instant."""

    licence: Licence
    form: Form
    in_force: bool
    """Signed by whom it names (or on paper), begun, neither ended nor run out."""
    ends_at: datetime | None
    """Term and endings together; None: open."""
    vouched_by: str
    """Who registered it; for paper, who answers for what it says."""
    entry: str


def clears_portrait(
    found: Sequence[LicenceStanding], person: str, source: str, rights: Collection[Right]
) -> bool:
    """Whether one of them licenses this person's portrait in this video, for all these rights, now (G-21).

    `source` is the SHA-256 of the video as received. A licence of a work never does.
    """
    return any(
        one.in_force
        and one.licence.kind is LicenceKind.PORTRAIT
        and one.licence.person == person
        and one.licence.covers(source, frozenset(rights))
        for one in found
    )


def clears_copyright(found: Sequence[LicenceStanding], source: str, rights: Collection[Right]) -> bool:
    """Whether one of them licenses this work, for all these rights, now (G-22)."""
    return any(
        one.in_force
        and one.licence.kind is LicenceKind.COPYRIGHT
        and one.licence.covers(source, frozenset(rights))
        for one in found
    )


def licences(
    session: Session,
    tenant: str,
    digests: Collection[str],
    now: datetime,
    *,
    source: str = "",
    people: Collection[str] = (),
    lock: Lock = None,
) -> dict[str, tuple[LicenceStanding, ...]]:
    """How the licences behind these digests stand: of the document itself, or of the paper it describes.

    And, under `ABOUT`, all that are registered of this video (as received) or of these people in it.

    Absent: nothing is registered under it; whether a mere digest is enough, the caller's rule says. One
    paper may hold several licences. With a lock it stays true until the commit; after authorizations in
    the order of locks. Raises `LicenceDiverged`.
    """
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    session.flush()
    asked = {"tenant": tenant, "digests": wanted, "source": source, "people": sorted(set(people))}
    ids = session.connection().execute(_NAMED, asked).scalars().all()
    if not ids:
        return {}
    lock_licences(session, tenant, ids, lock)
    rows = session.connection().execute(_ROWS, {"tenant": tenant, "ids": ids}).all()
    found: dict[str, list[LicenceStanding]] = {}
    for row, standing in zip(rows, standings(session, tenant, rows, now), strict=True):
        for name in {row.digest, row.paper} & set(wanted):
            found.setdefault(str(name), []).append(standing)
        if standing.licence.concerns(source, people):
            found.setdefault(ABOUT, []).append(standing)
    return {digest: tuple(them) for digest, them in found.items()}


def lock_licences(session: Session, tenant: str, ids: Collection[str], lock: Lock) -> None:
    """Take the locks, in order of id. Reads nothing anybody should use."""
    if lock is None or not ids or session.connection().dialect.name == "sqlite":
        return
    statement = _SHARED if lock == "share" else _EXCLUSIVE
    session.connection().execute(statement, {"tenant": tenant, "ids": list(ids)}).all()


def endings(session: Session, tenant: str, ids: Collection[str]) -> dict[str, list[datetime]]:
    """When each of these licences was said to end, by licence."""
    rows = session.connection().execute(_ENDINGS, {"tenant": tenant, "ids": list(ids)})
    found: dict[str, list[datetime]] = {}
    for licence, ends_at in rows:
        found.setdefault(licence, []).append(ends_at)
    return found


def standings(session: Session, tenant: str, rows: Sequence[Any], now: datetime) -> list[LicenceStanding]:
    """How the licences of these rows of `LicenceRow` stand, in their order. Raises `LicenceDiverged`."""
    read = [_read(row, tenant) for row in rows]
    shown = {row.id: _evidence(row) for row in rows}
    signed_by = {
        kind: {one.signatory.id for one in read if one.signatory.kind is kind and shown[one.id] is not None}
        for kind in SignatoryKind
    }
    persons, entities = signed_by[SignatoryKind.PERSON], signed_by[SignatoryKind.PARTY]
    keys = enrolled(session, tenant, {one.key for one in shown.values() if one}) if persons else {}
    found_parties = parties(session, tenant, entities) if entities else {}
    registered = {id_: (p.key, p.method) for id_, p in found_parties.items()}
    ended = endings(session, tenant, [row.id for row in rows])
    found = []
    for row, licence in zip(rows, read, strict=True):
        ends = [*ended.get(row.id, ()), *([] if licence.end is None else [licence.end])]
        ends_at = min(ends, default=None)
        evidence = shown[row.id]
        if evidence is None:
            signed = row.evidence is None and licence.paper is not None
        elif licence.signatory.kind is SignatoryKind.PARTY:
            signed = registered.get(licence.signatory.id) == (evidence.key, evidence.method)
        else:
            signed = key_held(keys, licence.signatory.id, evidence, at=row.received_at)
        found.append(
            LicenceStanding(
                licence=licence,
                form=Form.PAPER if row.evidence is None else Form.SIGNED,
                in_force=signed and licence.start <= now and (ends_at is None or now < ends_at),
                ends_at=ends_at,
                vouched_by=row.vouched_by,
                entry=row.entry,
            )
        )
    return found


def _read(row: Any, tenant: str) -> Licence:
    try:
        licence = _parsed(row.document)
    except (BadInput, NotCanonical):
        raise LicenceDiverged("the stored bytes of a licence are none any more") from None
    filed = (row.id, row.digest, row.paper, row.person_id, tenant)
    if filed != (licence.id, licence.digest, licence.paper, licence.person, licence.tenant):
        raise LicenceDiverged("a licence is filed under another id, digest, person or tenant")
    return licence


_parsed = lru_cache(maxsize=_REMEMBERED)(parse_licence)


def _evidence(row: Any) -> Evidence | None:
    """The evidence, if it signs the stored document; None without, or with a wrong one."""
    return None if row.evidence is None else _signed(row.document, row.evidence)


@lru_cache(maxsize=_REMEMBERED)
def _signed(document: bytes, evidence: bytes) -> Evidence | None:
    # What bytes say, and whether a signature over them is good, never changes: every swap asks. Whose key
    # it is, and when, is asked each time.
    try:
        shown = Evidence.parse(evidence)
        check_evidence(shown, to_sign_licence(document))
    except SignatureWrong:
        return None
    return shown
