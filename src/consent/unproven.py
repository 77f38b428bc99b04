"""Contracts from before, kept as what they are: papers that say something, and no consent.

Nothing here makes an authorization, and nothing that decides reads these rows: a paper without the notice
she was shown and without her signature over a scope is no separate consent (PIPL art. 29; SPC 2021/15
art. 4). It is kept so that she can be asked anew, and so that nobody can say it was never there.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.fact import Fact, Subject
from audit.ids import fresh
from consent import seals
from consent.asking_errors import ContractKnown
from consent.asktables import UnprovenRow
from consent.errors import DocumentMalformed
from consent.people import People
from consent.strict import check_text
from consent.words import Purpose

KEPT = "ContractKeptUnproven"


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says a paper allows. The paper itself stays with him; a digest names it."""

    sha256: str
    purposes: frozenset[Purpose]
    person: str | None = None
    """Whom it is said to be of, if she is enrolled."""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A claim as it was brought in."""

    id: str
    claim: Claim
    by: str
    at: datetime
    entry: str


def bring_in(session: Session, people: People, claim: Claim, *, by: str, now: datetime) -> Contract:
    """Keep a claim. Raises `ContractKnown`, `PersonUnknown`, `DocumentMalformed`."""
    ledger, tenant = people.ledger, people.ledger.tenant
    check_text(by, "contract.by", at_most=200)
    if len(claim.sha256) != 64 or set(claim.sha256) - set("0123456789abcdef"):
        raise DocumentMalformed("contract.sha256: expected 64 lower-case hex digits")
    if claim.person is not None:
        people.get(session, claim.person)
    if _find(session, tenant, claim.sha256) is not None:
        raise ContractKnown("a contract with this digest was brought in before")
    contract = fresh(people.entropy)
    payload: dict[str, Json] = {
        "contract": contract,
        "sha256": claim.sha256,
        "person": claim.person or "",
        "claims": sorted(str(one) for one in claim.purposes),
        "until": "" if claim.until is None else instant.exact(claim.until),
        "by": by,
        "at": instant.exact(now),
    }
    subject = Subject("tenant", tenant) if claim.person is None else Subject("person", claim.person)
    fact = Fact(KEPT, (seals.part(KEPT, subject, payload),))
    row = UnprovenRow(
        tenant_id=tenant,
        id=contract,
        sha256=claim.sha256,
        person_id=claim.person,
        claims=",".join(sorted(claim.purposes)),
        claimed_until=claim.until,
        imported_by=by,
        imported_at=now,
        entry=ledger.append(session, fact, now).leaf_hash,
    )
    session.add(row)
    session.flush()
    return _read(row)


def contracts(
    session: Session, tenant: str, *, among: Collection[str | None] | None = None
) -> tuple[Contract, ...]:
    """All that were brought in, newest first; with `among` only those said to be of these people."""
    rows = session.exec(
        select(UnprovenRow)
        .where(UnprovenRow.tenant_id == tenant)
        .order_by(col(UnprovenRow.imported_at).desc(), col(UnprovenRow.id))
    )
    return tuple(_read(row) for row in rows if among is None or row.person_id in among)


def _find(session: Session, tenant: str, sha256: str) -> UnprovenRow | None:
    return session.exec(
        select(UnprovenRow).where(UnprovenRow.tenant_id == tenant, UnprovenRow.sha256 == sha256)
    ).one_or_none()


def _read(row: UnprovenRow) -> Contract:
    purposes = frozenset(Purpose(word) for word in row.claims.split(",") if word)
    claim = Claim(row.sha256, purposes, row.person_id, row.claimed_until)
    return Contract(row.id, claim, row.imported_by, row.imported_at, row.entry)
