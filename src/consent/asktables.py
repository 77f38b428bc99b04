"""Rows of what somebody is asked, and of licences beside her consent."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

import consent.tables  # noqa: F401  (its tables are named in foreign keys)
from audit.columns import Digest, Identifier, Instant

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
    """As drawn up, sealed for her: what she signs if she gives all of it."""
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
    """A licence as it arrived, sealed where it is of a person. Immutable; the lock of its endings."""

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


class LicenceSourceRow(SQLModel, table=True):
    """A video that a licence is for, to find it by: what the licence covers stands in its document."""

    __tablename__ = "rights_licence_source"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "licence_id"], ["rights_licence.tenant_id", "rights_licence.id"]),
        Index("ix_rights_licence_source", "tenant_id", "source"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    licence_id: str = Field(primary_key=True, sa_type=Identifier)
    source: str = Field(primary_key=True, max_length=64)
    """SHA-256, or `ALL`."""


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
