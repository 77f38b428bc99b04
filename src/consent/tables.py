"""Rows. Dumb SQLModel; only this room's storekeepers touch them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from audit.columns import Digest, Identifier, Instant

# People: consent.people, consent.portraits, consent.noticeboard


class PersonRow(SQLModel, table=True):
    """One person in one tenant. No name, no photo: who she is stands with whoever proved it."""

    __tablename__ = "person"

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    proof: str
    age: str
    enrolled_at: datetime = Field(sa_type=Instant)
    enrolled_by: str
    enrolled_how: str
    entry: str = Field(sa_type=Digest)
    """The newest entry that says all this."""
    attested_by: str | None = None
    attested_at: datetime | None = Field(default=None, sa_type=Instant)
    fourteen_from: datetime | None = Field(default=None, sa_type=Instant)
    adult_from: datetime | None = Field(default=None, sa_type=Instant)
    deceased_at: datetime | None = Field(default=None, sa_type=Instant)


class PersonKeyRow(SQLModel, table=True):
    """A public key of hers. Valid in `[valid_from, valid_until)`."""

    __tablename__ = "person_key"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True)
    person_id: str = Field(sa_type=Identifier, index=True)
    method: str
    valid_from: datetime = Field(sa_type=Instant)
    valid_until: datetime | None = Field(default=None, sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class NoticeRow(SQLModel, table=True):
    """A published notice, whole: what people were shown stays readable."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("tenant_id", "id", "version", "language"),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    sha256: str = Field(primary_key=True, sa_type=Digest)
    id: str
    version: str
    language: str
    text: str
    published_at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


# Authorizations: consent.registry, consent.chain, consent.assessment, consent.counters


