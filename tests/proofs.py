"""Builders for proof: a proofing service with a key of its own, attestations, guardians and heirs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from audit.ids import Entropy, fresh
from consent.age import Ages
from consent.kinship import Kin, Kinship, Office, Relation
from consent.proofing import Attestation, KeyedService, Method
from consent.proofservices import ProofServices
from consent.proving import Proving
from consent.signature import keygen
from consent.words import AgeBand, ProofLevel
from consenting import House

PAPER = "e" * 64


@dataclass(frozen=True)
class Prover:
    """A proofing service, on its own side."""

    name: str
    private: bytes
    key: str
    entropy: Entropy

    @classmethod
    def named(cls, name: str, entropy: Entropy) -> "Prover":
        private, public = keygen(entropy)
        return cls(name, private, public, entropy)

    def signed(self, now: datetime, **changes: Any) -> bytes:
        """An attestation of a newcomer, or of `person`; name what is different."""
        person = changes.get("person")
        fields: dict[str, Any] = {
            "tenant": "default",
            "service": self.name,
            "person": None,
            "handle": None if person else fresh(self.entropy),
            "level": ProofLevel.VERIFIED_IDENTITY,
            "method": Method.DOCUMENT,
            "ages": Ages(AgeBand.ADULT),
            "evidence": PAPER,
            "nonce": fresh(self.entropy),
            "issued_at": now,
            "expires_at": now + timedelta(days=1),
        }
        return KeyedService(self.private).attest(Attestation(**{**fields, **changes}))


def proving(house: House) -> Proving:
    return Proving(house.registry.people, ProofServices(house.ledger))


def an_adopted(house: House, session: Session, now: datetime, name: str = "notary") -> Prover:
    prover = Prover.named(name, house.entropy)
    ProofServices(house.ledger).adopt(session, name, prover.key, by="operator-1", now=now)
    return prover


def guards(house: House, session: Session, child: str, guardian: str, now: datetime) -> Kin:
    return kin(house, session, child, guardian, Office.GUARDIAN, now)


def inherits(house: House, session: Session, dead: str, heir: str, now: datetime) -> Kin:
    return kin(house, session, dead, heir, Office.HEIR, now)


def kin(house: House, session: Session, person: str, other: str, office: Office, now: datetime) -> Kin:
    relation = Relation.PARENT if office is Office.GUARDIAN else Relation.CHILD
    kinship = Kinship(house.ledger, house.entropy)
    return kinship.record(session, person, other, office, relation, PAPER, by="operator-1", now=now)
