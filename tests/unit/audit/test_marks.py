"""Marks against those outside: what can't be read is not nothing."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.durable import DiskFailed
from audit.marks import Mark, Marks


def test_a_mark_stays_until_it_is_dropped(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "ahead")
    assert marks.marked() == {}

    marks.put("w1", "ahead", "proof")
    marks.put("w1", "still ahead")
    (tmp_path / "ahead" / "notes.txt").write_text("of the operator")
    assert marks.marked() == {"w1": Mark("still ahead", "proof")}

    marks.drop("w1")
    marks.drop("w1")
    assert marks.marked() == {}


def test_a_folder_that_cannot_be_read_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = Marks(tmp_path / "ahead")
    marks.put("w1", "ahead")

    def refuses(path: Path) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "injected")

    monkeypatch.setattr(Path, "iterdir", refuses)
    with pytest.raises(DiskFailed):
        marks.marked()
