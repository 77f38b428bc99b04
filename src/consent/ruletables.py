"""Rows of what the rules rest on: the operator's papers, and the policies that were in use."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

import consent.tables  # noqa: F401  (its tables are named in foreign keys)
from audit.columns import Digest, Identifier, Instant

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
