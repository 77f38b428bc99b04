"""How licences stand now: what a rule asks before it believes a digest (G-21, G-22).

A digest alone says that somebody has some file. Here it is a licence of the right kind, for this person
or this work, signed by whom it names, begun, and neither ended nor run out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

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
        # The usual answer, at every decision: nothing is registered, so there is nothing to lock or to read.
        return {}
    chosen = (LicenceRow.tenant_id == tenant, col(LicenceRow.id).in_(ids))
    lock_licences(session, tenant, ids, lock)
    rows = session.exec(select(LicenceRow).where(*chosen).order_by(col(LicenceRow.id))).all()
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
    session.connection().execute(
        select(LicenceRow.id)
        .where(LicenceRow.tenant_id == tenant, col(LicenceRow.id).in_(ids))
        .order_by(col(LicenceRow.id))
        .with_for_update(read=lock == "share")
    ).all()


def endings(session: Session, tenant: str, ids: Collection[str]) -> dict[str, list[datetime]]:
    """When each of these licences was said to end, by licence."""
    rows = session.connection().execute(
        select(LicenceEndingRow.licence_id, LicenceEndingRow.ends_at).where(
            LicenceEndingRow.tenant_id == tenant, col(LicenceEndingRow.licence_id).in_(ids)
        )
    )
    found: dict[str, list[datetime]] = {}
    for licence, ends_at in rows:
        found.setdefault(licence, []).append(ends_at)
    return found


def standings(
    session: Session, tenant: str, rows: Sequence[LicenceRow], now: datetime
) -> list[LicenceStanding]:
    """How the licences of these rows stand, in their order. Raises `LicenceDiverged`."""
    read = [_read(row, tenant) for row in rows]
    shown = {row.id: _evidence(row) for row in rows}
    keys = enrolled(session, tenant, {one.key for one in shown.values() if one is not None})
    signers = {one.signatory.id for one in read if one.signatory.kind is SignatoryKind.PARTY}
    registered = {id_: (p.key, p.method) for id_, p in parties(session, tenant, signers).items()}
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


def _read(row: LicenceRow, tenant: str) -> Licence:
    try:
        licence = parse_licence(row.document)
    except (BadInput, NotCanonical):
        raise LicenceDiverged("the stored bytes of a licence are none any more") from None
    filed = (row.id, row.digest, row.paper, row.person_id, tenant)
    if filed != (licence.id, licence.digest, licence.paper, licence.person, licence.tenant):
        raise LicenceDiverged("a licence is filed under another id, digest, person or tenant")
    return licence


def _evidence(row: LicenceRow) -> Evidence | None:
    """The evidence, if it signs the stored document; None without, or with a wrong one."""
    if row.evidence is None:
        return None
    try:
        shown = Evidence.parse(row.evidence)
        check_evidence(shown, to_sign_licence(row.document))
    except SignatureWrong:
        return None
    return shown
