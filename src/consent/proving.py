"""From an attestation to a proof: enrolling a newcomer by it, or proving anew somebody who is enrolled.

The level recorded is the one attested, never more. An attestation is used once; its signed bytes are kept,
so that who asks years later how it was known is answered by the service's own signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlmodel import Session, select

from audit.canonical import Json
from consent import seals
from consent.people import PROVEN, People
from consent.person import Person, Proof
from consent.proofing import AttestationRefused, Signed, read_signed
from consent.proofservices import ProofServices
from consent.prooftables import AttestationRow

SKEW = timedelta(seconds=60)
"""How far the service's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Proving:
    """Proves one tenant's people by what adopted services attest."""

    people: People
    services: ProofServices

    def enrol(self, session: Session, signed: bytes, *, now: datetime) -> Person:
        """Enrol a newcomer. Raises `AttestationRefused`; then nothing was written."""
        shown = self._checked(session, signed, now)
        handle = shown.attestation.handle
        if handle is None:
            raise AttestationRefused("it is about somebody who is enrolled already")
        known = select(AttestationRow).where(
            AttestationRow.tenant_id == self.people.ledger.tenant, AttestationRow.handle == handle
        )
        if session.exec(known).one_or_none() is not None:
            # Two enrolments of one handle would be one human being as two people: two casts, two voices.
            raise AttestationRefused("its handle has been enrolled already")
        ages = shown.attestation.ages
        evidence = _evidence(shown, signed)
        proof = _proof(shown, now)
        person = self.people.enrol(session, proof, ages.band, now=now, ages=ages, evidence=evidence)
        self._keep(session, shown, signed, person.id, now)
        return person

    def reprove(self, session: Session, person: str, signed: bytes, *, now: datetime) -> Person:
        """Prove her anew: level and age are what this attestation says, higher or lower than before.

        Not additive on purpose: who is proven as an account today is no live capture of last year.
        Raises `AttestationRefused`, `PersonUnknown`; then nothing was written.
        """
        shown = self._checked(session, signed, now)
        if shown.attestation.person != person:
            raise AttestationRefused("it is about somebody else")
        before = self.people.locked(session, person)
        if before.deceased_at is not None:
            raise AttestationRefused("the person is recorded as deceased")
        wanted = replace(before, proof=_proof(shown, now), ages=shown.attestation.ages)
        after = self.people.restate(session, wanted, PROVEN, _evidence(shown, signed), now=now)
        self._keep(session, shown, signed, person, now)
        return after

    def _checked(self, session: Session, signed: bytes, now: datetime) -> Signed:
        shown = read_signed(signed)
        said = shown.attestation
        # Locked: whoever comes with the same attestation waits here, and then reads that it is used.
        service = self.services.locked(session, shown.key)
        if service is None or not service.counts(said.service, now):
            raise AttestationRefused("the key is not adopted for this service, or no longer in use")
        if said.tenant != self.people.ledger.tenant:
            raise AttestationRefused("it is for another tenant")
        if said.issued_at > now + SKEW:
            raise AttestationRefused("it was issued in the future")
        if now >= said.expires_at:
            raise AttestationRefused("it has expired")
        if session.get(AttestationRow, (self.people.ledger.tenant, said.nonce)) is not None:
            raise AttestationRefused("it has been used before")
        return shown

    def _keep(self, session: Session, shown: Signed, signed: bytes, person: str, now: datetime) -> None:
        session.add(
            AttestationRow(
                tenant_id=self.people.ledger.tenant,
                nonce=shown.attestation.nonce,
                handle=shown.attestation.handle,
                person_id=person,
                key=shown.key,
                signed=self.people.ledger.cells.seal(
                    seals.Cell.ATTESTED, shown.attestation.nonce, person, signed
                ),
                received_at=now,
            )
        )
        session.flush()


def _proof(shown: Signed, now: datetime) -> Proof:
    said = shown.attestation
    return Proof(said.level, said.service, str(said.method), shown.key, now)


def _evidence(shown: Signed, signed: bytes) -> Mapping[str, Json]:
    return {"attestation": sha256(signed).hexdigest(), "evidence": shown.attestation.evidence}
