"""Files that are handed out: hashed once, and again whenever anything about them has changed."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from swap import store
from swap.errors import Tampered
from swap.faults import MediaMissing
from swap.store import SETTLED_NS, MediaStore

FILE = b"a finished file" * 100


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often a file was read whole."""
    times: list[str] = []

    def counting(file: Any, name: str) -> Any:
        times.append(name)
        return real(file, name)

    real = hashlib.file_digest
    monkeypatch.setattr(store.hashlib, "file_digest", counting)
    return times


def later() -> int:
    return time.time_ns() + 2 * SETTLED_NS


def test_a_file_is_hashed_once_and_then_known(tmp_path: Path, hashed: list[str]) -> None:
    media = MediaStore(tmp_path / "media", clock_ns=later)
    digest = media.put([FILE], max_bytes=1 << 20).digest
    hashed.clear()

    for _ in range(3):
        opened = media.opened(digest)
        assert opened.read(2, 5) == FILE[2:7]
        assert opened.unchanged
        opened.close()

    assert len(hashed) == 1


def test_a_file_changed_just_now_is_hashed_each_time(tmp_path: Path, hashed: list[str]) -> None:
    media = MediaStore(tmp_path / "media")
    digest = media.put([FILE], max_bytes=1 << 20).digest
    hashed.clear()

    for _ in range(2):
        media.opened(digest).close()

    assert len(hashed) == 2


def test_of_many_who_want_a_file_at_once_one_hashes_it(tmp_path: Path, hashed: list[str]) -> None:
    media = MediaStore(tmp_path / "media", clock_ns=later)
    digest = media.put([FILE], max_bytes=1 << 20).digest
    hashed.clear()

    with ThreadPoolExecutor(8) as pool:
        for opened in pool.map(media.opened, [digest] * 32):
            opened.close()

    assert len(hashed) == 1


@pytest.mark.parametrize("how", ["in place", "in place, time set back", "another file in its place"])
def test_other_bytes_are_not_opened(tmp_path: Path, how: str) -> None:
    # Given a file that is known, and one who reads it
    media = MediaStore(tmp_path / "media", clock_ns=later)
    digest = media.put([FILE], max_bytes=1 << 20).digest
    reading = media.opened(digest)
    place, before = media.path(digest), media.path(digest).stat()

    # When its bytes are changed
    other = b"A" + FILE[1:]
    if how == "another file in its place":
        fresh = tmp_path / "fresh"
        fresh.write_bytes(other)
        fresh.replace(place)
    else:
        with place.open("r+b") as file:
            file.write(other)
    if how.endswith("set back"):
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    # Then nobody is handed them, and who reads on from the file sees that it was touched
    with pytest.raises(Tampered):
        media.opened(digest)
    assert not reading.unchanged
    reading.close()


def test_a_file_that_is_gone_is_missing(tmp_path: Path) -> None:
    media = MediaStore(tmp_path / "media", clock_ns=later)
    digest = media.put([FILE], max_bytes=1 << 20).digest
    media.opened(digest).close()

    media.discard(digest)

    with pytest.raises(MediaMissing):
        media.opened(digest)


def test_what_was_not_used_for_longest_is_forgotten_first(
    tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST", 2)
    media = MediaStore(tmp_path / "media", clock_ns=later)
    digests = [media.put([FILE, bytes([n])], max_bytes=1 << 20).digest for n in range(3)]
    for digest in digests:
        media.opened(digest).close()
    hashed.clear()

    media.opened(digests[2]).close()
    assert hashed == []
    media.opened(digests[0]).close()
    assert len(hashed) == 1
