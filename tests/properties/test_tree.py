"""Trees of any size: what is proven holds, and one changed bit proves nothing."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import tree
from audit.edge import Edge, FullTile
from audit.tree import ProofInvalid

LEAVES = [tree.leaf_hash(number.to_bytes(2)) for number in range(1200)]


def naive(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


sizes = st.integers(1, 600)


@given(st.lists(st.integers(0, 600), max_size=4).map(sorted))
def test_every_way_to_the_root_is_the_specification_s(sizes: list[int]) -> None:
    # Given an edge that grew in steps, some of them none, and was rebuilt from its tiles in between
    edge, tiles, size = Edge.empty(), list[FullTile](), 0
    for upto in sizes:
        tiles += edge.copy().extend(LEAVES[size:upto])
        edge.extend(LEAVES[size:upto])
        size = upto
        assert edge.root() == naive(LEAVES[:size])
        levels = [
            LEAVES[size - size % 256 : size],
            [naive(LEAVES[n * 256 :][:256]) for n in range(size >> 8)],
        ]
        edge = Edge(size, levels[: (size > 0) + (size > 255)])

    # Then its root is everybody's, and so are its tiles
    assert tree.root(LEAVES[:size]) == edge.root() == naive(LEAVES[:size])
    assert tiles == [
        FullTile(0, n, b"".join(LEAVES[n * 256 :][:256]), naive(LEAVES[n * 256 :][:256]))
        for n in range(size >> 8)
    ]
    assert tree.range_root(tree.nodes_of(LEAVES), 0, size) == edge.root()


@given(sizes, st.data())
def test_every_leaf_can_be_proven_and_only_where_it_is(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index)) if size > 1 else size
    root = naive(LEAVES[:size])

    path = tree.inclusion_path(tree.nodes_of(LEAVES), index, size)

    tree.check_inclusion(LEAVES[index], index, size, path, root)
    with pytest.raises(ProofInvalid):
        tree.check_inclusion(LEAVES[index], other, size, path, root)


@given(sizes, st.data())
def test_every_older_tree_is_a_prefix(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))

    path = tree.consistency_path(tree.nodes_of(LEAVES), old, new)

    tree.check_consistency(old, new, path, naive(LEAVES[:old]), naive(LEAVES[:new]))


@given(sizes, st.data())
def test_a_flipped_bit_anywhere_breaks_an_inclusion_proof(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = tree.inclusion_path(tree.nodes_of(LEAVES), index, size)
    hashes = [LEAVES[index], *path, naive(LEAVES[:size])]
    place, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))

    hashes[place] = flip(hashes[place], bit)

    with pytest.raises(ProofInvalid):
        tree.check_inclusion(hashes[0], index, size, hashes[1:-1], hashes[-1])


@given(st.integers(2, 600), st.data())
def test_a_flipped_bit_anywhere_breaks_a_consistency_proof(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    path = tree.consistency_path(tree.nodes_of(LEAVES), old, new)
    hashes = [naive(LEAVES[:old]), *path, naive(LEAVES[:new])]
    place, bit = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 255))

    hashes[place] = flip(hashes[place], bit)

    with pytest.raises(ProofInvalid):
        tree.check_consistency(old, new, hashes[1:-1], hashes[0], hashes[-1])


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)
