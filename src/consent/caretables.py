"""Rows of what a person may ask for herself: refusals, protection, petitions, erasure; and status handles."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

import consent.tables  # noqa: F401  (its tables are named in foreign keys)
from audit.columns import Digest, Identifier, Instant

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
    """Her signed wish that strangers' faces be compared with hers, as it arrived, sealed for her."""

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
    """That she had her data erased: which of her keys are still to be destroyed, and how far that is."""

    __tablename__ = "erasure"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),
        Index("erasure_due", "tenant_id", "left", "evidence_until"),
        Index("erasure_step", "tenant_id", "step"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    person_id: str = Field(primary_key=True, sa_type=Identifier)
    at: datetime = Field(sa_type=Instant)
    left: str
    """`all`, `evidence` or `none`."""
    evidence_until: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)
    step: str = "due"
    """`due`, `dropped`, `destroyed` or `done`: of the keys whose turn it is."""
    parts: int = 0
    """Parts of entries that these keys opened, and nothing opens any more."""
    epoch: int | None = None
    """Of the KEK under which no copy of the key store opens hers. None: that one is not destroyed yet."""


class LegalHoldRow(SQLModel, table=True):
    """That somebody's data must not be destroyed while a claim or an order runs."""

    __tablename__ = "legal_hold"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    person_id: str = Field(sa_type=Identifier, index=True)
    at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    entry: str = Field(sa_type=Digest)


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
