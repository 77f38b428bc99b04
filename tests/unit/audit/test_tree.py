import json
from pathlib import Path

import pytest

from audit import tree
from audit.tree import ProofInvalid

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "rfc6962.json").read_text())
LEAVES = [tree.leaf_hash(bytes.fromhex(entry)) for entry in VECTORS["entries"]]


@pytest.mark.parametrize("size", range(9))
def test_the_known_roots_come_out(size: int) -> None:
    assert tree.root(LEAVES[:size]).hex() == VECTORS["roots"][size]
    assert tree.range_root(tree.nodes_of(LEAVES), 0, size).hex() == VECTORS["roots"][size]


def test_a_leaf_can_not_pose_as_a_node() -> None:
    left, right = LEAVES[0], LEAVES[1]

    assert tree.leaf_hash(left + right) != tree.node_hash(left, right)


def test_an_index_outside_the_tree_has_no_path() -> None:
    for index, size in [(-1, 3), (3, 3), (0, 0)]:
        with pytest.raises(ProofInvalid):
            tree.inclusion_path(tree.nodes_of(LEAVES), index, size)
        with pytest.raises(ProofInvalid):
            tree.check_inclusion(LEAVES[0], index, size, [], LEAVES[0])


def test_a_tree_is_no_prefix_of_a_smaller_one() -> None:
    with pytest.raises(ProofInvalid):
        tree.consistency_path(tree.nodes_of(LEAVES), 4, 3)
    with pytest.raises(ProofInvalid):
        tree.check_consistency(4, 3, [], LEAVES[0], LEAVES[0])


def test_a_hash_of_another_length_is_refused_wherever_it_stands() -> None:
    root = tree.root(LEAVES[:2])

    for leaf, path, expected in [
        (LEAVES[0][:31], [LEAVES[1]], root),
        (LEAVES[0], [LEAVES[1] + b"\0"], root),
        (LEAVES[0], [LEAVES[1]], b""),
        (b"", [], b""),
    ]:
        with pytest.raises(ProofInvalid):
            tree.check_inclusion(leaf, 0, 2, path, expected)


def test_a_path_that_is_too_long_or_too_short_is_refused() -> None:
    path = tree.inclusion_path(tree.nodes_of(LEAVES), 2, 7)
    root = tree.root(LEAVES[:7])

    tree.check_inclusion(LEAVES[2], 2, 7, path, root)
    for other in (path[:-1], [*path, LEAVES[0]]):
        with pytest.raises(ProofInvalid):
            tree.check_inclusion(LEAVES[2], 2, 7, other, root)


def test_a_consistency_path_that_is_too_long_or_too_short_is_refused() -> None:
    path = tree.consistency_path(tree.nodes_of(LEAVES), 3, 7)
    old, new = tree.root(LEAVES[:3]), tree.root(LEAVES[:7])

    tree.check_consistency(3, 7, path, old, new)
    for other in (path[:-1], [*path, LEAVES[0]], []):
        with pytest.raises(ProofInvalid):
            tree.check_consistency(3, 7, other, old, new)


def test_an_empty_tree_is_a_prefix_of_every_tree_and_proves_nothing() -> None:
    root = tree.root(LEAVES[:5])

    tree.check_consistency(0, 5, [], tree.EMPTY_ROOT, root)
    tree.check_consistency(0, 0, [], tree.EMPTY_ROOT, tree.EMPTY_ROOT)
    with pytest.raises(ProofInvalid):
        tree.check_consistency(0, 5, [LEAVES[0]], tree.EMPTY_ROOT, root)
    with pytest.raises(ProofInvalid):
        tree.check_consistency(0, 5, [], root, root)


def test_one_size_has_one_root() -> None:
    with pytest.raises(ProofInvalid):
        tree.check_consistency(5, 5, [], LEAVES[0], LEAVES[1])
    with pytest.raises(ProofInvalid):
        tree.check_consistency(5, 5, [LEAVES[0]], LEAVES[0], LEAVES[0])
