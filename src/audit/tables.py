"""Rows. Dumb SQLModel; only this room's storekeepers touch them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Identity, UniqueConstraint
from sqlmodel import Field, SQLModel

from audit.columns import SEQUENCE, Digest, Identifier, Instant


class EntryRow(SQLModel, table=True):
    """One entry: written with its fact, placed in the tree later. Nothing but `idx` ever changes.

    Below the minimum index of a pruned log (`audit.prunerows`) it is gone.
    """

    __tablename__ = "log_entry"
    __table_args__ = (
        # NULLs are distinct on both engines, so entries that wait for their place do not collide,
        # and the same index finds them.
        UniqueConstraint("tenant_id", "idx"),
        UniqueConstraint("tenant_id", "leaf_hash"),
    )

    seq: int | None = Field(
        default=None, primary_key=True, sa_type=SEQUENCE, sa_column_args=[Identity(always=False)]
    )
    tenant_id: str = Field(max_length=64)
    idx: int | None = Field(default=None, sa_type=BigInteger)
    eid: str = Field(sa_type=Identifier)
    leaf: bytes
    leaf_hash: str = Field(sa_type=Digest)
    at: datetime = Field(sa_type=Instant)


class SealedRow(SQLModel, table=True):
    """The ciphertext of one part of an entry. Mutable: erasure removes it, the leaf stays."""

    __tablename__ = "log_sealed"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "leaf_hash"], ["log_entry.tenant_id", "log_entry.leaf_hash"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    leaf_hash: str = Field(primary_key=True, sa_type=Digest)
    part: int = Field(primary_key=True)
    seal: str = Field(max_length=4)
    ciphertext: bytes


class TileRow(SQLModel, table=True):
    """A full tile: 256 hashes of 32 bytes, and the root over them. Immutable."""

    __tablename__ = "log_tile"

    tenant_id: str = Field(primary_key=True, max_length=64)
    level: int = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    data: bytes
    root: bytes


class CheckpointRow(SQLModel, table=True):
    """A signed tree head, in the commit that gave its entries their places. Immutable."""

    __tablename__ = "log_checkpoint"
    __table_args__ = (UniqueConstraint("tenant_id", "digest"),)

    tenant_id: str = Field(primary_key=True, max_length=64)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    digest: str = Field(sa_type=Digest)
    note: str
    at: datetime = Field(sa_type=Instant)


class CosignatureRow(SQLModel, table=True):
    """A witness's line under a checkpoint. Replaced only when the witness of this name has another key."""

    __tablename__ = "log_cosignature"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "size"], ["log_checkpoint.tenant_id", "log_checkpoint.size"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    witness: str = Field(primary_key=True)
    line: str
    at: int = Field(sa_type=BigInteger)


class PruningRow(SQLModel, table=True):
    """One pruning of the log: every entry below `minimum` goes. `entry` is the leaf hash of `LogPruned`."""

    __tablename__ = "log_pruning"

    tenant_id: str = Field(primary_key=True, max_length=64)
    minimum: int = Field(primary_key=True, sa_type=BigInteger)
    entry: str = Field(sa_type=Digest)
    at: datetime = Field(sa_type=Instant)
    shown: bool = False
    """The entry is published and its receipt beside the checkpoint: from then on rows and files may go."""
    done: bool = False


class LeaseRow(SQLModel, table=True):
    """Who may sequence a tenant's log. `token` grows at every take-over and fences the one before."""

    __tablename__ = "log_lease"

    tenant_id: str = Field(primary_key=True, max_length=64)
    holder: str
    token: int = Field(sa_type=BigInteger)
    until: datetime = Field(sa_type=Instant)


class StampRow(SQLModel, table=True):
    """An authority's time stamp over a checkpoint as its log signed it. Immutable."""

    __tablename__ = "log_stamp"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "size"], ["log_checkpoint.tenant_id", "log_checkpoint.size"]),
    )

    tenant_id: str = Field(primary_key=True, max_length=64)
    size: int = Field(primary_key=True, sa_type=BigInteger)
    authority: str = Field(primary_key=True)
    digest: str = Field(sa_type=Digest)
    response: bytes
    says: datetime = Field(sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
