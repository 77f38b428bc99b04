"""People and their public keys. Nothing here can be searched by face or name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlmodel import Session, col, select

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.fact import Fact
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from consent import gone, seals
from consent.age import Ages
from consent.enrolled import facts
from consent.errors import KeyNotEnrolled, KeyTaken, PersonUnknown
from consent.person import Person, PersonKey, Proof
from consent.signature import ED25519, check_key
from consent.strict import Fields, check_text
from consent.tables import PersonKeyRow, PersonRow
from consent.words import AgeBand, ProofLevel

RETIRED = "KeyRetired"
PROVEN = "PersonProven"
"""The entry of whatever proves her anew: an operator's word, or an attestation."""


class ProofNotAttested(BadInput):
    """A level that nobody's word gives: it needs what was measured, on top of a signed attestation."""

    code = "PROOF_NOT_ATTESTED"
    zh = "该核验级别须以身份核验服务的签名证明为基础，不能仅凭运营者声明。"
    hint = "Prove her identity with an attestation of an adopted proofing service; then make a live capture."
    hint_zh = "请先以已采纳的身份核验服务所签证明完成核验，再进行现场采集。"


class PersonDeceased(BadInput):
    """She is recorded as deceased: nobody is proved to be her, or makes a key as her."""

    code = "PERSON_DECEASED"
    zh = "该人已登记为死亡，不能再进行身份核验或创建密钥。"
    hint = "An heir signs with a key of his own. If it was an error, retract the death first."
    hint_zh = "近亲属应使用其本人的密钥签署；如登记有误，请先撤销死亡登记。"


