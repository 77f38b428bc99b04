"""The tree as rows: entries with a place, full tiles, checkpoints. Everything else follows from them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Executable, Table, bindparam, func, insert, select, update
from sqlmodel import Session

from audit import prunerows, tree
from audit.checkpoint import Checkpoint
from audit.edge import FullTile
from audit.note import NoteVerifier
from audit.spelling import is_hex
from audit.tables import CheckpointRow, EntryRow, TileRow
from audit.treereader import ANY_SIZE, TreeReader

_ENTRY = cast(Table, EntryRow.__table__)  # type: ignore[attr-defined]
_TILE = cast(Table, TileRow.__table__)  # type: ignore[attr-defined]
_CHECKPOINT = cast(Table, CheckpointRow.__table__)  # type: ignore[attr-defined]

# Built once: putting a statement together costs more than running it.
_HERE = _ENTRY.c.tenant_id == bindparam("tenant")
_TILE_HERE = (_TILE.c.tenant_id == bindparam("tenant"), _TILE.c.level == bindparam("level"))
_NOTE = select(_CHECKPOINT.c.note).where(_CHECKPOINT.c.tenant_id == bindparam("tenant"))
_OF_DIGEST = _NOTE.where(_CHECKPOINT.c.digest == bindparam("digest"))
_LATEST = _NOTE.where(_CHECKPOINT.c.size <= bindparam("most")).order_by(_CHECKPOINT.c.size.desc()).limit(1)
_COVERING = (
    _NOTE.where(_CHECKPOINT.c.size > bindparam("index"), _CHECKPOINT.c.size <= bindparam("most"))
    .order_by(_CHECKPOINT.c.size)
    .limit(1)
)
_WAITS = select(_ENTRY.c.seq).where(_HERE, _ENTRY.c.idx.is_(None)).limit(1)
_WAITING = (
    select(_ENTRY.c.seq, _ENTRY.c.leaf, _ENTRY.c.leaf_hash)
    .where(_HERE, _ENTRY.c.idx.is_(None))
    .order_by(_ENTRY.c.seq)
    .limit(bindparam("limit"))
)
_INDEX = select(_ENTRY.c.idx).where(_HERE, _ENTRY.c.leaf_hash == bindparam("leaf_hash"))
_HIGHEST = select(func.max(_ENTRY.c.idx)).where(_HERE)
_BACKLOG = select(func.count(), func.min(_ENTRY.c.at)).where(_HERE, _ENTRY.c.idx.is_(None))
_LAST_SHOWN = (
    select(_CHECKPOINT.c.size, _CHECKPOINT.c.at)
    .where(_CHECKPOINT.c.tenant_id == bindparam("tenant"))
    .order_by(_CHECKPOINT.c.size.desc())
    .limit(1)
)
_NEXT = (
    select(_CHECKPOINT.c.at)
    .where(_CHECKPOINT.c.tenant_id == bindparam("tenant"), _CHECKPOINT.c.size > bindparam("size"))
    .order_by(_CHECKPOINT.c.size)
    .limit(1)
)
_LEAVES = (
    select(_ENTRY.c.leaf)
    .where(_HERE, _ENTRY.c.idx >= bindparam("begin"), _ENTRY.c.idx < bindparam("end"))
    .order_by(_ENTRY.c.idx)
)
_ROOTS = (
    select(_TILE.c.root)
    .where(*_TILE_HERE, _TILE.c.n >= bindparam("begin"), _TILE.c.n < bindparam("end"))
    .order_by(_TILE.c.n)
)
_DATA = select(_TILE.c.data).where(*_TILE_HERE, _TILE.c.n == bindparam("n"))
_PLACE = update(_ENTRY).where(_ENTRY.c.seq == bindparam("the_seq")).values(idx=bindparam("the_idx"))
# One round trip for all of them.
_PLACE_AT_ONCE = """
UPDATE log_entry SET idx = place.idx
FROM unnest(%s::bigint[], %s::bigint[]) AS place (seq, idx) WHERE log_entry.seq = place.seq
"""
_ADD_TILE = insert(_TILE)
_ADD_CHECKPOINT = insert(_CHECKPOINT)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that has no place yet."""

    seq: int
    leaf: bytes
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far sequencing has come: what the last checkpoint covers, and what waits."""

    size: int
    checkpoint_at: datetime | None
    """When the last checkpoint was signed; None before the first."""
    waiting: int
    """Entries without a place."""
    waiting_since: datetime | None
    """When the oldest of them was written."""


def standing(session: Session, tenant: str) -> Standing:
    """How a tenant's log stands, without reading a hash. Costs what waits; the rest is two index lookups."""
    connection = session.connection()
    last = connection.execute(_LAST_SHOWN, {"tenant": tenant}).one_or_none()
    size, at = last or (0, None)
    waiting, since = connection.execute(_BACKLOG, {"tenant": tenant}).one()
    return Standing(size, at, waiting, since)


