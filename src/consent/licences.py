"""How licences stand now: what a rule asks before it believes a digest (G-21, G-22).

A digest alone says that somebody has some file. Here it is a licence of the right kind, for this person
or this work, signed by whom it names, begun, and neither ended nor run out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as core
from sqlalchemy import bindparam
from sqlmodel import Session

from audit.canonical import NotCanonical
from audit.cells import Cells
from audit.errors import BadInput
from audit.keystore import KeysErased
from audit.sealing import SealBroken
from audit.several import Several
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
from consent.seals import Cell
from consent.signature import Evidence, check_evidence
from consent.standing import Lock


class Form(StrEnum):
    """How a licence is evidenced. PAPER is the weaker: somebody says that it exists and what is in it."""

    SIGNED = "signed"
    PAPER = "paper"


_REMEMBERED = 256
"""Licences of a service's usual casts, by their bytes. At their largest 34 MB; usually a thousandth."""
_LICENCE = cast(core.Table, LicenceRow.__table__)  # type: ignore[attr-defined]
_ENDING = cast(core.Table, LicenceEndingRow.__table__)  # type: ignore[attr-defined]
_SOURCE = cast(core.Table, LicenceSourceRow.__table__)  # type: ignore[attr-defined]


def _named(digests: Any, people: Any) -> core.CompoundSelect[Any]:
    return core.union(
        core.select(_LICENCE.c.id).where(
            _LICENCE.c.tenant_id == bindparam("tenant"),
            core.or_(_LICENCE.c.digest.in_(digests), _LICENCE.c.paper.in_(digests)),
        ),
        core.select(_LICENCE.c.id)
        .join(
            _SOURCE,
            core.and_(_SOURCE.c.tenant_id == _LICENCE.c.tenant_id, _SOURCE.c.licence_id == _LICENCE.c.id),
        )
        .where(
            _LICENCE.c.tenant_id == bindparam("tenant"),
            _SOURCE.c.source.in_([bindparam("source"), EVERY_SOURCE]),
            core.or_(_LICENCE.c.person_id.is_(None), _LICENCE.c.person_id.in_(people)),
        ),
    )


# Built once: putting a statement together costs more than running it.
_IDS: Any = bindparam("ids", expanding=True)
_ALL = (
    core.select(
        _LICENCE,
        core.select(core.func.min(_ENDING.c.ends_at))
        .where(_ENDING.c.tenant_id == _LICENCE.c.tenant_id, _ENDING.c.licence_id == _LICENCE.c.id)
        .scalar_subquery()
        .label("ended_at"),
    )
    .where(_LICENCE.c.tenant_id == bindparam("tenant"))
    .order_by(_LICENCE.c.id)
)
_NAMED = Several(lambda digests, people: core.select(_named(digests, people).subquery()), "digests", "people")
_ROWS = Several(lambda ids: _ALL.where(_LICENCE.c.id.in_(ids)), "ids")
_NAMED_ROWS = Several(
    lambda digests, people: _ALL.where(_LICENCE.c.id.in_(_named(digests, people))), "digests", "people"
)
_TO_LOCK = (
    core.select(_LICENCE.c.id)
    .where(_LICENCE.c.tenant_id == bindparam("tenant"), _LICENCE.c.id.in_(_IDS))
    .order_by(_LICENCE.c.id)
)
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
    cells: Cells,
    lock: Lock = None,
) -> dict[str, tuple[LicenceStanding, ...]]:
    """How the licences behind these digests stand: of the document itself, or of the paper it describes.

    And, under `ABOUT`, all that are registered of this video (as received) or of these people in it.

    Absent: nothing is registered under it; whether a mere digest is enough, the caller's rule says. Empty:
    what is registered under it was erased, and is good for nothing. One paper may hold several licences. With
    a lock it stays true until the commit; after authorizations in the order of locks.
    Raises `LicenceDiverged`.
    """
    wanted = sorted(set(digests))
    if not wanted:
        return {}
    session.flush()
    asked = {"tenant": tenant, "digests": wanted, "source": source, "people": sorted(set(people))}
    if _locks(session, lock):
        ids = _NAMED.run(session, asked).scalars().all()
        if not ids:
            return {}
        lock_licences(session, tenant, ids, lock)
        # A later statement: see `consent.hearing`.
        kept = _ROWS.run(session, {"tenant": tenant, "ids": ids}).all()
    else:
        kept = _NAMED_ROWS.run(session, asked).all()
    rows = readable(kept, cells)
    found: dict[str, list[LicenceStanding]] = {}
    for one in kept:
        found |= {str(name): [] for name in {one.digest, one.paper} & set(wanted)}
    ended = {row.id: [row.ended_at] for row in kept if row.ended_at is not None}
    for row, standing in zip(rows, _standings(session, tenant, rows, ended, now), strict=True):
        for name in {row.digest, row.paper} & set(wanted):
            found.setdefault(str(name), []).append(standing)
        if standing.licence.concerns(source, people):
            found.setdefault(ABOUT, []).append(standing)
    return {digest: tuple(them) for digest, them in found.items()}


