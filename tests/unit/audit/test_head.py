import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit import durable
from audit.durable import DiskFailed, DiskFull
from audit.head import HeadDamaged, HeadFile, HeadMoved, TreeHead
from logbook import a_full_disk

ZERO, ONE, TWO = TreeHead(0, "0" * 64), TreeHead(1, "1" * 64), TreeHead(2, "2" * 64)


@pytest.fixture
def head(tmp_path: Path) -> HeadFile:
    return HeadFile(tmp_path / "guard" / "head")


def test_there_is_no_head_before_the_first(head: HeadFile) -> None:
    assert head.read() is None


def test_a_head_moves_from_what_it_was(head: HeadFile, tmp_path: Path) -> None:
    head.advance(None, ZERO)
    head.advance(ZERO, TWO)

    assert head.read() == TWO
    assert HeadFile(tmp_path / "guard" / "head").read() == TWO


def test_who_is_wrong_about_the_head_does_not_move_it(head: HeadFile) -> None:
    head.advance(None, ONE)

    for expected in (None, ZERO, TreeHead(1, "0" * 64)):
        with pytest.raises(HeadMoved):
            head.advance(expected, TWO)
    assert head.read() == ONE


def test_a_head_never_goes_back(head: HeadFile) -> None:
    head.advance(None, TWO)

    with pytest.raises(HeadMoved):
        head.advance(TWO, ONE)


def test_of_many_that_move_it_at_once_one_does(head: HeadFile) -> None:
    head.advance(None, ZERO)

    def move(number: int) -> bool:
        try:
            head.advance(ZERO, TreeHead(number, "a" * 64))
        except HeadMoved:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        moved = list(pool.map(move, range(1, 33)))

    assert moved.count(True) == 1
    assert head.read() == TreeHead(moved.index(True) + 1, "a" * 64)


@pytest.mark.parametrize(
    "content", ["", "consentry/head/v1 01 " + "0" * 64 + "\n", "consentry/head/v1 1 0\n"]
)
def test_a_damaged_head_is_not_read_as_another(head: HeadFile, tmp_path: Path, content: str) -> None:
    head.advance(None, ONE)
    (tmp_path / "guard" / "head").write_text(content)

    with pytest.raises(HeadDamaged):
        head.read()
    with pytest.raises(HeadDamaged):
        head.advance(ONE, TWO)


def test_a_full_disk_leaves_the_head_where_it_was(head: HeadFile) -> None:
    head.advance(None, ONE)

    with a_full_disk(), pytest.raises(DiskFull):
        head.advance(ONE, TWO)

    assert head.read() == ONE
    head.advance(ONE, TWO)


def test_a_head_whose_last_sync_failed_is_not_believed_before_it_is_on_the_disk(
    head: HeadFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head.advance(None, ONE)
    sync = durable.sync_directory

    def fails(path: Path) -> None:
        raise OSError(errno.EIO, "injected")

    monkeypatch.setattr(durable, "sync_directory", fails)
    with pytest.raises(DiskFailed):
        head.advance(ONE, TWO)
    # The name is there: renamed, and not known to last.
    for one in (head, HeadFile(tmp_path / "guard" / "head")):
        with pytest.raises(DiskFailed):
            one.read()

    monkeypatch.setattr(durable, "sync_directory", sync)
    assert head.read() == TWO