def signed_after(session: Session, tenant: str, size: int) -> datetime | None:
    """When the first checkpoint larger than `size` was signed; None if there is none."""
    found: datetime | None = session.connection().execute(_NEXT, {"tenant": tenant, "size": size}).scalar()
    return found


@dataclass(frozen=True)
class TreeRows(TreeReader):
    """One tenant's tree in one session."""

    tenant: str
    verifier: NoteVerifier
    session: Session

    def latest(self, most: int = ANY_SIZE) -> Checkpoint | None:
        """The last checkpoint, or the last not larger than `most`. Raises as `Checkpoint.parse` does."""
        return self._checkpoint(self._run(_LATEST, most=most).scalar())

    def covering(self, index: int, most: int) -> Checkpoint | None:
        """The first checkpoint that covers the entry at `index` and is not larger than `most`."""
        return self._checkpoint(self._run(_COVERING, index=index, most=most).scalar())

    def of_size(self, size: int) -> Checkpoint | None:
        """The checkpoint of exactly this size."""
        found = self.latest(size)
        return found if found is not None and found.size == size else None

    def of_digest(self, digest: str) -> Checkpoint | None:
        """The checkpoint of this digest: of the note as its log signed it."""
        return self._checkpoint(self._run(_OF_DIGEST, digest=digest).scalar())

    def waits(self) -> bool:
        """Whether an entry has no place yet."""
        return self._run(_WAITS).first() is not None

    def waiting(self, limit: int) -> list[Waiting]:
        """Entries without a place, in order of writing."""
        rows = self._run(_WAITING, limit=limit).all()
        return [Waiting(seq, bytes(leaf), leaf_hash) for seq, leaf, leaf_hash in rows]

    def index(self, leaf_hash: str) -> int | None:
        """The place of an entry, or None while it has none. Raises `LookupError` without such an entry,
        `audit.prunerows.EntryPruned` where there was one.
        """
        row = self._run(_INDEX, leaf_hash=leaf_hash).first()
        if row is None:
            if is_hex(leaf_hash, tree.HASH_SIZE) and prunerows.pruned(self.session, self.tenant, leaf_hash):
                raise prunerows.EntryPruned(f"entry {leaf_hash} was pruned")
            raise LookupError(leaf_hash)
        return cast(int | None, row[0])

    def placed(self) -> int:
        """One more than the highest place given."""
        highest = self._run(_HIGHEST).scalar()
        return 0 if highest is None else highest + 1

    def minimum(self) -> int:
        return prunerows.minimum(self.session, self.tenant)

    def place(self, sequence: Sequence[int], begin: int) -> None:
        """Give the entries with these `seq` the places from `begin` on."""
        connection = self._connection
        places = range(begin, begin + len(sequence))
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_PLACE_AT_ONCE, (list(sequence), list(places)))
        else:
            pairs = [{"the_seq": seq, "the_idx": idx} for seq, idx in zip(sequence, places, strict=True)]
            connection.execute(_PLACE, pairs)

    def add_tiles(self, tiles: Iterable[FullTile]) -> None:
        """Store tiles that were just completed."""
        rows = [
            {"tenant_id": self.tenant, "level": t.level, "n": t.n, "data": t.data, "root": t.root}
            for t in tiles
        ]
        if rows:
            self._connection.execute(_ADD_TILE, rows)

    def add_checkpoint(self, checkpoint: Checkpoint, at: datetime) -> None:
        """Store a checkpoint."""
        row = {"size": checkpoint.size, "digest": checkpoint.digest, "note": checkpoint.plain, "at": at}
        self._connection.execute(_ADD_CHECKPOINT, {"tenant_id": self.tenant, **row})

    def entries(self, begin: int, end: int) -> list[bytes]:
        """The leaf bytes at places `[begin, end)`, as far as there are any."""
        return [bytes(leaf) for (leaf,) in self._run(_LEAVES, begin=begin, end=end).all()]

    def hashes(self, level: int, begin: int, end: int) -> list[bytes]:
        """Hashes `[begin, end)` of a level of tiles, from what lies below: entries, or roots of tiles."""
        if level == 0:
            return [tree.leaf_hash(leaf) for leaf in self.entries(begin, end)]
        return [bytes(root) for (root,) in self._run(_ROOTS, level=level - 1, begin=begin, end=end).all()]

    def tile(self, level: int, n: int) -> bytes | None:
        """A full tile, if it is complete."""
        data = self._run(_DATA, level=level, n=n).scalar()
        return None if data is None else bytes(data)

    def _run(self, statement: Executable, **values: Any) -> CursorResult[*tuple[Any, ...]]:
        return self._connection.execute(statement, {"tenant": self.tenant, **values})

    @cached_property
    def _connection(self) -> Connection:
        # Kept: a session takes as long to find it as SQLite to answer.
        return self.session.connection()

    def _checkpoint(self, note: str | None) -> Checkpoint | None:
        return None if note is None else Checkpoint.parse(note, self.verifier)
