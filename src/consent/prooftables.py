"""Rows of who somebody is and how she signs: passkeys, links, attestations, kin, captures."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

import consent.tables  # noqa: F401  (its tables are named in foreign keys)
from audit.columns import Digest, Identifier, Instant

# Passkeys: consent.passkeys, consent.links


class PasskeyRow(SQLModel, table=True):
    """What a passkey is beside its public key, and the registration that made it, as it came and sealed."""

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
    """What is to be signed, sealed for whom it is about."""
    about: str | None = Field(default=None, sa_type=Identifier)
    """Whose document that is; null without one."""
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
    """A signed attestation that was used, once. Kept as it came, sealed for her: it verifies without us."""

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
    """The second signature under an authorization, as it arrived, sealed, and our countersignature."""

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
