"""Rows of who was served, who is told, and the other hands on the lever of withdrawal."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

import swap.tables  # noqa: F401  (its tables are named in foreign keys)
from audit.columns import Digest, Identifier, Instant

# Withdrawal: who was served, who is told, and the other hands on the same lever.


class RecipientRow(SQLModel, table=True):
    """To whom an output was handed over, by the minute: a label and a count, no address (`recipients`)."""

    __tablename__ = "recipient"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "output_id"], ["output.tenant_id", "output.id"]),
        Index("ix_recipient_due", "tenant_id", "delete_after"),
    )
    tenant_id: str = Field(primary_key=True)
    output_id: str = Field(primary_key=True)
    requester: str = Field(primary_key=True)
    """As it stands in decisions: the name of an API key."""
    copies: int
    first_at: datetime = Field(sa_type=Instant)
    last_at: datetime = Field(sa_type=Instant)
    delete_after: datetime = Field(sa_type=Instant)


class HookRow(SQLModel, table=True):
    """An address of somebody who is told of events (`hooks`)."""

    __tablename__ = "hook"
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Identifier)
    url: str
    types: str
    """Comma-separated event types; empty: all."""
    made_by: str
    made_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class TidingRow(SQLModel, table=True):
    """One event on its way to one address, owed by a duty `notify` (`tidings`)."""

    __tablename__ = "tiding"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "hook_id"], ["hook.tenant_id", "hook.id"]),
        UniqueConstraint("tenant_id", "hook_id", "event_id"),
        Index("ix_tiding_event", "tenant_id", "event_id"),
        Index("ix_tiding_due", "tenant_id", "delete_after"),
    )
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Identifier)
    hook_id: str = Field(sa_type=Identifier)
    event_id: str = Field(sa_type=Identifier)
    """The same however often it is sent: receivers drop what they have."""
    type: str
    subject: str
    """A random id: an authorization, template, output, claim or decision. Of a bundle its SHA-256."""
    data: bytes
    """Canonical JSON of ids and codes."""
    entry: str | None = None
    """Leaf hash of the fact."""
    at: datetime = Field(sa_type=Instant)
    state: str
    delete_after: datetime = Field(sa_type=Instant)


class ClaimRow(SQLModel, table=True):
    """A takedown request or a court's order about something held here (`claims`)."""

    __tablename__ = "claim"
    __table_args__ = (Index("ix_claim_state", "tenant_id", "state", "due_at"),)
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Identifier)
    kind: str
    target_kind: str
    target: str
    document: str
    """SHA-256 of the order, or of the statement."""
    state: str
    freezes: bool
    received_at: datetime = Field(sa_type=Instant)
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    received_by: str
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    reason: str | None = None
    entry: str


class ClaimContactRow(SQLModel, table=True):
    """Who made a claim and what was stated, sealed and apart from it, with a date (`claims`)."""

    __tablename__ = "claim_contact"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "claim_id"], ["claim.tenant_id", "claim.id"]),
        Index("ix_claim_contact_due", "tenant_id", "delete_after"),
    )
    tenant_id: str = Field(primary_key=True)
    claim_id: str = Field(primary_key=True, sa_type=Identifier)
    sealed: bytes
    delete_after: datetime | None = Field(default=None, sa_type=Instant)
    """Null while the claim is open."""


class BlockedRow(SQLModel, table=True):
    """A file that was taken down: the same bytes do not come in again (`blocking`)."""

    __tablename__ = "blocked_file"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "claim_id"], ["claim.tenant_id", "claim.id"]),)
    tenant_id: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    claim_id: str = Field(sa_type=Identifier)
    at: datetime = Field(sa_type=Instant)


class AppealRow(SQLModel, table=True):
    """Somebody objects to a decision or to the answer to a claim (`appeals`)."""

    __tablename__ = "appeal"
    __table_args__ = (Index("ix_appeal_state", "tenant_id", "state", "due_at"),)
    tenant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Identifier)
    about: str
    subject: str
    """The decision's or the claim's id."""
    ground: str
    appellant: str
    """The line of keys it came by."""
    excluded: str
    """Names, a line each, of who decided before, or asks: they don't answer."""
    state: str
    received_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    entry: str | None = Field(default=None, sa_type=Digest)
    """Of its receipt, as a leaf hash. Appeals of before this was kept have none."""


class AppealAnswerRow(SQLModel, table=True):
    """One operator's answer to an appeal, with reasons (`appeals`)."""

    __tablename__ = "appeal_answer"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "appeal_id"], ["appeal.tenant_id", "appeal.id"]),)
    tenant_id: str = Field(primary_key=True)
    appeal_id: str = Field(primary_key=True, sa_type=Identifier)
    operator: str = Field(primary_key=True)
    granted: bool
    reason: str
    at: datetime = Field(sa_type=Instant)
