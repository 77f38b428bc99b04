"""Read the whole log again and hold every copy of it against every other.

An entry's hash stands in several places: its bytes, its row, the tile row, the tile file, and the
roots that were signed. Who edits one is named by the rest; who edits all but the signed roots is
found by those.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any, cast

from sqlalchemy import Row, Table, select

from audit import instant, prunerows, tree
from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.edge import Edge, FullTile
from audit.head import TreeHead
from audit.keys import BadSignature
from audit.note import NoteMalformed
from audit.pruned import Pruned, PruningUnproven, published
from audit.storage import Storage, bundle_data, tile_data
from audit.tables import CheckpointRow, EntryRow, SealedRow
from audit.tile import WIDTH, BundleMalformed, Tile, parse_bundle
from audit.treereader import ANY_SIZE
from audit.treerows import TreeRows

_ENTRY = cast(Table, EntryRow.__table__)  # type: ignore[attr-defined]
_SEALED = cast(Table, SealedRow.__table__)  # type: ignore[attr-defined]
_SEALED_PART = b'"ct":'
_CHECKPOINT = cast(Table, CheckpointRow.__table__)  # type: ignore[attr-defined]


class Copy(StrEnum):
    """Which copy differs from the others."""

    ENTRY = "entry"
    SEALED = "sealed"
    TILE = "tile"
    TILE_FILE = "tile-file"
    BUNDLE_FILE = "bundle-file"
    CHECKPOINT = "checkpoint"
    HEAD = "head"
    PRUNED = "pruned"
    """What says up to where the log was pruned."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not what the rest of the log says it is."""

    copy: Copy
    index: int
    """The entry; for a tile of a higher level or a checkpoint the first entry in question."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The outcome: how many entries were read, under which root, and what was wrong."""

    size: int
    root: str
    findings: tuple[Finding, ...]
    unopenable: int
    """Parts of entries without a ciphertext: nobody opens them. Whether they were erased, the log says."""
    pruned: Pruned | None = None
    """Up to where only hashes are left to read, and what went came to; None where every entry was read."""

    @property
    def sound(self) -> bool:
        """Whether every copy agrees with what was signed."""
        return not self.findings


