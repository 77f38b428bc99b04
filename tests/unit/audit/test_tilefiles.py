"""A copy of a log's files answers as the tree does; one that is wrong answers nothing."""

from pathlib import Path

import pytest

from audit import tree
from audit.fsck import CheckpointUnreadable
from audit.storage import PosixStorage
from audit.tile import Tile
from audit.tilefiles import CopyUnsound, TileFiles
from tilelogs import VERIFIER, entries_of, written


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 66_000])
def test_a_copy_is_the_tree_that_was_signed(size: int, tmp_path: Path) -> None:
    entries = entries_of(size)
    hashes = [tree.leaf_hash(entry) for entry in entries]

    copy = TileFiles.read(written(tmp_path, size), VERIFIER)

    assert (copy.placed(), copy.minimum(), copy.latest(size - 1)) == (size, 0, None)
    latest = copy.latest()
    assert latest is not None
    assert latest.root == tree.root(hashes).hex()
    for begin, end in ((0, size), (size - 1, size), (200, 300), (256, 512), (size, size + 9), (0, 0)):
        assert copy.entries(begin, end) == entries[begin:end]
        assert copy.hashes(0, begin, end) == hashes[begin:end]
    nodes = copy.nodes()
    for smaller in {1, max(size // 2, 1), max(size - 1, 1), size}:
        assert tree.range_root(nodes, 0, smaller) == tree.root(hashes[:smaller])
        path = tree.inclusion_path(nodes, smaller - 1, size)
        tree.check_inclusion(hashes[smaller - 1], smaller - 1, size, path, tree.root(hashes))
    assert copy.edge(size).root() == tree.root(hashes)
    assert (copy.tile(0, 0) is not None) == (size >= 256)


def test_a_copy_that_is_wrong_is_none(tmp_path: Path) -> None:
    storage = written(tmp_path, 300)
    place = tmp_path / Tile(0, 0).bundle_path
    data = bytearray(place.read_bytes())
    data[-1] ^= 1
    place.write_bytes(data)

    with pytest.raises(CopyUnsound, match="tile/entries/000"):
        TileFiles.read(storage, VERIFIER)
    with pytest.raises(CheckpointUnreadable):
        TileFiles.read(PosixStorage(tmp_path / "nothing"), VERIFIER)
