"""Rows of what was in use when: the service's keys, its models, its settings."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from audit.columns import Digest, Instant


class KeptBytesRow(SQLModel, table=True):
    """What was adopted, by its digest. Never changed, never deleted: entries name it."""

    __tablename__ = "kept_bytes"

    tenant_id: str = Field(primary_key=True, max_length=64)
    digest: str = Field(primary_key=True, sa_type=Digest)
    data: bytes


class AdoptionRow(SQLModel, table=True):
    """One adoption of models or settings. The last one of its kind is in use."""

    __tablename__ = "adoption"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "digest"], ["kept_bytes.tenant_id", "kept_bytes.digest"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    kind: str = Field(primary_key=True, max_length=32)
    """Kind of the entry."""
    number: int = Field(primary_key=True, sa_type=BigInteger)
    """From 1 on, for each kind."""
    digest: str = Field(sa_type=Digest)
    at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)


class DutyKeyRow(SQLModel, table=True):
    """One adoption of a key of the service's. How it ended is written into it; the rest never changes."""

    __tablename__ = "duty_key"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "public"], ["kept_bytes.tenant_id", "kept_bytes.digest"]),
        Index("duty_key_kid", "tenant_id", "kid"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    """From 1 on."""
    duty: str = Field(max_length=16)
    kid: str = Field(max_length=16)
    public: str = Field(sa_type=Digest)
    """Digest of the public half, as text."""
    at: datetime = Field(sa_type=Instant)
    entry: str = Field(sa_type=Digest)
    retired_at: datetime | None = Field(default=None, sa_type=Instant)
    retired: str | None = Field(default=None, sa_type=Digest)
    """Entry of its end."""
    void_from: int | None = Field(default=None, sa_type=BigInteger)
    """Place in the log from which on nothing holds that it signed."""
    void_at: datetime | None = Field(default=None, sa_type=Instant)
    voided: str | None = Field(default=None, sa_type=Digest)
    """Entry that says so."""
