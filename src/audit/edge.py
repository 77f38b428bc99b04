"""The right edge of a tree: all it takes to grow it. At most 255 hashes a level."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import Self

from audit import tree
from audit.tile import WIDTH


@dataclass(frozen=True, slots=True)
class FullTile:
    """A tile that was just completed: 256 hashes, and the root over them."""

    level: int
    n: int
    data: bytes
    root: bytes


class Edge:
    """A tree that can only grow. Owned by one sequencing transaction, thrown away with it."""

    def __init__(self, size: int, levels: Sequence[Sequence[bytes]]) -> None:
        self.size = size
        self._levels = [list(level) for level in levels]
        self._peaks: dict[int, bytes] | None = None
        """Roots of the largest complete subtrees, by height, as the ones in the size. None: not known yet."""

    @classmethod
    def empty(cls) -> Self:
        """The edge of a tree without leaves."""
        return cls(0, [])

    def copy(self) -> Self:
        """Another that grows on its own."""
        other = type(self)(self.size, self._levels)
        other._peaks = None if self._peaks is None else dict(self._peaks)
        return other

    def append(self, value: bytes, level: int = 0) -> list[FullTile]:
        """As `extend`, by one."""
        return self.extend((value,), level)

    def extend(self, values: Iterable[bytes], level: int = 0) -> list[FullTile]:
        """Grow by these leaf hashes; the tiles this completes, lowest first. Each node is hashed once.

        At a higher `level` by roots of full tiles below it, where no smaller ones wait.
        """
        peaks, new, lowest, height = self._known(), list(values), level, 8 * level
        tiles, waiting, first = list[FullTile](), list[bytes](), 0
        self.size += len(new) << height
        while new:
            level, within = divmod(height, 8)
            if not within:
                # What is new at this height are the roots of the tiles that were completed below.
                roots = zip(waiting, new if level > lowest else (), strict=True)
                tiles += [FullTile(level - 1, n, *each) for n, each in enumerate(roots, first)]
                waiting = self._completed(level, new)
                first = (self.size >> (8 * level + 8)) - len(waiting)
            pairs = [peaks.pop(height), *new] if height in peaks else new
            if len(pairs) % 2:
                peaks[height] = pairs[-1]
            # `tree.node_hash`, written out: a call for each would cost as much as the hashing.
            new = [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(pairs[::2], pairs[1::2], strict=False)
            ]
            height += 1
        return tiles

    def partial(self, level: int) -> bytes:
        """The hashes of the tile at this level that is not full; empty if there is none."""
        return b"".join(self._levels[level]) if level < len(self._levels) else b""

    def root(self) -> bytes:
        """The root of the tree: from the smallest peak up, each the left neighbour of all before it."""
        peaks = [peak for _, peak in sorted(self._known().items())]
        return reduce(lambda right, left: tree.node_hash(left, right), peaks) if peaks else tree.EMPTY_ROOT

    def _completed(self, level: int, new: Sequence[bytes]) -> list[bytes]:
        """Put what is new on a level of tiles; the data of those that are full now."""
        while level >= len(self._levels):
            self._levels.append([])
        hashes = self._levels[level]
        hashes += new
        whole = len(hashes) - len(hashes) % WIDTH
        full = [b"".join(hashes[at : at + WIDTH]) for at in range(0, whole, WIDTH)]
        del hashes[:whole]
        return full

    def _known(self) -> dict[int, bytes]:
        if self._peaks is None:
            self._peaks = {}
            for level, hashes in enumerate(self._levels):
                at = 0
                for within in reversed(range(8)):
                    if len(hashes) >> within & 1:
                        self._peaks[8 * level + within] = tree.root(hashes[at : at + (1 << within)])
                        at += 1 << within
        return self._peaks