@dataclass(frozen=True, slots=True)
class People:
    """The people of one tenant."""

    ledger: Ledger
    entropy: Entropy

    def enrol(
        self,
        session: Session,
        proof: Proof,
        age: AgeBand,
        *,
        now: datetime,
        ages: Ages | None = None,
        evidence: Mapping[str, Json] | None = None,
    ) -> Person:
        """Enrol somebody: a fresh id, her proof level and age band. No face and no key yet.

        A reference is made later and only on her consent (`consent.enrolment`). `ages`: when her band
        ends; `evidence`: more for the sealed entry. Raises `DocumentMalformed`, `ProofNotAttested`.
        """
        _check(proof)
        proof, known = _received(proof, now), ages or Ages(age)
        tenant, person = self.ledger.tenant, fresh(self.entropy)
        enrolled = Person(tenant, person, proof, known.band, now, "", known)
        entry = self._say(session, "PersonEnrolled", enrolled, evidence or {}, now)
        session.add(
            PersonRow(
                tenant_id=tenant,
                id=person,
                proof=str(proof.level),
                age=str(known.band),
                enrolled_at=now,
                enrolled_by=proof.by,
                enrolled_how=proof.how,
                entry=entry,
                attested_by=proof.attested_by,
                attested_at=proof.attested_at,
                fourteen_from=known.fourteen_from,
                adult_from=known.adult_from,
            )
        )
        session.flush()
        return replace(enrolled, entry=entry)

    def restate(
        self, session: Session, now_is: Person, kind: str, evidence: Mapping[str, Json], *, now: datetime
    ) -> Person:
        """Record what is known of her from now on, as an entry of `kind`. The caller holds her `locked`."""
        _check(now_is.proof)
        entry = self._say(session, kind, now_is, evidence, now, now_is.entry)
        row = session.get_one(PersonRow, (self.ledger.tenant, now_is.id))
        row.proof, row.enrolled_by, row.enrolled_how = (
            str(now_is.proof.level),
            now_is.proof.by,
            now_is.proof.how,
        )
        row.attested_by, row.attested_at = now_is.proof.attested_by, now_is.proof.attested_at
        row.age, row.deceased_at = str(now_is.ages.band), now_is.deceased_at
        row.fourteen_from, row.adult_from = now_is.ages.fourteen_from, now_is.ages.adult_from
        row.entry = entry
        session.add(row)
        session.flush()
        return replace(now_is, age=now_is.ages.band, entry=entry)

    def locked(self, session: Session, person: str) -> Person:
        """Her enrolment, which nobody else changes until the commit. Raises `PersonUnknown`."""
        key = (self.ledger.tenant, person)
        session.get(PersonRow, key, with_for_update=True, populate_existing=True)
        return self.get(session, person)

    def prove(self, session: Session, person: str, proof: Proof, *, now: datetime) -> Person:
        """Record anew how it is known who she is, better or worse: the last proof counts from now on.

        For which of her keys it speaks: `consent.vouching`.
        Raises `PersonUnknown`, `PersonDeceased`, `ProofNotAttested`.
        """
        known = self.locked(session, person)
        expect_living(known)
        return self.restate(session, replace(known, proof=_received(proof, now)), PROVEN, {}, now=now)

    def correct(
        self, session: Session, person: str, proof: Proof, age: AgeBand, *, evidence: str, now: datetime
    ) -> Person:
        """Correct how well she is known, or her age band, by new evidence (SHA-256 of it; PIPL art. 46).

        Appended: what was enrolled stays in the log, and her enrolment names the correction from now on.
        Raises `PersonUnknown`, `DocumentMalformed`.
        """
        Fields({"evidence": evidence}, "correction").digest("evidence")
        known = self.locked(session, person)
        ages = known.ages if age is known.ages.band else Ages(age)
        changed = replace(known, proof=_received(proof, now), ages=ages)
        return self.restate(session, changed, "PersonCorrected", {"evidence": evidence}, now=now)

    def enrol_key(
        self,
        session: Session,
        person: str,
        key: str,
        *,
        by: str,
        now: datetime,
        method: str = ED25519,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> PersonKey:
        """Enrol a public key from `now` on.

        Raises `PersonUnknown`, `PersonErased`, `KeyTaken`, `DocumentMalformed`.
        A passkey comes in through `consent.passkeys`, with the registration that made it.
        """
        gone.expect_here(session, self.ledger.tenant, person)
        enrolled = self.get(session, person)
        check_key(method, key)
        tenant = enrolled.tenant
        if session.get(PersonKeyRow, (tenant, key)) is not None:
            # Two people with one key could each be held to what the other signed.
            raise KeyTaken("this key is already enrolled in this tenant")
        payload = {**extra, "person": person, "key": key, "method": method, "by": by}
        payload["at"] = instant.exact(now)
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
        payload = {"person": person, "key": key, "by": by, "at": instant.exact(now), "enrolled": row.entry}
        entry = self.ledger.append(session, _fact(RETIRED, person, payload, row.entry), now)
        row.valid_until, row.entry = now, entry.leaf_hash
        session.add(row)
        session.flush()
        return _key(row)

    def every(self, session: Session) -> tuple[str, ...]:
        """The ids of all who were ever enrolled here."""
        return tuple(session.exec(select(PersonRow.id).where(PersonRow.tenant_id == self.ledger.tenant)))

    def keys_in_use(self, session: Session) -> dict[str, str]:
        """Whose each public key is that has not ended."""
        query = select(PersonKeyRow.key, PersonKeyRow.person_id).where(
            PersonKeyRow.tenant_id == self.ledger.tenant, col(PersonKeyRow.valid_until).is_(None)
        )
        return dict(session.exec(query).all())

    def get(self, session: Session, person: str) -> Person:
        """Her enrolment. Raises `PersonUnknown`; an id of another tenant is unknown here."""
        row = session.get(PersonRow, (self.ledger.tenant, person))
        if row is None:
            raise _unknown(person)
        proof = Proof(
            ProofLevel(row.proof), row.enrolled_by, row.enrolled_how, row.attested_by, row.attested_at
        )
        ages = Ages(AgeBand(row.age), row.fourteen_from, row.adult_from)
        return Person(
            row.tenant_id, row.id, proof, ages.band, row.enrolled_at, row.entry, ages, row.deceased_at
        )

    def keys(self, session: Session, person: str) -> tuple[PersonKey, ...]:
        """All keys she ever had here, oldest first."""
        rows = session.exec(
            select(PersonKeyRow)
            .where(PersonKeyRow.tenant_id == self.ledger.tenant, PersonKeyRow.person_id == person)
            .order_by(PersonKeyRow.valid_from, PersonKeyRow.key)  # type: ignore[arg-type]
        )
        return tuple(_key(row) for row in rows)

    def _say(
        self,
        session: Session,
        kind: str,
        one: Person,
        evidence: Mapping[str, Json],
        now: datetime,
        *refs: str,
    ) -> str:
        payload: dict[str, Json] = {
            **evidence,
            **facts(one.proof, one.ages, one.deceased_at),
            "person": one.id,
            "by": one.proof.by,
            "how": one.proof.how,
            "at": instant.exact(now),
        }
        return self.ledger.append(session, _fact(kind, one.id, payload, *refs), now).leaf_hash


def expect_living(her: Person) -> None:
    """Raise `PersonDeceased` where her death is recorded."""
    if her.deceased_at is not None:
        raise PersonDeceased("she is recorded as deceased")


def _check(proof: Proof) -> None:
    for name, text in (("by", proof.by), ("how", proof.how)):
        check_text(text, f"proof.{name}", at_most=200)
    if proof.level is ProofLevel.LIVE_CAPTURE and proof.attested_by is None:
        raise ProofNotAttested("a live capture counts on top of an attested identity only")


def _received(proof: Proof, now: datetime) -> Proof:
    return proof if proof.attested_at is not None else replace(proof, attested_at=now)


def _unknown(person: str) -> PersonUnknown:
    return PersonUnknown(f"nobody is enrolled as {person!r:.40} in this tenant")


def _key(row: PersonKeyRow) -> PersonKey:
    return PersonKey(row.person_id, row.key, row.method, row.valid_from, row.valid_until)


def _fact(kind: str, person: str, payload: Mapping[str, Json], *refs: str) -> Fact:
    return Fact(kind, (seals.of_her(kind, person, payload),), refs)