class AuthorizationRow(SQLModel, table=True):
    """A signed authorization as it arrived, and our countersignature. Immutable."""

    __tablename__ = "signed_authorization"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "supersedes"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "notice"], ["notice.tenant_id", "notice.sha256"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    supersedes: str | None = Field(default=None, sa_type=Identifier)
    notice: str = Field(sa_type=Digest)
    document: bytes
    evidence: bytes
    received_at: datetime = Field(sa_type=Instant)
    kid: str
    countersignature: bytes
    recovery: str = Field(sa_type=Digest)


class ConsentStateRow(SQLModel, table=True):
    """How one purpose of an authorization stands. This row is the lock, and holds the head of the chain."""

    __tablename__ = "consent_state"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        Index("consent_state_until", "tenant_id", "until"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    authorization_id: str = Field(primary_key=True, sa_type=Identifier)
    purpose: str = Field(primary_key=True)
    status: str
    disputed: bool = False
    paused: bool = False
    until: datetime = Field(sa_type=Instant)
    head: str = Field(sa_type=Digest)


class ConsentEventRow(SQLModel, table=True):
    """One event of an authorization's chain. Append-only; `prev` is the leaf hash of the one before."""

    __tablename__ = "consent_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        ForeignKeyConstraint(["tenant_id", "leaf_hash"], ["log_entry.tenant_id", "log_entry.leaf_hash"]),
        UniqueConstraint("tenant_id", "leaf_hash"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    authorization_id: str = Field(primary_key=True, sa_type=Identifier)
    number: int = Field(primary_key=True)
    kind: str
    purposes: str
    status: str | None
    disputed: bool | None
    paused: bool | None = None
    how: str
    actor: str
    at: datetime = Field(sa_type=Instant)
    evidence: bytes | None
    leaf_hash: str = Field(sa_type=Digest)
    prev: str | None = Field(sa_type=Digest)


class ConsentCounterRow(SQLModel, table=True):
    """Uses of one purpose: reserved by live permits, spent by redeemed ones. `most` null: without limit."""

    __tablename__ = "consent_counter"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    authorization_id: str = Field(primary_key=True, sa_type=Identifier)
    purpose: str = Field(primary_key=True)
    most: int | None
    reserved: int = 0
    spent: int = 0


class PortraitRow(SQLModel, table=True):
    """A biometric reference, encrypted under the person's key. Never the photo. Dies with its consent."""

    __tablename__ = "portrait"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    authorization_id: str = Field(sa_type=Identifier, index=True)
    model: str = Field(sa_type=Digest)
    ciphertext: bytes
    added_at: datetime = Field(sa_type=Instant)
    delete_after: datetime = Field(sa_type=Instant, index=True)


# Decisions and permits: consent.docket


class DecisionRow(SQLModel, table=True):
    """One answer of the gate, with the whole question in canonical bytes. Only `closed` ever changes."""

    __tablename__ = "decision"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "follows"], ["decision.tenant_id", "decision.id"]),
        Index("decision_holds", "tenant_id", "answer", "closed", "until"),
        Index("decision_at", "tenant_id", "at"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    follows: str | None = Field(default=None, sa_type=Identifier)
    action: str
    stage: str
    answer: str
    objections: str
    """What stood against it, as canonical JSON."""
    lifted: str
    """Rules two people lifted, as canonical JSON."""
    policy: str = Field(sa_type=Digest)
    proof: str | None
    case: bytes
    at: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)
    closed: str | None = None
    """What became of a hold: `lifted` or `lapsed`."""
    entry: str = Field(default="", sa_type=Digest)
    """Leaf hash of its entry, which is written a moment later in the same transaction."""


class DecisionPersonRow(SQLModel, table=True):
    """Whom a decision named, in which role, and on which head of her consent it rested."""

    __tablename__ = "decision_person"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "decision_id"], ["decision.tenant_id", "decision.id"]),
        Index("decision_person_person", "tenant_id", "person_id"),
        Index("decision_person_authorization", "tenant_id", "authorization_id"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    decision_id: str = Field(primary_key=True, sa_type=Identifier)
    position: int = Field(primary_key=True)
    person_id: str
    role: str
    authorization_id: str | None
    head: str | None = Field(default=None, sa_type=Digest)
    purposes: str
    """The purposes of hers it needed, as canonical JSON."""


class PermitRow(SQLModel, table=True):
    """The life of one permit. A valid signature without this row is worth nothing."""

    __tablename__ = "permit"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["decision.tenant_id", "decision.id"]),
        Index("permit_state", "tenant_id", "state", "not_after"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    token: bytes
    state: str
    not_after: datetime = Field(sa_type=Instant)
    job: str | None = None
    attempt: int | None = None
    run_until: datetime | None = Field(default=None, sa_type=Instant)


# The operator's papers: consent.papers


class PaperRow(SQLModel, table=True):
    """An assessment, filing, contract or checked identity, by digest, and what it says it covers."""

    __tablename__ = "paper"
    __table_args__ = (Index("paper_in_force", "tenant_id", "ended_at", "valid_until"),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    kind: str
    document: str = Field(sa_type=Digest)
    covers: str
    """As canonical JSON."""
    valid_from: datetime = Field(sa_type=Instant)
    valid_until: datetime = Field(sa_type=Instant)
    registered_by: str
    registered_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    entry: str = Field(sa_type=Digest)


# Passkeys: consent.passkeys, consent.links


class PasskeyRow(SQLModel, table=True):
    """What a passkey is beside its public key, and the registration that made it, as it came."""

    __tablename__ = "passkey"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "key"], ["person_key.tenant_id", "person_key.key"]),
        UniqueConstraint("tenant_id", "credential"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True)
    credential: str
    """Its id among an authenticator's keys, hex."""
    count: int = Field(sa_type=BigInteger)
    """The last signature counter seen; 0 where the authenticator does not count."""
    client_data: bytes
    attestation: bytes


class LinkRow(SQLModel, table=True):
    """A link handed to a person: for one act of hers, once. Its token is here as a hash only."""

    __tablename__ = "link"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        Index("ix_link_person", "tenant_id", "person_id", "act"),
        Index("ix_link_expires_at", "tenant_id", "expires_at"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Digest)
    act: str
    person_id: str = Field(sa_type=Identifier)
    """Who acts: the signer, where somebody acts for the person."""
    document: bytes | None = None
    """What she is asked to sign."""
    head: str | None = Field(default=None, sa_type=Digest)
    """Of a re-confirmation: the suspension she answers."""
    issued_by: str
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    challenge: str | None = Field(default=None, sa_type=Digest)
    """Of a registration under way, single use."""
    challenge_until: datetime | None = Field(default=None, sa_type=Instant)
    entry: str = Field(sa_type=Digest)


# Proof of people: consent.proofservices, .proving, .kinship, .cosigning, .capturing


class ProofServiceRow(SQLModel, table=True):
    """A key of a proofing service whose word counts here, from its adoption on."""

    __tablename__ = "proof_service"

    tenant_id: str = Field(primary_key=True, max_length=64)
    key: str = Field(primary_key=True, sa_type=Digest)
    service: str
    adopted_at: datetime = Field(sa_type=Instant)
    retired_at: datetime | None = Field(default=None, sa_type=Instant)
    compromised_from: datetime | None = Field(default=None, sa_type=Instant)
    """What it signed and we received from then on is worth nothing."""
    entry: str = Field(sa_type=Digest)