def lock_licences(session: Session, tenant: str, ids: Collection[str], lock: Lock) -> None:
    """Take the locks, in order of id. Reads nothing anybody should use."""
    if not ids or not _locks(session, lock):
        return
    statement = _SHARED if lock == "share" else _EXCLUSIVE
    session.connection().execute(statement, {"tenant": tenant, "ids": list(ids)}).all()


def _locks(session: Session, lock: Lock) -> bool:
    # SQLite has no row locks: there the write session's BEGIN IMMEDIATE is the lock.
    return lock is not None and session.connection().dialect.name != "sqlite"


def endings(session: Session, tenant: str, ids: Collection[str]) -> dict[str, list[datetime]]:
    """When each of these licences was said to end, by licence."""
    rows = session.connection().execute(_ENDINGS, {"tenant": tenant, "ids": list(ids)})
    found: dict[str, list[datetime]] = {}
    for licence, ends_at in rows:
        found.setdefault(licence, []).append(ends_at)
    return found


@dataclass(frozen=True, slots=True)
class Readable:
    """A licence's row with what was signed, opened."""

    id: str
    digest: str
    paper: str | None
    person_id: str | None
    document: bytes
    evidence: bytes | None
    vouched_by: str
    received_at: datetime
    entry: str


def readable(rows: Sequence[Any], cells: Cells) -> list[Readable]:
    """These rows of `LicenceRow` as they were registered, without those that were erased.

    Raises `LicenceDiverged`.
    """
    found = []
    for row in rows:
        try:
            document = _opened(row, Cell.LICENCE, row.document, cells)
            evidence = None if row.evidence is None else _opened(row, Cell.LICENSED, row.evidence, cells)
        except KeysErased:
            continue
        except SealBroken:
            raise LicenceDiverged("what was signed is of another licence, or was changed") from None
        found.append(
            Readable(
                row.id,
                row.digest,
                row.paper,
                row.person_id,
                document,
                evidence,
                row.vouched_by,
                row.received_at,
                row.entry,
            )
        )
    return found


def _opened(row: Any, column: Cell, cell: bytes, cells: Cells) -> bytes:
    # A licence of a work is nobody's: it lies open.
    return cell if row.person_id is None else cells.open(column, row.id, row.person_id, cell)


def standings(
    session: Session, tenant: str, rows: Sequence[Readable], now: datetime
) -> list[LicenceStanding]:
    """How these licences stand, in their order. Raises `LicenceDiverged`."""
    return _standings(session, tenant, rows, endings(session, tenant, [row.id for row in rows]), now)


def _standings(
    session: Session,
    tenant: str,
    rows: Sequence[Readable],
    ended: Mapping[str, Sequence[datetime]],
    now: datetime,
) -> list[LicenceStanding]:
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
