from pathlib import Path

import pytest

from audit import durable, files
from audit.durable import DiskFailed
from audit.guard import LogForked
from audit.head import HeadFile, HeadMoved, TreeHead

ONE, TWO = TreeHead(1, "1" * 64), TreeHead(2, "2" * 64)


@pytest.fixture
def head(tmp_path: Path) -> HeadFile:
    return HeadFile(tmp_path / "head")


def test_a_head_that_is_further_already_is_left_alone(head: HeadFile) -> None:
    head.advance(None, TWO)

    files.advance(head, ONE)
    files.advance(head, TWO)

    assert head.read() == TWO


def test_a_head_of_the_same_size_and_another_root_is_a_fork(head: HeadFile) -> None:
    head.advance(None, ONE)

    with pytest.raises(LogForked):
        files.advance(head, TreeHead(1, "f" * 64))


class Contested:
    """A head that somebody else moves, just before we do, so many times."""

    def __init__(self, inner: HeadFile, times: int) -> None:
        self.inner, self.times = inner, times

    def read(self) -> TreeHead | None:
        return self.inner.read()

    def advance(self, old: TreeHead | None, new: TreeHead) -> None:
        if self.times:
            self.times -= 1
            raise HeadMoved("told to")
        self.inner.advance(old, new)


def test_who_is_overtaken_looks_again_and_does_not_look_for_ever(head: HeadFile) -> None:
    files.advance(Contested(head, 3), ONE)
    assert head.read() == ONE

    with pytest.raises(HeadMoved):
        files.advance(Contested(head, 1000), TWO)


def test_a_file_that_can_not_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(DiskFailed):
        durable.replace(tmp_path / "taken", b"data")

    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
