"""People and their public keys. Nothing here can be searched by face or name."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from audit import instant
from audit.fact import Fact, Part, Seal, Subject
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent.errors import DocumentMalformed, KeyNotEnrolled, KeyTaken, PersonUnknown
from consent.person import Person, PersonKey, Proof
from consent.signature import ED25519, METHODS
from consent.strict import Fields, check_text
from consent.tables import PersonKeyRow, PersonRow
from consent.words import AgeBand, ProofLevel


@dataclass(frozen=True, slots=True)
class People:
    """The people of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def enrol(self, session: Session, proof: Proof, age: AgeBand, *, now: datetime) -> Person:
        """Enrol somebody: a fresh id, her proof level and age band. No face and no key yet.

        A reference is made later and only on her consent (`consent.enrolment`).
        """
        for name, text in (("by", proof.by), ("how", proof.how)):
            check_text(text, f"proof.{name}", at_most=200)
        tenant, person = self.ledger.tenant, fresh(self.entropy)
        payload = {
            "person": person,
            "proof": str(proof.level),
            "by": proof.by,
            "how": proof.how,
            "age": str(age),
            "at": instant.exact(now),
        }
        entry = self.ledger.append(session, _fact("PersonEnrolled", person, payload), now)
        session.add(
            PersonRow(
                tenant_id=tenant,
                id=person,
                proof=str(proof.level),
                age=str(age),
                enrolled_at=now,
                enrolled_by=proof.by,
                enrolled_how=proof.how,
                entry=entry.leaf_hash,
            )
        )
        session.flush()
        return Person(tenant, person, proof, age, now, entry.leaf_hash)

    def correct(
        self, session: Session, person: str, proof: Proof, age: AgeBand, *, evidence: str, now: datetime
    ) -> Person:
        """Correct how well she is known, or her age band, by new evidence (SHA-256 of it; PIPL art. 46).

        Appended: what was enrolled stays in the log, and her enrolment names the correction from now on.
        Raises `PersonUnknown`, `DocumentMalformed`.
        """
        Fields({"evidence": evidence}, "correction").digest("evidence")
        for name, text in (("by", proof.by), ("how", proof.how)):
            check_text(text, f"proof.{name}", at_most=200)
        row = session.get(PersonRow, (self.ledger.tenant, person), with_for_update=True)
        if row is None:
            raise PersonUnknown(f"nobody is enrolled as {person!r:.40} in this tenant")
        payload = {
            "person": person,
            "proof": str(proof.level),
            "by": proof.by,
            "how": proof.how,
            "age": str(age),
            "evidence": evidence,
            "at": instant.exact(now),
        }
        entry = self.ledger.append(session, _fact("PersonCorrected", person, payload, row.entry), now)
        row.proof, row.age = str(proof.level), str(age)
        row.enrolled_by, row.enrolled_how, row.entry = proof.by, proof.how, entry.leaf_hash
        session.add(row)
        session.flush()
        return Person(row.tenant_id, person, proof, age, row.enrolled_at, row.entry)

    def enrol_key(
        self, session: Session, person: str, key: str, *, by: str, now: datetime, method: str = ED25519
    ) -> PersonKey:
        """Enrol a public key from `now` on. Raises `PersonUnknown`, `KeyTaken`, `DocumentMalformed`."""
        enrolled = self.get(session, person)
        if method not in METHODS or len(key) != 64 or set(key) - set("0123456789abcdef"):
            raise DocumentMalformed("key: expected an ed25519 public key as 64 lower-case hex digits")
        tenant = enrolled.tenant
        if session.get(PersonKeyRow, (tenant, key)) is not None:
            # Two people with one key could each be held to what the other signed.
            raise KeyTaken("this key is already enrolled in this tenant")
        payload = {"person": person, "key": key, "method": method, "by": by, "at": instant.exact(now)}
        entry = self.ledger.append(session, _fact("KeyEnrolled", person, payload, enrolled.entry), now)
        session.add(
            PersonKeyRow(
                tenant_id=tenant,
                key=key,
                person_id=person,
                method=method,
                valid_from=now,
                entry=entry.leaf_hash,
            )
        )
        session.flush()
        return PersonKey(person, key, method, now, None)

    def retire_key(self, session: Session, person: str, key: str, *, by: str, now: datetime) -> PersonKey:
        """End a key's time now. What it signed before stays signed. Raises `KeyNotEnrolled`."""
        row = session.get(PersonKeyRow, (self.ledger.tenant, key), with_for_update=True)
        if row is None or row.person_id != person or row.valid_until is not None:
            raise KeyNotEnrolled("no such key of hers is in use")
        payload = {"person": person, "key": key, "by": by, "at": instant.exact(now)}
        self.ledger.append(session, _fact("KeyRetired", person, payload, row.entry), now)
        row.valid_until = now
        session.add(row)
        session.flush()
        return _key(row)

    def get(self, session: Session, person: str) -> Person:
        """Her enrolment. Raises `PersonUnknown`; an id of another tenant is unknown here."""
        row = session.get(PersonRow, (self.ledger.tenant, person))
        if row is None:
            raise PersonUnknown(f"nobody is enrolled as {person!r:.40} in this tenant")
        proof = Proof(ProofLevel(row.proof), row.enrolled_by, row.enrolled_how)
        return Person(row.tenant_id, row.id, proof, AgeBand(row.age), row.enrolled_at, row.entry)

    def keys(self, session: Session, person: str) -> tuple[PersonKey, ...]:
        """All keys she ever had here, oldest first."""
        rows = session.exec(
            select(PersonKeyRow)
            .where(PersonKeyRow.tenant_id == self.ledger.tenant, PersonKeyRow.person_id == person)
            .order_by(PersonKeyRow.valid_from, PersonKeyRow.key)  # type: ignore[arg-type]
        )
        return tuple(_key(row) for row in rows)


def _key(row: PersonKeyRow) -> PersonKey:
    return PersonKey(row.person_id, row.key, row.method, row.valid_from, row.valid_until)


def _fact(kind: str, person: str, payload: dict[str, str], *refs: str) -> Fact:
    return Fact(kind, (Part(Subject("person", person), Seal.EVID, payload),), refs)
