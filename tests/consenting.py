"""Builders for consent: a registry with its ledger, journal and keys, people with keys, scopes, documents."""

import random
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session

from audit.ids import Entropy
from audit.journal import DenyJournal
from audit.kek import KekFile
from audit.keys import Duty, SigningKey
from audit.keystore import KeyStore
from audit.ledger import Ledger
from consent.attachment import Attachment
from consent.authorization import Authorization, Request, draw_up
from consent.capacity import Capacity, Representative
from consent.dimensions import DataClass, DonorRule, ExportMechanism, Modification, RevocationEffect
from consent.legal_entity import LegalEntity, Scheme
from consent.notice import Notice, load_notices
from consent.particulars import (
    Adviser,
    Particulars,
    PostMortem,
    Processor,
    ReplicaOrigin,
    Representation,
)
from consent.payment import Basis, Payment
from consent.person import Person, Proof
from consent.portraits import Portraits
from consent.registry import Granted, Registry
from consent.scope import Export, Scope
from consent.signature import keygen, sign, to_sign
from consent.term import Term
from consent.words import AgeBand, Audience, Modality, Monetisation, ProofLevel, Purpose, Role

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOTICES = Path(__file__).parent.parent / "policies" / "notices"
SWAP = frozenset(
    {
        Purpose.MATCHING,
        Purpose.REMOTE_STORE_TRANSMIT,
        Purpose.MAKE_TEMPLATE,
        Purpose.PUBLISH_TEMPLATE,
        Purpose.USER_SWAP,
    }
)


def notice(language: str = "en") -> Notice:
    """The notice this repository ships."""
    return next(one for one in load_notices(NOTICES) if one.language == language)


def a_term(start: datetime, *, days: int = 365) -> Term:
    return Term(start, start + timedelta(days=days), "Asia/Shanghai", 30 if days > 30 else 0)


def a_scope(now: datetime, **changes: Any) -> Scope:
    """A performer's usual consent; name what is different."""
    fields: dict[str, Any] = {
        "role": Role.PERFORMER,
        "description": "My dance video may be made into a template in which users put their own faces.",
        "term": a_term(now),
        "jurisdiction": "CN",
        "revocation": frozenset({RevocationEffect.STOP_NEW, RevocationEffect.TAKEDOWN_TEMPLATE}),
        "purposes": SWAP,
        "modalities": frozenset({Modality.FACE}),
        "works": frozenset({"dance-01"}),
        "requesters": frozenset({"studio"}),
        "platforms": frozenset({"app"}),
        "recipients": frozenset({"users"}),
        "engines": frozenset({"mesh"}),
        "territories": frozenset({"CN"}),
        "storage_regions": frozenset({"CN"}),
        "audience": frozenset({Audience.GENERAL}),
        "monetisation": frozenset({Monetisation.PAID}),
        "donor_rules": DonorRule.CONSENTED_THIRD_PARTY,
        "prohibited": frozenset({Modification.POLITICAL}),
        "max_uses": {Purpose.USER_SWAP: 50},
        "retention": {DataClass.REFERENCE: 365, DataClass.EVIDENCE: 1095},
    }
    return Scope(**{**fields, **changes})


def everything_said() -> bytes:
    """A document with every field that there is."""
    scope = a_scope(
        NOON,
        compensation="5 % of revenue",
        sublicense=frozenset({"partner"}),
        sub_processors=frozenset({"cloud"}),
        sources=frozenset({"a" * 64}),
        templates=frozenset({"t-1"}),
        exports=frozenset({Export("studio", "US", ExportMechanism.STANDARD_CONTRACT)}),
        monetisation=frozenset({Monetisation.PAID, Monetisation.REV_SHARE}),
        particulars=Particulars(
            payment=frozenset(
                {
                    Payment(Basis.FLAT, "JPY", 30, amount=1250),
                    Payment(Basis.PER_USE, "CNY", 30, Purpose.USER_SWAP, amount=5),
                    Payment(Basis.SHARE, "CNY", 30, Purpose.USER_SWAP, basis_points=525),
                }
            ),
            entities={"studio": LegalEntity(Scheme.OTHER, "HRB 1", "Studio Ltd", "studio@example.com")},
            processors={"mesh": Processor("f" * 64, frozenset({"1.0"}))},
            processing_regions=frozenset({"CN"}),
            replica_origin=ReplicaOrigin.INDEPENDENT,
            alteration_limits="Nothing but the face.",
            post_mortem=PostMortem.ENDS,
            represented_by=Representation(Adviser.COUNSEL, "Wang & Partners"),
        ),
    )
    attached = frozenset({Attachment("9" * 64, 4096)})
    guardian = Representative("b" * 32, "c" * 64)
    capacity = Capacity(AgeBand.UNDER_14, guardian)
    request = Request("default", "a" * 32, scope, capacity, "d" * 32, "e" * 64, attached)
    return draw_up(request, notice(), now=NOON, entropy=shared(1)).encoded


