"""A log from its files alone: every entry hashed again, every tile held against it, up to the signed root.

For whoever has a directory of tiles and the public key of a log, and neither our database nor our word. Each
file is read once; what is wrong is named by file and, for a bundle or a tile of hashes, by entry. The log may
go on meanwhile: its checkpoint is read first, and partial tiles that it drops are read in the full ones.

Below the minimum index of a log that was pruned (`audit.pruned`) the hashes over what went stand in for it:
the root is that of the whole tree all the same, and what is missing from the minimum on is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from audit import tree
from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.edge import Edge
from audit.errors import Diverged
from audit.files import CHECKPOINT_PATH
from audit.keys import BadSignature
from audit.note import NoteMalformed, NoteVerifier
from audit.pruned import PATH as PRUNED_PATH
from audit.pruned import Pruned, PruningUnproven, published
from audit.storage import Storage, bundle_data, tile_data
from audit.tile import WIDTH, BundleMalformed, Tile, grown, parse_bundle


class CheckpointUnreadable(Diverged):
    """There is no checkpoint of this log to hold its files against."""

    code = "CHECKPOINT_UNREADABLE"
    zh = "缺少可用的检查点，或其签名与给定公钥不符。"
    hint = "Name the folder that holds `checkpoint`, and the public key of the log it comes from."
    hint_zh = "请指定包含 `checkpoint` 的目录，以及该日志的公钥。"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A file that is not what the signed tree says."""

    path: str
    index: int
    """The first entry in question."""
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a directory of tiles came to."""

    checkpoint: Checkpoint
    root: str
    """Over the entries as they are: the signed one, or the files are not what was signed."""
    wrong: tuple[Wrong, ...]
    pruned: Pruned | None = None
    """Up to where nothing is left but hashes; None where every entry was read."""

    @property
    def sound(self) -> bool:
        """Whether the signed root is that of these entries, and every tile fits."""
        return not self.wrong and self.root == self.checkpoint.root


def checkpoint_of(storage: Storage, verifier: NoteVerifier) -> Checkpoint:
    """The checkpoint of a directory. Raises `CheckpointUnreadable`."""
    data = storage.get(CHECKPOINT_PATH)
    if data is None:
        raise CheckpointUnreadable("there is no checkpoint")
    try:
        return Checkpoint.parse(data.decode(), verifier)
    except (UnicodeError, NoteMalformed, CheckpointMalformed, BadSignature) as error:
        said = getattr(error, "code", "NOTE_MALFORMED")
        raise CheckpointUnreadable(f"the checkpoint is not one of {verifier.name}: {said}") from None


def fsck(storage: Storage, verifier: NoteVerifier) -> Checked:
    """Read everything under the checkpoint again. Raises `CheckpointUnreadable`; the rest are findings."""
    # Before the checkpoint, which then covers the entry that says so.
    pruned, unproven = _pruned(storage, verifier)
    checkpoint = checkpoint_of(storage, verifier)
    reader = _Reader(storage, bytes.fromhex(checkpoint.root), checkpoint.size)
    if unproven is not None:
        reader.found(PRUNED_PATH, 0, unproven)
    if pruned is not None:
        if not _says_so(storage, checkpoint.size, pruned):
            reader.found(PRUNED_PATH, 0, "the log has no such entry")
            pruned = None
        else:
            reader.gone = pruned.blocks
    root = reader.read().hex()
    if root != checkpoint.root and not reader.wrong:
        # Entries and tiles agree with each other, and not with what was signed: all were written anew.
        reader.found(CHECKPOINT_PATH, 0, "the entries hash to another root than was signed")
    return Checked(checkpoint, root, tuple(reader.wrong), pruned)


def _pruned(storage: Storage, verifier: NoteVerifier) -> tuple[Pruned | None, str | None]:
    try:
        return published(storage, verifier), None
    except PruningUnproven as error:
        return None, str(error)


def _says_so(storage: Storage, size: int, pruned: Pruned) -> bool:
    """Whether the entry of the pruning stands in this tree where its receipt says, by hash or by bytes."""
    n, at = divmod(pruned.index, WIDTH)
    if pruned.index >= size:
        return False
    tile = Tile(0, n, min(WIDTH, size - n * WIDTH))
    hashes = tile_data(storage, tile) or b""
    if hashes[at * tree.HASH_SIZE : (at + 1) * tree.HASH_SIZE].hex() == pruned.entry:
        return True
    try:
        return tree.leaf_hash(parse_bundle(bundle_data(storage, tile) or b"")[at]).hex() == pruned.entry
    except (BundleMalformed, IndexError):
        return False


@dataclass(slots=True)
class _Reader:
    storage: Storage
    signed: bytes
    size: int
    wrong: list[Wrong] = field(default_factory=list)
    gone: int = 0
    """How many bundles, from the first on, and tiles of leaf hashes need not be there."""

    def read(self) -> bytes:
        """The root over what is there, each tile of hashes held against what lies under it."""
        edge, size = Edge.empty(), self.size
        for begin in range(0, size, WIDTH):
            tile = Tile(0, begin // WIDTH, min(WIDTH, size - begin))
            if tile.n < self.gone and not self._whole(tile):
                for full in edge.append(self._above(tile), 1):
                    self._same(Tile(full.level, full.n), full.data)
                continue
            for full in edge.extend(self._leaves(tile, edge)):
                if full.level:
                    self._same(Tile(full.level, full.n), full.data)
        for tile in grown(0, size):
            if tile.level and tile.width < WIDTH:
                self._same(tile, edge.partial(tile.level))
        return edge.root()

    def _leaves(self, tile: Tile, edge: Edge) -> Sequence[bytes]:
        """The leaf hashes under a tile of level 0, by its bundle or, where that is wrong, by the tile."""
        entries, hashes = self._entries(tile), self._hashes(tile)
        if entries is None or hashes is None:
            return entries or hashes or [bytes(tree.HASH_SIZE)] * tile.width
        differ = [at for at in range(tile.width) if entries[at] != hashes[at]]
        if not differ:
            return entries
        # One of the two was changed. What stands above says which.
        right = {name: self._fits(tile, each, edge) for name, each in (("e", entries), ("h", hashes))}
        for at in differ:
            if not right["e"]:
                self.found(tile.bundle_path, tile.n * WIDTH + at, "not the entry that its hash is of")
            if not right["h"]:
                self.found(tile.path, tile.n * WIDTH + at, "not the hash of its entry")
        return entries if right["e"] else hashes

    def _fits(self, tile: Tile, leaves: Sequence[bytes], edge: Edge) -> bool:
        if tile.width < WIDTH:
            grown_by = edge.copy()
            grown_by.extend(leaves)
            return grown_by.root() == self.signed
        return self._above(tile) == tree.root(leaves)

    def _whole(self, tile: Tile) -> bool:
        """Whether both files of a tile of level 0 are there."""
        return None not in (self.storage.get(tile.path), self.storage.get(tile.bundle_path))

    def _above(self, tile: Tile) -> bytes:
        """The hash over a full tile of level 0, as the tile above it has it; zeros where that is missing."""
        n, at = tile.n // WIDTH, (tile.n % WIDTH) * tree.HASH_SIZE
        width = min(WIDTH, (self.size >> 8) - n * WIDTH)
        data = tile_data(self.storage, Tile(1, n, width)) or b""
        return data[at : at + tree.HASH_SIZE].ljust(tree.HASH_SIZE, b"\0")

    def _entries(self, tile: Tile) -> list[bytes] | None:
        begin = tile.n * WIDTH
        data = bundle_data(self.storage, tile)
        if data is None:
            self.found(tile.bundle_path, begin, "missing")
            return None
        try:
            entries = [tree.leaf_hash(entry) for entry in parse_bundle(data)]
        except BundleMalformed:
            entries = []
        if len(entries) != tile.width:
            self.found(tile.bundle_path, begin, f"not a bundle of {tile.width} entries")
            return None
        return entries

    def _hashes(self, tile: Tile) -> list[bytes] | None:
        data, size = tile_data(self.storage, tile), tree.HASH_SIZE
        if data is None or len(data) != tile.width * size:
            self.found(tile.path, tile.n * WIDTH, "missing" if data is None else "of another length")
            return None
        return [data[at : at + size] for at in range(0, len(data), size)]

    def _same(self, tile: Tile, expected: bytes) -> None:
        if tile_data(self.storage, tile) != expected:
            self.found(tile.path, tile.n * WIDTH ** (tile.level + 1), "not the hashes of what lies under it")

    def found(self, path: str, index: int, what: str) -> None:
        self.wrong.append(Wrong(path, index, what))
