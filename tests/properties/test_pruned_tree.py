"""A client that has nothing but the files of a pruned log proves everything from the minimum on."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from audit import tree
from audit.tile import WIDTH, Tile, grown
from audit.tree import Nodes


@cache
def leaves() -> list[bytes]:
    return [tree.leaf_hash(b"entry %d" % number) for number in range(70_000)]


@cache
def subtree(level: int, at: int) -> bytes:
    width = WIDTH**level
    return tree.root(leaves()[at * width : (at + 1) * width])


def files(size: int, minimum: int) -> dict[str, bytes]:
    """The tiles of a log of this size, without those of leaf hashes that lie below the minimum."""
    found = {}
    for tile in grown(0, size):
        if tile.level or tile.n >= minimum // WIDTH:
            first = tile.n * WIDTH
            found[tile.path] = b"".join(subtree(tile.level, at) for at in range(first, first + tile.width))
    return found


def client(there: dict[str, bytes], size: int) -> Nodes:
    """Complete subtrees by the specification's paths alone; a tile that is missing is a KeyError."""

    def nodes(height: int, position: int) -> bytes:
        level, within = divmod(height, 8)
        begin = position << within
        n = begin // WIDTH
        width = min(WIDTH, (size >> (8 * level)) - n * WIDTH)
        data = there[Tile(level, n, width).path]
        hashes = [data[at : at + 32] for at in range(0, len(data), 32)]
        return tree.root(hashes[begin - n * WIDTH :][: 1 << within])

    return nodes


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_proof_from_the_minimum_on_is_there(data: st.DataObject) -> None:
    # Given a log of any size, pruned up to any whole tile
    size = data.draw(st.one_of(st.integers(1, 3000), st.integers(65_000, 70_000)))
    minimum = data.draw(st.integers(0, size // WIDTH)) * WIDTH
    nodes = client(files(size, minimum), size)
    whole = client(files(size, 0), size)
    root = tree.range_root(whole, 0, size)

    # Then its root is hashed from the files that are left,
    assert tree.range_root(nodes, 0, size) == root
    # each entry that is left is in it, and in every tree between,
    if minimum < size:
        index = data.draw(st.integers(minimum, size - 1))
        between = data.draw(st.integers(index + 1, size))
        for under in (between, size):
            path = tree.inclusion_path(nodes, index, under)
            expected = tree.range_root(whole, 0, under)
            tree.check_inclusion(leaves()[index], index, under, path, expected)
    # and any two trees from the minimum on are consistent.
    old = data.draw(st.integers(minimum, size))
    new = data.draw(st.integers(old, size))
    roots = [tree.range_root(nodes, 0, each) for each in (old, new)]
    tree.check_consistency(old, new, tree.consistency_path(nodes, old, new), *roots)
