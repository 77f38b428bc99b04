"""Who may act for somebody: a guardian for a child, an heir for the dead, with the digest of the paper.

An operator looked at the paper (birth certificate, household register, court order) and says so; the
paper stays with him. Guardians: PIPL art. 31, Civil Code art. 27. Heirs: Civil Code art. 994, PIPL art. 49:
spouse, children, parents; others only where none of these lives.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from audit.remembered import Remembered
from consent import seals
from consent.capacity import Capacity
from consent.errors import DocumentMalformed
from consent.people import People
from consent.prooftables import KinRow
from consent.words import AgeBand

_SAID: Remembered[Mapping[str, Json]] = Remembered(256)


class Office(StrEnum):
    """In which office somebody acts. The words are in the log: they never change meaning."""

    GUARDIAN = "guardian"
    HEIR = "heir"


class Relation(StrEnum):
    """What she or he is to the person represented."""

    SPOUSE = "spouse"
    CHILD = "child"
    PARENT = "parent"
    OTHER_RELATIVE = "other-relative"
    COURT_APPOINTED = "court-appointed"


MAY_BE = {
    Office.GUARDIAN: frozenset({Relation.PARENT, Relation.OTHER_RELATIVE, Relation.COURT_APPOINTED}),
    Office.HEIR: frozenset({Relation.SPOUSE, Relation.CHILD, Relation.PARENT, Relation.OTHER_RELATIVE}),
}


class NotHerRepresentative(BadInput):
    """Somebody signs for a person without being recorded as her guardian or heir by that paper."""

    code = "NOT_HER_REPRESENTATIVE"
    zh = "签署人未登记为该人的监护人或近亲属，或所附证明摘要不符。"
    hint = "Record who may act for her first: `consentry kin record`, with the digest of the paper."
    hint_zh = "请先用 `consentry kin record` 登记代理关系及证明文件的摘要。"


class KinUnknown(BadInput):
    """Nobody acts for this person under this id, or not any more."""

    code = "KIN_UNKNOWN"
    zh = "该登记人没有此代理关系，或已终止。"
    hint = "List who may act for her: `GET /v1/people/{person}/kin`."
    hint_zh = "可通过 `GET /v1/people/{person}/kin` 查看其代理人。"


@dataclass(frozen=True, slots=True)
class Kin:
    """One who may act for a person in `[since, until)`."""

    id: str
    person: str
    representative: str
    office: Office
    relation: Relation
    evidence: str
    since: datetime
    until: datetime | None

    def acts(self, capacity: Capacity, at: datetime) -> bool:
        """Whether this is the one whom `capacity` names, by the same paper, at that instant."""
        named = capacity.guardian if self.office is Office.GUARDIAN else capacity.heir
        return (
            named is not None
            and (named.person, named.evidence) == (self.representative, self.evidence)
            and self.since <= at
            and (self.until is None or at < self.until)
        )


@dataclass(frozen=True, slots=True)
class Kinship:
    """Who may act for whom in one tenant."""

    ledger: Ledger
    entropy: Entropy

    def record(
        self,
        session: Session,
        person: str,
        representative: str,
        office: Office,
        relation: Relation,
        evidence: str,
        *,
        by: str,
        now: datetime,
    ) -> Kin:
        """Record it from `now` on. Raises `PersonUnknown`, `DocumentMalformed`."""
        people = People(self.ledger, self.entropy)
        her, other = people.get(session, person), people.get(session, representative)
        if relation not in MAY_BE[office]:
            raise DocumentMalformed(f"relation: expected one of {', '.join(sorted(MAY_BE[office]))}")
        if len(evidence) != 64 or set(evidence) - set("0123456789abcdef"):
            raise DocumentMalformed("evidence: expected the SHA-256 of the paper, in lower-case hex")
        if person == representative or other.age_at(now) is not AgeBand.ADULT or other.deceased_at:
            raise DocumentMalformed("representative: expected another person, living and of age")
        if office is Office.GUARDIAN and her.age_at(now) is AgeBand.ADULT:
            raise DocumentMalformed("office: an adult has no guardian here")
        kin = Kin(fresh(self.entropy), person, representative, office, relation, evidence, now, None)
        entry = self._say(session, "KinRecorded", kin, by, now, her.entry)
        session.add(
            KinRow(
                tenant_id=self.ledger.tenant,
                id=kin.id,
                person_id=person,
                representative=representative,
                office=str(office),
                relation=str(relation),
                evidence=evidence,
                since=now,
                entry=entry,
            )
        )
        session.flush()
        return kin

    def end(self, session: Session, person: str, kin: str, *, by: str, now: datetime) -> Kin:
        """End it now. What was signed before stays signed. Raises `KinUnknown`."""
        row = session.get(KinRow, (self.ledger.tenant, kin), with_for_update=True)
        if row is None or row.person_id != person or row.until is not None:
            raise KinUnknown("no such representation is in force")
        self._say(session, "KinEnded", _kin(row), by, now, row.entry)
        row.until = now
        session.add(row)
        session.flush()
        return _kin(row)

    def _say(self, session: Session, kind: str, kin: Kin, by: str, now: datetime, *refs: str) -> str:
        payload = {**_facts(kin), "by": by, "at": instant.exact(now)}
        part = seals.of_her(kind, kin.person, payload)
        return self.ledger.append(session, Fact(kind, (part,), refs), now).leaf_hash


def of(session: Session, ledger: Ledger, people: Collection[str]) -> dict[str, tuple[Kin, ...]]:
    """Who may or might have acted for these people, by person, as far as the log confirms it."""
    found: dict[str, list[Kin]] = {}
    rows = session.exec(
        select(KinRow)
        .where(KinRow.tenant_id == ledger.tenant, col(KinRow.person_id).in_(list(people)))
        .order_by(col(KinRow.since), col(KinRow.id))
    )
    for row in rows:
        if _confirmed(session, ledger, row):
            found.setdefault(row.person_id, []).append(_kin(row))
    return {person: tuple(kin) for person, kin in found.items()}


def is_heir(session: Session, ledger: Ledger, person: str, heir: str, *, now: datetime) -> bool:
    """Whether `heir` is recorded as one of hers now, whether she lives or not."""
    return any(
        kin.office is Office.HEIR
        and kin.representative == heir
        and kin.since <= now
        and (kin.until is None or now < kin.until)
        for kin in of(session, ledger, [person]).get(person, ())
    )


def _confirmed(session: Session, ledger: Ledger, row: KinRow) -> bool:
    subject = Subject("person", row.person_id)
    said = _SAID.of((row.person_id, row.entry), lambda: ledger.opened(session, row.entry, subject))
    # A row put in by hand names no entry that says so; it is nobody's authority.
    return (
        said is not None
        and {
            "kin": row.id,
            "person": row.person_id,
            "representative": row.representative,
            "office": row.office,
            "relation": row.relation,
            "evidence": row.evidence,
            "at": instant.exact(row.since),
        }.items()
        <= said.items()
    )


def _facts(kin: Kin) -> dict[str, Json]:
    return {
        "kin": kin.id,
        "person": kin.person,
        "representative": kin.representative,
        "office": str(kin.office),
        "relation": str(kin.relation),
        "evidence": kin.evidence,
    }


def _kin(row: KinRow) -> Kin:
    office, relation = Office(row.office), Relation(row.relation)
    return Kin(
        row.id, row.person_id, row.representative, office, relation, row.evidence, row.since, row.until
    )
