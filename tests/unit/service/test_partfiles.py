"""Parts of uploads on disk: one holder at a time, and never more believed than was made durable."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.errors import BadInput
from service import partfiles
from service.partfiles import PartFiles, UploadAtWork, UploadTooLong
from swap.errors import Tampered
from swap.faults import FolderExposed

NAME = "ab" * 16


class BrokenOff(BadInput):
    code = "BROKEN_OFF"


@pytest.fixture
def parts(tmp_path: Path) -> PartFiles:
    return PartFiles(tmp_path / "uploads")


def test_what_others_could_read_is_no_place_for_uploads(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    with pytest.raises(FolderExposed):
        PartFiles(tmp_path / "open")


def test_a_part_is_its_owners_alone_on_the_disk_too(parts: PartFiles) -> None:
    with parts.held(NAME) as part:
        assert part.path.stat().st_mode & 0o777 == 0o600
        assert part.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_part_has_one_holder_at_a_time(parts: PartFiles) -> None:
    with parts.held(NAME), pytest.raises(UploadAtWork), parts.held(NAME):
        pass

    with parts.held(NAME):
        pass


def test_who_waited_at_a_part_that_was_removed_holds_a_new_one(
    parts: PartFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given somebody who opened the part just before its holder removed it
    opened, flock = partfiles.open_part, partfiles.fcntl.flock
    removed = threading.Event()

    def late(fd: int, how: int) -> None:
        if not removed.is_set():
            removed.set()
            (parts._root / NAME).unlink()
        flock(fd, how)

    monkeypatch.setattr(partfiles.fcntl, "flock", late)

    # Then what he holds has a name, and nobody else holds it beside him
    with parts.held(NAME) as part:
        assert part.path.stat().st_ino == os.fstat(part.file.fileno()).st_ino
        with pytest.raises(UploadAtWork), parts.held(NAME):
            pass
    assert opened is partfiles.open_part


def test_a_part_is_never_a_link_to_somewhere_else(parts: PartFiles, tmp_path: Path) -> None:
    (parts._root / NAME).symlink_to(tmp_path / "target")

    with pytest.raises(OSError, match="symbolic"), parts.held(NAME):
        pass
    assert not (tmp_path / "target").exists()


def test_offsets_are_told_once_the_bytes_before_them_are_durable(
    parts: PartFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partfiles, "SYNC", 10)
    order: list[object] = []
    sync = os.fsync
    monkeypatch.setattr(partfiles.os, "fsync", lambda fd: (sync(fd), order.append("fsync")))

    with parts.held(NAME) as part:
        part.append(0, [b"x" * 6] * 5, most=30, saved=order.append)

    assert order == ["fsync", 12, "fsync", 24, "fsync", 30]


def test_what_came_before_a_break_is_kept(parts: PartFiles) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"first"
        raise BrokenOff("gone")

    told: list[int] = []
    with parts.held(NAME) as part, pytest.raises(BrokenOff):
        part.append(0, breaking(), most=100, saved=told.append)

    assert told == [5]
    assert (parts._root / NAME).read_bytes() == b"first"


def test_nothing_is_kept_of_what_is_too_long_or_could_not_be_made_durable(
    parts: PartFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    with parts.held(NAME) as part:
        part.append(0, [b"first"], most=8, saved=told.append)
        with pytest.raises(UploadTooLong):
            part.append(5, [b"12", b"34"], most=8, saved=told.append)
        assert part.path.read_bytes() == b"first"

        def fails(_fd: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patched:
            patched.setattr(partfiles.os, "fsync", fails)
            with pytest.raises(OSError, match="Input"):
                part.append(5, [b"12"], most=8, saved=told.append)
        assert part.path.read_bytes() == b"first"
        part.append(5, [b"123"], most=8, saved=told.append)

    assert told == [5, 8]


def test_bytes_behind_the_recorded_offset_are_not_believed(parts: PartFiles) -> None:
    (parts._root / NAME).write_bytes(b"first, and what a crash left")

    with parts.held(NAME) as part:
        part.append(5, [b" part"], most=10, saved=lambda _: None)
        assert part.path.read_bytes() == b"first part"
        with pytest.raises(Tampered):
            part.append(50, [b"x"], most=100, saved=lambda _: None)


def test_what_nobody_has_written_to_for_long_is_found(parts: PartFiles) -> None:
    now = datetime.now(UTC)
    with parts.held(NAME), parts.held("cd" * 16):
        pass
    os.utime(parts._root / NAME, (0, 0))

    assert list(parts.left(before=now - timedelta(hours=1))) == [NAME]
