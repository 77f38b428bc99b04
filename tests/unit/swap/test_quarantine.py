"""Uploads and media lie under their digest, whole or not at all, where nobody else can look."""

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.canonical import digest
from swap.draft import Draft, create
from swap.errors import Tampered
from swap.faults import FolderExposed, MediaMissing, SourceEmpty, SourceTooLarge, StorageFull
from swap.folder import ContentFolder
from swap.limits import Limits
from swap.quarantine import Quarantine, in_chunks
from swap.store import MediaStore


class FullDisk(io.FileIO):
    """A file on a disk that fills up after so many bytes, or only notices at the sync."""

    room = 0

    def write(self, data: object) -> int:
        if self.tell() + len(bytes(data)) > self.room:  # type: ignore[call-overload]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)  # type: ignore[arg-type]


def full_after(room: int) -> Callable[[Path], FullDisk]:
    def make(folder: Path) -> FullDisk:
        file = FullDisk(folder / ".draft-full", "x+")
        file.room = room
        return file

    return make


def full_at_sync(folder: Path) -> io.FileIO:
    file = create(folder)

    class Unsynced(io.FileIO):
        def fileno(self) -> int:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    file.close()
    return Unsynced(file.name, "r+")


def no_room_for_a_name(folder: Path) -> io.FileIO:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def everything_in(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "quarantine"


def test_an_upload_lies_under_the_digest_of_its_bytes_readable_by_us_alone(root: Path) -> None:
    quarantine = Quarantine(root, Limits())

    stored = quarantine.receive([b"one ", b"", b"two"])

    assert (stored.digest, stored.size) == (digest(b"one two"), 7)
    assert quarantine.holds(stored.digest)
    assert quarantine.bytes_for_sandbox(stored.digest) == b"one two"
    with quarantine.descriptor_for_sandbox(stored.digest) as fd:
        assert os.read(fd, 99) == b"one two"
    for path in [root, *root.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_quarantine_gives_no_path_away() -> None:
    assert [name for name in dir(Quarantine) if not name.startswith("_")] == [
        "adopt",
        "bytes_for_sandbox",
        "descriptor_for_sandbox",
        "discard",
        "holds",
        "kept_since",
        "receive",
        "sweep",
    ]


def test_an_upload_is_stopped_as_soon_as_it_is_too_large(root: Path) -> None:
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield bytes(100)

    with pytest.raises(SourceTooLarge):
        Quarantine(root, Limits(max_bytes=1_000)).receive(endless())

    assert len(taken) == 11
    assert everything_in(root) == []


def test_an_upload_of_exactly_the_limit_is_taken(root: Path) -> None:
    assert Quarantine(root, Limits(max_bytes=1_000)).receive([bytes(1_000)]).size == 1_000


def test_an_empty_upload_is_refused(root: Path) -> None:
    with pytest.raises(SourceEmpty):
        Quarantine(root, Limits()).receive([b""])
    assert everything_in(root) == []


@pytest.mark.parametrize("error", [ConnectionResetError, KeyboardInterrupt, GeneratorExit])
def test_an_upload_that_breaks_off_leaves_nothing(error: type[BaseException], root: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise error

    with pytest.raises(error):
        Quarantine(root, Limits()).receive(broken())
    assert everything_in(root) == []


@pytest.mark.parametrize("make", [full_after(0), full_after(6), full_at_sync, no_room_for_a_name])
def test_a_full_disk_leaves_nothing(make: Callable[[Path], io.FileIO], root: Path) -> None:
    with pytest.raises(StorageFull):
        Quarantine(root, Limits(), make=make).receive([b"1234", b"5678"])
    assert everything_in(root) == []


def test_other_errors_of_the_disk_are_not_called_full(root: Path) -> None:
    def broken(folder: Path) -> io.FileIO:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(OSError, match="Input/output"):
        Quarantine(root, Limits(), make=broken).receive([b"1"])


def test_what_a_crash_left_behind_is_swept(root: Path) -> None:
    quarantine = Quarantine(root, Limits())
    kept = quarantine.receive([b"kept"])
    crashed = Draft(root)
    crashed.write(b"half an upl")
    crashed.file.close()

    assert quarantine.sweep() == 1
    assert everything_in(root) == [kept.digest]


def test_the_same_bytes_twice_are_one_file(root: Path) -> None:
    quarantine = Quarantine(root, Limits())

    assert quarantine.receive([b"same"]) == quarantine.receive([b"sa", b"me"])
    assert len(everything_in(root)) == 1


def test_discarding_is_done_once(root: Path) -> None:
    quarantine = Quarantine(root, Limits())
    stored = quarantine.receive([b"x"])

    assert quarantine.discard(stored.digest)
    assert not quarantine.discard(stored.digest)
    assert not quarantine.holds(stored.digest)
    with pytest.raises(MediaMissing):
        quarantine.bytes_for_sandbox(stored.digest)


def test_changed_bytes_are_never_handed_out(tmp_path: Path) -> None:
    store = MediaStore(tmp_path / "media")
    stored = store.put([b"the real thing"], max_bytes=99)
    store.path(stored.digest).write_bytes(b"another thing!")

    with pytest.raises(Tampered), store.descriptor(stored.digest):
        pass


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "/"])
def test_only_a_digest_is_a_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(MediaMissing):
        MediaStore(tmp_path / "media").path(name)


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_others_can_enter_is_refused(mode: int, root: Path) -> None:
    root.mkdir()
    root.chmod(mode)

    with pytest.raises(FolderExposed):
        ContentFolder(root)


def test_a_local_file_can_be_uploaded(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 10)

    assert list(map(len, in_chunks(path, 1_000))) == [1_000, 1_000, 560]
    assert Quarantine(root, Limits()).receive(in_chunks(path)).digest == digest(path.read_bytes())


# What lies on our disk already


def lying(tmp_path: Path, data: bytes = b"one two") -> Path:
    path = tmp_path / "part"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_a_file_of_ours_is_taken_in_where_it_lies(root: Path, tmp_path: Path) -> None:
    path = lying(tmp_path)
    os.utime(path, (0, 0))

    stored = Quarantine(root, Limits()).adopt(path)

    assert (stored.digest, stored.size) == (digest(b"one two"), 7)
    kept = root / stored.digest[:2] / stored.digest
    assert kept.stat().st_ino == path.stat().st_ino
    assert kept.stat().st_mtime > 1e9, "it is here since now"
    assert Quarantine(root, Limits()).discard(stored.digest)
    assert path.read_bytes() == b"one two"


def test_the_same_bytes_are_taken_in_twice_as_one_file(root: Path, tmp_path: Path) -> None:
    quarantine = Quarantine(root, Limits())
    first = quarantine.receive([b"one two"])

    assert quarantine.adopt(lying(tmp_path)) == first
    assert everything_in(root) == [first.digest]


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_no_link_can_be_made_it_is_copied(
    number: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    path = lying(tmp_path)
    monkeypatch.setattr("swap.folder.os.link", no_link)

    stored = Quarantine(root, Limits()).adopt(path)

    kept = root / stored.digest[:2] / stored.digest
    assert kept.read_bytes() == b"one two"
    assert kept.stat().st_ino != path.stat().st_ino


def test_what_is_empty_too_large_or_finds_no_room_is_not_taken_in(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine = Quarantine(root, Limits(max_bytes=7))
    with pytest.raises(SourceEmpty):
        quarantine.adopt(lying(tmp_path, b""))
    with pytest.raises(SourceTooLarge):
        quarantine.adopt(lying(tmp_path, b"one two."))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("swap.folder.os.link", full)
    with pytest.raises(StorageFull):
        quarantine.adopt(lying(tmp_path))
    assert everything_in(root) == []
