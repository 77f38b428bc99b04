"""Rows of the service room: who may call, what was asked once, what is being uploaded. Dumb SQLModel."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from audit.columns import Digest, Identifier, Instant


class ApiKeyRow(SQLModel, table=True):
    """A key that somebody calls the API with. Its secret is here as a hash only (`apikeys`)."""

    __tablename__ = "api_key"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "person_id"], ["person.tenant_id", "person.id"]),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    secret: str = Field(sa_type=Digest)
    role: str
    name: str
    """Whose it is, in the operator's words: it stands as the requester in decisions."""
    person_id: str | None = Field(default=None, sa_type=Identifier)
    """Of a creator's key: who she is here."""
    issued_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was last used, to the minute or so."""
    follows: str | None = Field(default=None, sa_type=Identifier)
    """The key it was rotated from."""
    entry: str | None = Field(default=None, sa_type=Digest)
    """Of its issue, as a leaf hash. Keys of before this was kept have none."""


class OnceRow(SQLModel, table=True):
    """A POST with its Idempotency-Key, and how it was answered (`once`)."""

    __tablename__ = "once"
    __table_args__ = (Index("ix_once_delete_after", "tenant_id", "delete_after"),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Digest)
    """SHA-256 over the first of the caller's line of keys and the Idempotency-Key."""
    fingerprint: str = Field(sa_type=Digest)
    """SHA-256 over method, path, query and body."""
    effective: bool = False
    """Set in the transaction that made the request's first change."""
    answer: bytes | None = None
    """The response, sealed under the caller's own secret; null until it is known."""
    begun_at: datetime = Field(sa_type=Instant)
    delete_after: datetime = Field(sa_type=Instant)


class ApprovalRow(SQLModel, table=True):
    """That one operator would lift a hold, until a second one does (`approvals`)."""

    __tablename__ = "hold_approval"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "decision_id"], ["decision.tenant_id", "decision.id"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    decision_id: str = Field(primary_key=True, sa_type=Identifier)
    operator: str
    reason: str
    at: datetime = Field(sa_type=Instant)


class UploadRow(SQLModel, table=True):
    """A template's bytes on their way in parts (`uploads`)."""

    __tablename__ = "upload"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "template_id"], ["template.tenant_id", "template.id"]),
        Index("ix_upload_delete_after", "tenant_id", "delete_after"),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    id: str = Field(primary_key=True, sa_type=Identifier)
    template_id: str
    owner: str = Field(sa_type=Identifier)
    """The API key that began it, or the first of its line. No other line goes on with it."""
    size: int = Field(sa_type=BigInteger)
    """Bytes, as stated when it began."""
    offset: int = Field(default=0, sa_type=BigInteger)
    """Bytes that are on the disk for good."""
    delete_after: datetime = Field(sa_type=Instant)
