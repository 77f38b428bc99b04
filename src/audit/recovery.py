"""After a restored database: what it lost is read back from the files we published ourselves.

Somebody may hold a checkpoint over the lost entries, so the tree must go on from there: signing
another history of the same size would be a fork. The bytes of the entries stand in the bundles. What
they sealed was in the database alone and is lost; their places and proofs are not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert, select, update

from audit import guard, instant, prunerows, tree
from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.edge import FullTile
from audit.errors import Diverged
from audit.head import TreeHead
from audit.keys import BadSignature, SigningKey
from audit.leaf import Leaf
from audit.note import NoteMalformed
from audit.pruned import published
from audit.prunerows import Pruning
from audit.storage import Storage
from audit.tables import EntryRow
from audit.tile import BundleMalformed, grown, parse_bundle
from audit.treerows import TreeRows

_ENTRY = cast(Table, EntryRow.__table__)  # type: ignore[attr-defined]


class Unrecoverable(Diverged):
    """The lost entries are not in the published files, or those are not what was signed."""

    code = "LOG_UNRECOVERABLE"
    zh = "丢失的日志条目无法从已发布的文件中恢复。"
    hint = "Restore the log folder too, or a newer database; else start a new data folder with a new origin."
    hint_zh = "请同时恢复日志目录，或使用更新的数据库备份；否则须以新的来源（origin）另建数据目录。"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a recovery did to the tree."""

    held: int
    """Entries under the database's own last checkpoint."""
    read_back: int
    """Entries taken from the files: their sealed payloads are lost."""
    parts: int
    """How many parts of entries those payloads were."""
    lost: tuple[tuple[int, int], ...] = ()
    """The places `[from, until)` of the entries that lost them."""


def restore(
    rows: TreeRows, storage: Storage, head: TreeHead | None, key: SigningKey, now: datetime
) -> Restored:
    """Bring the rows up to what was signed, in the caller's transaction, which holds the lease's lock.

    Of a pruned log the prunings that the rows forgot as well: what the files say went is to go again.

    Raises `Unrecoverable`, `guard.LogEdited` for rows that are not what was signed over them, and what
    `TreeRows.latest` raises for another log's database. Then nothing was changed.
    """
    latest = rows.latest()
    size = latest.size if latest else 0
    edge = rows.edge(size)
    if rows.placed() != size or edge.root().hex() != (latest.root if latest else tree.EMPTY_ROOT.hex()):
        raise guard.LogEdited(f"the rows of {size} entries hash to another root than was signed")
    goal, shown = _goal(rows, storage, head)
    if goal.size <= size:
        _prune_again(rows, storage, size, now)
        return Restored(size, 0, 0)
    tiles: list[FullTile] = []
    parts, lost = 0, list[tuple[int, int]]()
    for place, leaf in enumerate(_lost(storage, size, goal.size), start=size):
        tiles.extend(edge.append(tree.leaf_hash(leaf)))
        if here := _place(rows, place, leaf):
            parts += here
            begun = lost.pop()[0] if lost and lost[-1][1] == place else place
            lost.append((begun, place + 1))
    if (edge.size, edge.root().hex()) != (goal.size, goal.root):
        raise Unrecoverable(f"the files hash to another root at {goal.size} than was signed")
    rows.add_tiles(tiles)
    _prune_again(rows, storage, goal.size, now)
    # The published note itself if it says so: a second signature over the same root would be harmless.
    same = shown is not None and shown.size == goal.size
    rows.add_checkpoint(
        shown if shown and same else Checkpoint.sign(rows.verifier.name, goal.size, edge.root(), key), now
    )
    return Restored(size, goal.size - size, parts, tuple(lost))


def _prune_again(rows: TreeRows, storage: Storage, size: int, now: datetime) -> None:
    """What was pruned before is in an older database again, and must not be written out of it."""
    said = published(storage, rows.verifier)
    if said is None or said.index >= size or said.minimum <= prunerows.minimum(rows.session, rows.tenant):
        return
    pruning = Pruning(said.minimum, said.entry, now, shown=True, done=False)
    last = prunerows.last(rows.session, rows.tenant)
    if last is not None and last.minimum == said.minimum:
        prunerows.mark(rows.session, rows.tenant, last, done=False)
    else:
        prunerows.add(rows.session, rows.tenant, pruning)


def _goal(rows: TreeRows, storage: Storage, head: TreeHead | None) -> tuple[TreeHead, Checkpoint | None]:
    """The largest tree that we signed, as far as head and published checkpoint tell."""
    shown: Checkpoint | None = None
    data = storage.get("checkpoint")
    if data is not None:
        try:
            shown = Checkpoint.parse(data.decode(), rows.verifier)
        except (UnicodeError, NoteMalformed, CheckpointMalformed, BadSignature):
            shown = None  # Not signed by us: it says nothing of what we signed.
    goal = head or TreeHead(0, tree.EMPTY_ROOT.hex())
    if shown is not None and shown.size > goal.size:
        goal = TreeHead(shown.size, shown.root)
    return goal, shown


def _lost(storage: Storage, since: int, size: int) -> Iterator[bytes]:
    for tile in grown(since, size):
        if tile.level:
            return
        data = storage.get(tile.bundle_path)
        if data is None:
            raise Unrecoverable(f"{tile.bundle_path} is not there")
        try:
            entries = parse_bundle(data)
        except BundleMalformed:
            raise Unrecoverable(f"{tile.bundle_path} is not a bundle") from None
        first = tile.n * 256
        yield from entries[max(0, since - first) :]


def _place(rows: TreeRows, place: int, leaf: bytes) -> int:
    """Give an entry its place back: the row that waited when the copy was made, or a new one.

    How many parts of it nobody opens any more.
    """
    connection, leaf_hash = rows.session.connection(), tree.leaf_hash(leaf).hex()
    here = (_ENTRY.c.tenant_id == rows.tenant) & (_ENTRY.c.leaf_hash == leaf_hash)
    if connection.execute(select(_ENTRY.c.seq).where(here)).first() is not None:
        connection.execute(update(_ENTRY).where(here).values(idx=place))
        return 0
    parsed = Leaf.parse(leaf)
    connection.execute(
        insert(_ENTRY),
        {
            "tenant_id": rows.tenant,
            "idx": place,
            "eid": parsed.eid,
            "leaf": leaf,
            "leaf_hash": leaf_hash,
            # To the minute, as the leaf has it; the exact instant was in the database alone.
            "at": instant.parse(parsed.ts),
        },
    )
    return len(parsed.parts)