class AttestationRow(SQLModel, table=True):
    """A signed attestation that was used, once. Kept as it came: it verifies without us."""

    __tablename__ = "attestation"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(["tenant_id", "key"], ["proof_service.tenant_id", "proof_service.key"]),
        UniqueConstraint("tenant_id", "handle"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    nonce: str = Field(primary_key=True, sa_type=Identifier)
    handle: str | None = Field(default=None, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    key: str = Field(sa_type=Digest)
    signed: bytes
    received_at: datetime = Field(sa_type=Instant)


class KinRow(SQLModel, table=True):
    """Who may act for somebody: a guardian, an heir. Valid in `[since, until)`."""

    __tablename__ = "kin"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(["tenant_id", "representative"], ["person.tenant_id", "person.id"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    representative: str = Field(sa_type=Identifier, index=True)
    office: str
    relation: str
    evidence: str = Field(sa_type=Digest)
    since: datetime = Field(sa_type=Instant)
    until: datetime | None = Field(default=None, sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class CosignatureRow(SQLModel, table=True):
    """The second signature under an authorization, as it arrived, and our countersignature."""

    __tablename__ = "cosignature"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    authorization_id: str = Field(primary_key=True, sa_type=Identifier)
    evidence: bytes
    received_at: datetime = Field(sa_type=Instant)
    kid: str
    countersignature: bytes


class CaptureRow(SQLModel, table=True):
    """A challenge to turn the head, asked once and answered at most once. No frame of it is kept."""

    __tablename__ = "capture"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        Index("capture_person", "tenant_id", "person_id", "asked_at"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier)
    authorization_id: str = Field(sa_type=Identifier)
    turns: str
    asked_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    taken_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None


# Asking: consent.requests, consent.reminding, consent.unproven


class ConsentRequestRow(SQLModel, table=True):
    """One request for consent, from the asking to its end. `head` is the leaf hash of its last entry."""

    __tablename__ = "consent_request"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(["tenant_id", "notice"], ["notice.tenant_id", "notice.sha256"]),
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        Index("consent_request_person", "tenant_id", "person_id", "asked_at"),
        Index("consent_request_open", "tenant_id", "state", "until"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier)
    notice: str = Field(sa_type=Digest)
    template: str | None = None
    """The clip she may look at before she answers, by the gate's leave."""
    document: bytes
    """As drawn up: what she signs if she gives all of it."""
    state: str
    asked_by: str
    asked_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    link: str | None = Field(default=None, sa_type=Digest)
    """Hash of the token she may answer with; null once it is used."""
    link_until: datetime | None = Field(default=None, sa_type=Instant)
    authorization_id: str | None = Field(default=None, sa_type=Identifier)
    """What she signed instead, or just that."""
    extent: str | None = None
    declined: str = ""
    """The purposes she said no to."""
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    head: str = Field(sa_type=Digest)


class ReminderRow(SQLModel, table=True):
    """She was told that a consent of hers ends in so many days. Once for each number."""

    __tablename__ = "consent_reminder"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    authorization_id: str = Field(primary_key=True, sa_type=Identifier)
    days: int = Field(primary_key=True)
    person_id: str = Field(sa_type=Identifier, index=True)
    until: datetime = Field(sa_type=Instant)
    told_at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class UnprovenRow(SQLModel, table=True):
    """A contract from before: its digest and what it is said to allow. No ground for anything."""

    __tablename__ = "unproven_contract"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        UniqueConstraint("tenant_id", "sha256"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    sha256: str = Field(sa_type=Digest)
    person_id: str | None = Field(default=None, sa_type=Identifier)
    claims: str
    claimed_until: datetime | None = Field(default=None, sa_type=Instant)
    imported_by: str
    imported_at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


# Licences, beside the consent: consent.parties, consent.rights


class RightsPartyRow(SQLModel, table=True):
    """A legal entity that licenses what is its own, and its public key."""

    __tablename__ = "rights_party"
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    scheme: str
    number: str
    name: str
    contact: str
    key: str
    method: str
    registered_at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class LicenceRow(SQLModel, table=True):
    """A licence as it arrived. Immutable; the lock of its endings."""

    __tablename__ = "rights_licence"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        UniqueConstraint("tenant_id", "digest"),
        Index("ix_rights_licence_paper", "tenant_id", "paper"),
        Index("ix_rights_licence_person", "tenant_id", "person_id"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    digest: str = Field(sa_type=Digest)
    paper: str | None = Field(default=None, sa_type=Digest)
    person_id: str | None = Field(default=None, sa_type=Identifier)
    document: bytes
    evidence: bytes | None
    """Null: on paper, and somebody vouches for it."""
    vouched_by: str
    received_at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class LicenceEndingRow(SQLModel, table=True):
    """One ending of a licence. Append-only; the earliest counts."""

    __tablename__ = "rights_licence_ending"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "licence_id"], ["rights_licence.tenant_id", "rights_licence.id"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    licence_id: str = Field(primary_key=True, sa_type=Identifier)
    number: int = Field(primary_key=True)
    reason: str
    how: str
    actor: str
    at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


# Protection: consent.refusals, consent.protection, consent.watch, consent.tries, consent.petitions


class RefusalRow(SQLModel, table=True):
    """A person, a source or a work that must not be used. Ended, it stays as a record."""

    __tablename__ = "refusal"
    __table_args__ = (Index("refusal_value", "tenant_id", "kind", "value"),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    kind: str
    value: str
    by: str
    at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class ProtectionRow(SQLModel, table=True):
    """Her signed wish that strangers' faces be compared with hers, as it arrived."""

    __tablename__ = "protection"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        Index("protection_ended", "tenant_id", "ended_at"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    authorization_id: str = Field(sa_type=Identifier)
    document: bytes
    evidence: bytes
    received_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class FaceSearchRow(SQLModel, table=True):
    """One search among the protected: for whom, in what, and whom it found. No score, no embedding."""

    __tablename__ = "face_search"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        ForeignKeyConstraint(["tenant_id", "found_id"], ["person.tenant_id", "person.id"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    what: str
    compared: int
    found_id: str | None = Field(default=None, sa_type=Identifier, index=True)
    state: str
    at: datetime = Field(sa_type=Instant)
    released_by: str | None = None
    entry: str = Field(sa_type=Digest)


class CastTallyRow(SQLModel, table=True):
    """A count of people who were named for one source, or by one requester in a day: this row is the lock."""

    __tablename__ = "cast_tally"

    tenant_id: str = Field(primary_key=True, max_length=64)
    of: str = Field(primary_key=True)
    """`source:<digest>`, or `requester:<day>:<name>`."""
    opened_at: datetime = Field(sa_type=Instant)


class CastTrialRow(SQLModel, table=True):
    """That a person was named under a tally, and whether she was still let in."""

    __tablename__ = "cast_trial"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "of"], ["cast_tally.tenant_id", "cast_tally.of"]),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    of: str = Field(primary_key=True)
    person_id: str = Field(primary_key=True, sa_type=Identifier)
    refused: bool
    at: datetime = Field(sa_type=Instant)


class PetitionRow(SQLModel, table=True):
    """What she asked for about her own data, by when it is due, and how it was answered."""

    __tablename__ = "petition"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        Index("petition_open", "tenant_id", "answered_at", "due_at"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    kind: str
    asked_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: str | None = None
    answer: str | None = Field(default=None, sa_type=Digest)
    """Leaf hash of the answer, which holds the reasons."""


class ErasureRow(SQLModel, table=True):
    """That she had her data erased: which of her keys are still to be destroyed, and when the rest go."""

    __tablename__ = "erasure"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        Index("erasure_due", "tenant_id", "left", "evidence_until"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    person_id: str = Field(primary_key=True, sa_type=Identifier)
    at: datetime = Field(sa_type=Instant)
    left: str
    """`all`, `evidence` or `none`."""
    evidence_until: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


# How it stands, told to others: the module consent.handles


class StatusHandleRow(SQLModel, table=True):
    """Under which unguessable name others may ask how an authorization stands (`handles`)."""

    __tablename__ = "status_handle"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        UniqueConstraint("tenant_id", "authorization_id"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    authorization_id: str = Field(sa_type=Identifier)


# Policies in use: consent.adoption


class KeptPolicyRow(SQLModel, table=True):
    """The exact files of a policy, by its digest. Never changed, never deleted: decisions cite it."""

    __tablename__ = "kept_policy"

    tenant_id: str = Field(primary_key=True, max_length=64)
    digest: str = Field(primary_key=True, sa_type=Digest)
    files: bytes
    """Text by name, as canonical JSON."""


class AdoptedPolicyRow(SQLModel, table=True):
    """One adoption. The last one's policy is in use; the same may be adopted again after another."""

    __tablename__ = "adopted_policy"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "digest"], ["kept_policy.tenant_id", "kept_policy.digest"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    """From 1 on."""
    digest: str = Field(sa_type=Digest)
    packs: str
    """`id@version` of each, as canonical JSON."""
    signers: str
    """Names of those who signed it, as canonical JSON. None where no signature is asked for."""
    at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)
