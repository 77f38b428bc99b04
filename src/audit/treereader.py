"""A tree that is kept somewhere: what can be told of it from its entries and its full tiles."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from audit import tree
from audit.checkpoint import Checkpoint
from audit.edge import Edge
from audit.note import NoteVerifier
from audit.tile import WIDTH, Tile
from audit.tree import Nodes

ANY_SIZE = 2**62


class TreeReader(ABC):
    """One log's tree. Hashes of entries are computed from their bytes, each time."""

    verifier: NoteVerifier

    @abstractmethod
    def latest(self, most: int = ANY_SIZE) -> Checkpoint | None:
        """The last checkpoint, or the last not larger than `most`. Raises as `Checkpoint.parse` does."""

    @abstractmethod
    def placed(self) -> int:
        """One more than the highest place given."""

    @abstractmethod
    def entries(self, begin: int, end: int) -> list[bytes]:
        """The leaf bytes at places `[begin, end)`, as far as there are any."""

    @abstractmethod
    def hashes(self, level: int, begin: int, end: int) -> list[bytes]:
        """Hashes `[begin, end)` of a level of tiles, from what lies below: entries, or roots of tiles."""

    @abstractmethod
    def tile(self, level: int, n: int) -> bytes | None:
        """A full tile, if it is complete."""

    def minimum(self) -> int:
        """The index before which entries may be gone; 0 unless something was pruned."""
        return 0

    def tile_data(self, place: Tile, entries: Sequence[bytes] | None = None) -> bytes:
        """The bytes of a tile's file: a full one as it is kept, a partial one from what lies below.

        `entries` are those under the tile, if the caller has them already.
        """
        full = self.tile(place.level, place.n) if place.width == WIDTH else None
        if full is not None:
            return full
        if entries is not None:
            return b"".join(map(tree.leaf_hash, entries))
        begin = place.n * WIDTH
        return b"".join(self.hashes(place.level, begin, begin + place.width))

    def edge(self, size: int) -> Edge:
        """The right edge at `size`, rebuilt."""
        levels: list[list[bytes]] = []
        while size >> (8 * len(levels)):
            count = size >> (8 * len(levels))
            levels.append(self.hashes(len(levels), count - count % WIDTH, count))
        return Edge(size, levels)

    def nodes(self) -> Nodes:
        """Every complete subtree, for proofs. Remembers the tiles it has read."""
        read: dict[tuple[int, int], bytes] = {}

        def nodes(height: int, position: int) -> bytes:
            level, within = divmod(height, 8)
            n, at = divmod(position << within, WIDTH)
            if (level, n) not in read:
                full = self.tile(level, n)
                read[level, n] = full or b"".join(self.hashes(level, n * WIDTH, (n + 1) * WIDTH))
            joined = read[level, n][at * tree.HASH_SIZE : (at + (1 << within)) * tree.HASH_SIZE]
            if len(joined) != tree.HASH_SIZE << within:
                raise LookupError(f"level {level}, tile {n} ends before the subtree does")
            return _complete_root(joined)

        return nodes


@lru_cache(maxsize=1024)
def _complete_root(joined: bytes) -> bytes:
    """The root over the hashes of a complete subtree. Of these bytes alone: proofs share upper tiles."""
    # `tree.root` where nothing is odd, so that each pair is one slice: a proof needs hundreds.
    pair = 2 * tree.HASH_SIZE
    while len(joined) >= pair:
        parents = [sha256(b"\x01" + joined[at : at + pair]).digest() for at in range(0, len(joined), pair)]
        joined = b"".join(parents)
    return joined
