"""What every `Storage` promises, the real one and the tests' own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.durable import DiskFailed, DiskFull
from audit.storage import FileDiverged, PathRefused, PosixStorage, Storage
from logbook import MemoryStorage, a_full_disk


@pytest.fixture(params=[PosixStorage, lambda _root: MemoryStorage()], ids=["posix", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    make: Callable[[Path], Storage] = request.param
    return make(tmp_path / "log")


def test_what_was_put_is_there(storage: Storage) -> None:
    storage.put("tile/0/x001/000.p/7", b"hashes")

    assert storage.get("tile/0/x001/000.p/7") == b"hashes"
    assert storage.get("tile/0/x001/000.p/7") is not None


def test_what_lies_in_a_directory_is_named_and_nothing_further_down(storage: Storage) -> None:
    for path in ("tile/0/000", "tile/0/001.p/7", "tile/0/x001/000", "tile/1/000", "checkpoint"):
        storage.put(path, b"x")

    assert storage.names("tile/0") == {"000", "001.p", "x001"}
    assert storage.names("tile/0/x001") == {"000"}
    assert storage.names("tile") == {"0", "1"}
    for none in ("tile/0/000", "tile/7", "entries"):
        assert storage.names(none) == frozenset()


def test_what_was_not_put_is_not_there(storage: Storage) -> None:
    assert storage.get("checkpoint") is None
    assert storage.get("checkpoint") is None


def test_the_same_bytes_again_are_welcome_and_others_are_a_fork(storage: Storage) -> None:
    storage.put("tile/0/000", b"one")
    storage.put("tile/0/000", b"one")

    with pytest.raises(FileDiverged):
        storage.put("tile/0/000", b"other")
    assert storage.get("tile/0/000") == b"one"


def test_the_checkpoint_is_replaced(storage: Storage) -> None:
    storage.replace("checkpoint", b"one")
    storage.replace("checkpoint", b"two")

    assert storage.get("checkpoint") == b"two"


def test_partial_tiles_are_discarded_and_their_full_one_stays(storage: Storage) -> None:
    for path in ("tile/0/000.p/1", "tile/0/000.p/2", "tile/0/000", "tile/0/001.p/1"):
        storage.put(path, b"x")

    storage.discard("tile/0/000.p")
    storage.discard("tile/0/009.p")

    there = [storage.get(path) is not None for path in ("tile/0/000.p/1", "tile/0/000", "tile/0/001.p/1")]
    assert there == [False, True, True]


def test_of_many_writers_one_wins_and_all_agree(storage: Storage) -> None:
    def write(number: int) -> bool:
        try:
            storage.put("tile/0/000", bytes([number % 4]))
        except FileDiverged:
            return False
        return storage.get("tile/0/000") == bytes([number % 4])

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(write, range(64)))

    assert outcomes.count(True) == 16


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "tile/../../x", "tile//0", "tile/0/", "a\x00b", "tile/.p", "Tile"]
)
def test_a_path_can_not_leave_the_log(tmp_path: Path, path: str) -> None:
    storage = PosixStorage(tmp_path / "log")

    for use in (storage.get, storage.names, storage.discard):
        with pytest.raises(PathRefused):
            use(path)


def test_a_full_disk_leaves_nothing_behind_and_says_so(tmp_path: Path) -> None:
    storage = PosixStorage(tmp_path / "log")
    storage.replace("checkpoint", b"old")

    with a_full_disk():
        with pytest.raises(DiskFull):
            storage.put("tile/0/000", b"hashes")
        with pytest.raises(DiskFull):
            storage.replace("checkpoint", b"new")

    assert storage.get("checkpoint") == b"old"
    assert [path.name for path in (tmp_path / "log").rglob("*") if path.is_file()] == ["checkpoint"]
    storage.put("tile/0/000", b"hashes")


def test_a_disk_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the directory should be")
    storage = PosixStorage(tmp_path / "log")

    with pytest.raises(DiskFailed):
        storage.put("tile/0/000", b"x")
    with pytest.raises(DiskFailed):
        storage.get("tile/0/000")
