"""Whoever has the files and the key sees every changed bit, and where it is."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from audit import tree
from audit.edge import Edge
from audit.export import export
from audit.fsck import CheckpointUnreadable, Wrong, fsck
from audit.note import NoteVerifier
from audit.storage import PosixStorage
from audit.tile import Tile, encode_bundle
from audit.tilefiles import TileFiles
from tilelogs import KEY, VERIFIER, written


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600, 70_000])
def test_what_was_signed_is_sound(size: int, tmp_path: Path) -> None:
    done = fsck(written(tmp_path, size), VERIFIER)

    assert (done.sound, done.checkpoint.size, done.wrong) == (True, size, ())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "log"
    written(folder, 70_000)
    return folder


@pytest.fixture
def copied(kept: Path, tmp_path: Path) -> Callable[[], Path]:
    def copy() -> Path:
        shutil.rmtree(tmp_path / "log", ignore_errors=True)
        return Path(shutil.copytree(kept, tmp_path / "log"))

    return copy


def test_one_flipped_bit_is_located_wherever_it_is(kept: Path, tmp_path: Path) -> None:
    """A thousand places: of small trees all files, of a large one those that stand above many."""
    chance, flipped = random.Random(7), 0
    for size in (1, 300, 600):
        folder = tmp_path / str(size)
        storage = written(folder, size)
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            data = path.read_bytes()
            for _ in range(60 if path.name != "checkpoint" else 150):
                at, bit = chance.randrange(len(data)), chance.randrange(8)
                path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
                located(storage, path.relative_to(folder).as_posix())
                flipped += 1
            path.write_bytes(data)
        assert fsck(storage, VERIFIER).sound
    assert flipped >= 1000


def located(storage: PosixStorage, path: str) -> None:
    if path == "checkpoint":
        with pytest.raises(CheckpointUnreadable):
            fsck(storage, VERIFIER)
        return
    done = fsck(storage, VERIFIER)
    assert not done.sound
    assert {one.path for one in done.wrong} == {path}
    assert done.root == done.checkpoint.root, "what is right elsewhere leads to the signed root"


@pytest.mark.parametrize(
    ("path", "index"),
    [
        ("tile/0/000", 17),
        ("tile/0/272", 272 * 256 + 17),
        ("tile/0/273.p/112", 273 * 256 + 17),
        ("tile/1/000", 0),
        ("tile/1/001.p/17", 65_536),
        ("tile/2/000.p/1", 0),
    ],
)
def test_of_a_large_tree_each_level_is_held_against_the_one_below(
    path: str, index: int, copied: Callable[[], Path]
) -> None:
    folder = copied()
    file = folder / path
    data = bytearray(file.read_bytes())
    place = 17 * 32 if len(data) > 17 * 32 else 0
    data[place] ^= 1
    file.write_bytes(bytes(data))

    done = fsck(PosixStorage(folder), VERIFIER)

    assert [(one.path, one.index) for one in done.wrong] == [(path, index)]
    assert done.root == done.checkpoint.root


def test_a_missing_a_cut_and_a_foreign_file_are_named(copied: Callable[[], Path]) -> None:
    folder = copied()
    storage = PosixStorage(folder)
    (folder / "tile/entries/003").unlink()
    (folder / "tile/0/007").write_bytes(b"short")
    (folder / "tile/entries/009").write_bytes((folder / "tile/entries/010").read_bytes())
    (folder / "tile/entries/011").write_bytes(b"\xff\xff")

    wrong = fsck(storage, VERIFIER).wrong

    assert Wrong("tile/entries/003", 3 * 256, "missing") in wrong
    assert Wrong("tile/0/007", 7 * 256, "of another length") in wrong
    assert {one.index for one in wrong if one.path == "tile/entries/009"} == set(range(9 * 256, 10 * 256))
    assert Wrong("tile/entries/011", 11 * 256, "not a bundle of 256 entries") in wrong
    assert {one.path for one in wrong} == {
        f"tile/{name}" for name in ("entries/003", "0/007", "entries/009", "entries/011")
    }


def test_a_tree_written_anew_is_not_the_signed_one(tmp_path: Path) -> None:
    storage = written(tmp_path, 300)
    other = written(tmp_path / "other", 300)
    entries = [b"entry %d of another log" % number for number in range(300)]
    edge = Edge.empty()
    edge.extend(tree.leaf_hashes(entries))
    for tile, part in ((Tile(0, 0), entries[:256]), (Tile(0, 1, 44), entries[256:])):
        other.replace(tile.bundle_path, encode_bundle(part))
        other.replace(tile.path, b"".join(map(tree.leaf_hash, part)))
    other.replace("tile/1/000.p/1", tree.root([tree.leaf_hash(entry) for entry in entries[:256]]))

    done = fsck(other, VERIFIER)

    assert not done.sound
    assert [one.path for one in done.wrong] == ["checkpoint"]
    assert done.root == edge.root().hex()
    assert fsck(storage, VERIFIER).sound


@pytest.mark.parametrize("data", [None, b"", b"\xff", b"nonsense\n"])
def test_without_a_checkpoint_of_this_log_nothing_is_said(data: bytes | None, tmp_path: Path) -> None:
    storage = written(tmp_path, 3)
    (tmp_path / "checkpoint").unlink()
    if data is not None:
        (tmp_path / "checkpoint").write_bytes(data)

    with pytest.raises(CheckpointUnreadable):
        fsck(storage, VERIFIER)
    with pytest.raises(CheckpointUnreadable):
        fsck(written(tmp_path / "b", 3), NoteVerifier("log.example/other", KEY.verifying))


def test_a_copy_of_a_log_that_goes_on_is_a_log_of_its_size(tmp_path: Path) -> None:
    # Given a log that has grown, and dropped its partial tiles, after its checkpoint of 300 was read
    source = written(tmp_path / "source", 70_000)
    written(tmp_path / "small", 300)
    source.replace("checkpoint", (tmp_path / "small" / "checkpoint").read_bytes())
    assert source.get("tile/0/001.p/44") is None

    copied = export(source, PosixStorage(tmp_path / "copy"), VERIFIER)

    assert copied.size == 300
    assert fsck(PosixStorage(tmp_path / "copy"), VERIFIER).sound
    paths = [
        each.relative_to(tmp_path / "small") for each in (tmp_path / "small").rglob("*") if each.is_file()
    ]
    assert len(paths) == 6
    for path in paths:
        assert (tmp_path / "copy" / path).read_bytes() == (tmp_path / "small" / path).read_bytes()


def test_a_log_that_goes_on_is_sound_where_it_lies(tmp_path: Path) -> None:
    # Given a log that has grown after its checkpoint of 300 was read, on each level,
    source = written(tmp_path / "source", 70_000)
    smaller = written(tmp_path / "small", 300)
    source.replace("checkpoint", (tmp_path / "small" / "checkpoint").read_bytes())
    assert (source.get("tile/0/001.p/44"), source.get("tile/1/000.p/1")) == (None, None)

    # then it is the one of then,
    done = fsck(source, VERIFIER)
    assert (done.wrong, done.root) == ((), fsck(smaller, VERIFIER).root)
    copy = TileFiles.read(source, VERIFIER)
    assert copy.entries(250, 300) == TileFiles.read(smaller, VERIFIER).entries(250, 300)
    assert copy.edge(300).root().hex() == done.root

    # and what is wrong is found all the same, or missing where no full tile is.
    bundle = bytearray((tmp_path / "source/tile/entries/001").read_bytes())
    bundle[9] ^= 1
    source.replace("tile/entries/001", bytes(bundle))
    assert [(one.path, one.index) for one in fsck(source, VERIFIER).wrong] == [("tile/entries/001.p/44", 256)]
    source.replace("tile/entries/001", b"\xff\xff")
    assert [one.what for one in fsck(source, VERIFIER).wrong] == ["not a bundle of 44 entries"]
    for path in ("tile/0/001.p/44", "tile/entries/001.p/44"):
        (tmp_path / "small" / path).unlink()
        assert Wrong(path, 256, "missing") in fsck(smaller, VERIFIER).wrong


def test_what_is_not_there_is_not_copied(tmp_path: Path) -> None:
    source = written(tmp_path / "source", 300)
    (tmp_path / "source" / "tile/0/000").unlink()

    with pytest.raises(CheckpointUnreadable, match="tile/0/000"):
        export(source, PosixStorage(tmp_path / "copy"), VERIFIER)
    assert not (tmp_path / "copy" / "checkpoint").exists()


def test_a_key_that_has_ended_vouches_for_no_larger_tree(tmp_path: Path) -> None:
    storage = written(tmp_path, 300)

    for until, sound in ((299, False), (300, True)):
        verifier = NoteVerifier.parse(f"{VERIFIER.text} until {until}\n")
        if sound:
            assert fsck(storage, verifier).sound
        else:
            with pytest.raises(CheckpointUnreadable, match="BAD_SIGNATURE"):
                fsck(storage, verifier)
