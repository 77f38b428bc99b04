"""Rows. Dumb SQLModel; only this room's storekeepers touch them."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
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
    """Of its enrolment; once it has ended, of that."""


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
    """A signed authorization as it arrived, sealed for her, and our countersignature. Immutable."""

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
    """One event of an authorization's chain. Append-only; `prev` is the leaf hash of the one before.

    Its evidence, a signature of hers or of who acts for her, is sealed for her.
    """

    __tablename__ = "consent_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "authorization_id"], ["signed_authorization.tenant_id", "signed_authorization.id"]
        ),
        # No key of `log_entry`: an event stays when its entry is pruned (`audit.prunerows`).
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