@dataclass
class Somebody:
    """A person with the private key on her own side."""

    person: Person
    private: bytes
    public: str

    @property
    def id(self) -> str:
        return self.person.id


def shared(seed: int) -> Entropy:
    """Seeded randomness that several threads may draw from."""
    stream, lock = random.Random(seed), threading.Lock()

    def draw(size: int) -> bytes:
        with lock:
            return stream.randbytes(size)

    return draw


@dataclass
class House:
    """One tenant's registry and what it stands on."""

    keystore: KeyStore
    ledger: Ledger
    journal: DenyJournal
    registry: Registry
    entropy: Entropy

    @classmethod
    def build(cls, folder: Path, tenant: str = "default", *, seed: int = 7) -> "House":
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        entropy = shared(seed)
        keystore = KeyStore.create(folder / "keys.db", KekFile(folder / "kek"), tenant, entropy)
        ledger = Ledger(tenant, keystore, entropy)
        journal = DenyJournal.create(folder / "deny")
        key = SigningKey.generate(Duty.COUNTERSIGN, entropy)
        registry = Registry(ledger, journal, key, {key.kid: key.verifying}, entropy)
        return cls(keystore, ledger, journal, registry, entropy)

    @property
    def tenant(self) -> str:
        return self.ledger.tenant

    @property
    def portraits(self) -> Portraits:
        return Portraits(self.tenant, self.keystore, self.entropy)

    def publish(self, session: Session, now: datetime) -> None:
        for language in ("en", "zh-CN"):
            self.registry.noticeboard.publish(session, notice(language), now=now)

    def enrol(self, session: Session, now: datetime, age: AgeBand = AgeBand.ADULT) -> Somebody:
        people = self.registry.people
        person = people.enrol(
            session, Proof(ProofLevel.VERIFIED_IDENTITY, "operator-1", "video call"), age, now=now
        )
        private, public = keygen(self.entropy)
        people.enrol_key(session, person.id, public, by=person.id, now=now)
        return Somebody(person, private, public)

    def document(self, somebody: Somebody, now: datetime, **changes: Any) -> Authorization:
        supersedes = changes.pop("supersedes", None)
        capacity = changes.pop("capacity", Capacity(somebody.person.age))
        request = Request(self.tenant, somebody.id, a_scope(now, **changes), capacity, supersedes)
        return draw_up(request, notice("zh-CN"), now=now, entropy=self.entropy)

    def grant(self, session: Session, somebody: Somebody, now: datetime, **changes: Any) -> Granted:
        """Everything at once: she is shown a document, signs it, and it is registered."""
        document = self.document(somebody, now, **changes).encoded
        evidence = sign(somebody.private, to_sign(document)).encoded
        return self.registry.grant(session, document, evidence, now=now)


@dataclass
class Effects:
    """A `WithdrawalEffect` that remembers what it was asked."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def resting(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        return frozenset()

    def lock(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        self.calls.append(("lock", tenant, authorization))
        return frozenset()

    def apply(
        self, session: Session, tenant: str, authorization: str, purposes: Collection[Purpose], now: datetime
    ) -> None:
        self.calls.append(("apply", tenant, authorization, frozenset(purposes), now))
