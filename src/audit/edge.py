"""The right edge of a tree: all it takes to grow it. At most 255 hashes a level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

    @classmethod
    def empty(cls) -> Self:
        """The edge of a tree without leaves."""
        return cls(0, [])

    def copy(self) -> Self:
        """Another that grows on its own."""
        return type(self)(self.size, self._levels)

    def append(self, value: bytes, level: int = 0) -> Iterator[FullTile]:
        """Grow by one leaf; yields the tiles this completes, lowest first. Exhaust it before the next.

        At a higher `level` by as many leaves as `value` is the root over, where no smaller ones wait.
        """
        self.size += WIDTH**level
        while True:
            while level >= len(self._levels):
                self._levels.append([])
            hashes = self._levels[level]
            hashes.append(value)
            if len(hashes) < WIDTH:
                return
            value = tree.root(hashes)
            yield FullTile(level, (self.size >> (8 * level + 8)) - 1, b"".join(hashes), value)
            hashes.clear()
            level += 1

    def partial(self, level: int) -> bytes:
        """The hashes of the tile at this level that is not full; empty if there is none."""
        return b"".join(self._levels[level]) if level < len(self._levels) else b""

    def root(self) -> bytes:
        """The root of the tree.

        What is left over at one level is the tree's smaller, last subtree at the level above.
        """
        rest: list[bytes] = []
        for hashes in self._levels:
            if hashes or rest:
                rest = [tree.root([*hashes, *rest])]
        return rest[0] if rest else tree.EMPTY_ROOT
