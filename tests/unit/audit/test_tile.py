import pytest

from audit.tile import BundleMalformed, Tile, encode_bundle, grown, parse_bundle


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(3, 1_234_067), "tile/3/x001/x234/067"),
        (Tile(1, 1_234_067, 8), "tile/1/x001/x234/067.p/8"),
    ],
)
def test_a_tile_lies_where_the_specification_puts_it(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_entries_lie_beside_their_hashes() -> None:
    assert Tile(0, 273, 112).bundle_path == "tile/entries/273.p/112"
    assert Tile(0, 1273).partials == ("tile/0/x001/273.p", "tile/entries/x001/273.p")


def test_a_tree_of_256_is_one_full_tile_and_one_hash_above() -> None:
    assert list(grown(0, 256)) == [Tile(0, 0), Tile(1, 0, 1)]


def test_a_tree_of_70000_is_the_specification_s_example() -> None:
    tiles = list(grown(0, 70_000))

    assert sum(tile.level == 0 for tile in tiles) == 274
    assert Tile(0, 273, 112) in tiles
    assert [tile for tile in tiles if tile.level == 1] == [Tile(1, 0), Tile(1, 1, 17)]
    assert [tile for tile in tiles if tile.level == 2] == [Tile(2, 0, 1)]


def test_growing_needs_only_what_is_new() -> None:
    assert list(grown(250, 260)) == [Tile(0, 0), Tile(0, 1, 4), Tile(1, 0, 1)]
    assert list(grown(260, 261)) == [Tile(0, 1, 5), Tile(1, 0, 1)]
    assert list(grown(261, 261)) == []


def test_a_bundle_gives_its_entries_back() -> None:
    entries = [b"", b"one", b"x" * 65_535]

    assert parse_bundle(encode_bundle(entries)) == entries
    assert parse_bundle(b"") == []


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x00" * 257])
def test_a_bundle_that_was_cut_or_is_too_long_is_refused(data: bytes) -> None:
    with pytest.raises(BundleMalformed):
        parse_bundle(data)