@dataclass(slots=True)
class _Replayer:
    """One pass over the log. `findings` grows as it goes."""

    rows: TreeRows
    storage: Storage
    written: int
    """Entries under the head: their files are there. Those of more that was signed may be to come."""
    findings: list[Finding] = field(default_factory=list)
    unopenable: int = 0
    minimum: int = 0
    """Below it an entry need not be there: its hash is."""

    def prune(self) -> Pruned | None:
        """What the files prove of prunings, held against the rows: who edits those deletes nothing unseen."""
        minimum = prunerows.minimum(self.rows.session, self.rows.tenant)
        try:
            said = published(self.storage, self.rows.verifier)
        except PruningUnproven:
            said = None
        else:
            last = prunerows.last(self.rows.session, self.rows.tenant)
            # Shown a moment ago, and not marked so yet.
            known = {minimum, *(() if last is None else (last.minimum,))}
            proven = said.minimum if said else 0
            if proven >= minimum and proven in known:
                self.minimum = proven
                return said
        self._found(Copy.PRUNED, minimum)
        return said

    def roots(self, signed: dict[int, str], size: int) -> str:
        """Grow the tree again, block by block; the first signed root that it misses is a finding."""
        edge, good, bad = Edge.empty(), 0, False
        for begin in range(0, size, WIDTH):
            for leaf_hash in self._block(begin, min(begin + WIDTH, size)):
                for tile in edge.append(leaf_hash):
                    self._tile(tile)
                if edge.size in signed and not bad:
                    bad = edge.root().hex() != signed[edge.size]
                    if bad:
                        # Between the last root that held and this one lies what was edited.
                        self._found(Copy.CHECKPOINT, good)
                    good = edge.size
        for level in range(1, 8):
            width = (size >> (8 * level)) % WIDTH
            if width:
                partial = Tile(level, size >> (8 * level + 8), width)
                self._same(partial, self.rows.tile_data(partial))
        return edge.root().hex()

    def _block(self, begin: int, end: int) -> Iterator[bytes]:
        """Hashes of up to 256 entries, each copy of each held against the others."""
        entries = self._entries(begin, end)
        place = Tile(0, begin // WIDTH, end - begin)
        if begin < self.minimum and not entries:
            yield from self._gone(place)
            return
        row_hashes = _split(self.rows.tile(0, place.n) if place.width == WIDTH else None, place.width)
        width, data = self._file(place, tile_data)
        file_hashes = _split(data, width) + [None] * (place.width - width)
        edited = set()
        for offset in range(end - begin):
            index, row = begin + offset, entries.get(begin + offset)
            in_row, in_file = row_hashes[offset], file_hashes[offset]
            mine = tree.leaf_hash(bytes(row.leaf)) if row else None
            if (
                mine is None
                or not _columns_agree(row, mine)
                or (in_row != mine and in_row == in_file is not None)
            ):
                edited.add(index)
                self._found(Copy.ENTRY, index)
            else:
                if place.width == WIDTH and in_row != mine:
                    self._found(Copy.TILE, index)
                if in_file != mine and offset < width:
                    self._found(Copy.TILE_FILE, index)
            yield mine or in_row or in_file or bytes(tree.HASH_SIZE)
        self._bundle(place, {index: bytes(row.leaf) for index, row in entries.items() if index not in edited})

    def _gone(self, place: Tile) -> Iterator[bytes]:
        """The hashes of entries that were pruned: their tile's row has them, and those above hold it."""
        hashes = _split(self.rows.tile(0, place.n), place.width)
        file = self.storage.get(place.path)
        for offset, (row, in_file) in enumerate(zip(hashes, _split(file, place.width), strict=True)):
            if row is None:
                self._found(Copy.TILE, place.n * WIDTH + offset)
            elif file is not None and in_file != row:
                self._found(Copy.TILE_FILE, place.n * WIDTH + offset)
            yield row or bytes(tree.HASH_SIZE)

    def _entries(self, begin: int, end: int) -> dict[int, Row[Any]]:
        run = self.rows.session.connection()
        here = (_ENTRY.c.tenant_id == self.rows.tenant, _ENTRY.c.idx >= begin, _ENTRY.c.idx < end)
        entries = {row.idx: row for row in run.execute(select(_ENTRY).where(*here))}
        joined = (_SEALED.c.tenant_id == _ENTRY.c.tenant_id) & (_SEALED.c.leaf_hash == _ENTRY.c.leaf_hash)
        sealed = select(_ENTRY.c.idx, _SEALED.c.ciphertext).join(_SEALED, joined).where(*here)
        self.unopenable += sum(row.leaf.count(_SEALED_PART) for row in entries.values())
        for index, ciphertext in run.execute(sealed):
            self.unopenable -= 1
            if _SEALED_PART + f'"{sha256(ciphertext).hexdigest()}"'.encode() not in entries[index].leaf:
                self._found(Copy.SEALED, index)
        return entries

    def _bundle(self, place: Tile, leaves: dict[int, bytes]) -> None:
        (width, data), begin = self._file(place, bundle_data), place.n * WIDTH
        try:
            bundle = parse_bundle(data or b"")
        except BundleMalformed:
            bundle = ()
        if len(bundle) != width:
            self._found(Copy.BUNDLE_FILE, begin)
            return
        for index, leaf in sorted(leaves.items()):
            if index - begin < width and bundle[index - begin] != leaf:
                self._found(Copy.BUNDLE_FILE, index)

    def _tile(self, full: FullTile) -> None:
        if full.level == 0:
            if self.rows.hashes(1, full.n, full.n + 1) != [full.root]:
                self._found(Copy.TILE, full.n * WIDTH)
            return
        begin = full.n * WIDTH ** (full.level + 1)
        stored = self.rows.hashes(full.level + 1, full.n, full.n + 1)
        if self.rows.tile(full.level, full.n) != full.data or stored != [full.root]:
            self._found(Copy.TILE, begin)
        self._same(Tile(full.level, full.n), full.data)

    def _same(self, tile: Tile, expected: bytes) -> None:
        width, data = self._file(tile, tile_data)
        if data != expected[: width * tree.HASH_SIZE]:
            self._found(Copy.TILE_FILE, tile.n * WIDTH ** (tile.level + 1))

    def _file(self, tile: Tile, read: Callable[[Storage, Tile], bytes | None]) -> tuple[int, bytes | None]:
        """The file of a tile, or where it is to come the last one before it: how wide, and what is there."""
        data = read(self.storage, tile)
        width = min(tile.width, max(0, (self.written >> 8 * tile.level) - tile.n * WIDTH))
        if data is not None or width == tile.width:
            return tile.width, data
        # Only now: since the first look the log may have gone on, and dropped this one as well.
        return width, read(self.storage, replace(tile, width=width)) if width else b""

    def _found(self, copy: Copy, index: int) -> None:
        self.findings.append(Finding(copy, index))


def replay(rows: TreeRows, storage: Storage, head: TreeHead | None) -> Replay:
    """Replay the tree under the last checkpoint. Reads all entries and files, and changes nothing.

    The log may go on meanwhile. `head` was read before the session looked: so it is no newer than the rows.
    """
    replayer = _Replayer(rows, storage, ANY_SIZE if head is None else head.size)
    pruned = replayer.prune()
    signed: dict[int, str] = {}
    notes = select(_CHECKPOINT.c.size, _CHECKPOINT.c.note).where(_CHECKPOINT.c.tenant_id == rows.tenant)
    for size, note in rows.session.connection().execute(notes.order_by(_CHECKPOINT.c.size)):
        try:
            checkpoint = Checkpoint.parse(note, rows.verifier)
        except (NoteMalformed, CheckpointMalformed, BadSignature):
            checkpoint = None
        if checkpoint is None or checkpoint.size != size:
            replayer.findings.append(Finding(Copy.CHECKPOINT, size))
        else:
            signed[size] = checkpoint.root
    last = max(signed, default=0)
    if head is None or head.size > last or signed.get(head.size, head.root) != head.root:
        replayer.findings.append(Finding(Copy.HEAD, last))
    root = replayer.roots(signed, last)
    return Replay(last, root, tuple(replayer.findings), replayer.unopenable, pruned)


def _split(data: bytes | None, width: int) -> list[bytes | None]:
    if data is None or len(data) != width * tree.HASH_SIZE:
        return [None] * width
    return [data[i : i + tree.HASH_SIZE] for i in range(0, len(data), tree.HASH_SIZE)]


def _columns_agree(row: Any, leaf_hash: bytes) -> bool:
    """Whether what a row says beside its leaf is what its leaf says."""
    return (
        row.leaf_hash == leaf_hash.hex()
        and f'"eid":"{row.eid}"'.encode() in row.leaf
        and f'"ts":"{instant.minute(row.at)}"'.encode() in row.leaf
    )
