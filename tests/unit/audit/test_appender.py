"""The log that stands alone: what it acknowledges is there, what it signs is never two histories."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from audit import tree
from audit.appender import Appender, AppenderStopped, EntryTooLong, LogFileUnreadable
from audit.durable import DiskFull
from audit.fsck import fsck
from audit.guard import HeadMissing, LogBehind, LogEdited, LogForked
from audit.head import HeadFile, TreeHead
from audit.keys import Duty, SigningKey
from audit.lease import SequencerBusy
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.storage import PosixStorage
from audit.tree import ProofInvalid

ORIGIN = "log.example/alone"
KEY = SigningKey.generate(Duty.LOG, os.urandom)
VERIFIER = NoteVerifier(ORIGIN, KEY.verifying)

Opens = Callable[..., Appender]


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    opened: list[Appender] = []

    def at(name: str = "log.db") -> Appender:
        opened.append(Appender(tmp_path / name, ORIGIN, KEY, HeadFile(tmp_path / "apart" / "head")))
        return opened[-1]

    yield at
    for each in opened:
        each.close()


def some(count: int, begin: int = 0) -> list[bytes]:
    return [b"entry %d" % number for number in range(begin, begin + count)]


def copied(path: Path, to: Path) -> None:
    """A backup, as SQLite makes one."""
    with sqlite3.connect(path) as source, sqlite3.connect(to) as target:
        source.backup(target)


def test_what_is_appended_is_a_log_for_everybody(opens: Opens, tmp_path: Path) -> None:
    # Given entries that came in pieces across two levels of tiles
    log, storage = opens(), PosixStorage(tmp_path / "log")
    assert log.append_many(()) == range(0)
    places = [log.append_many(some(size, at)) for at, size in ((0, 1), (1, 300), (301, 66_000))]
    assert places == [range(1), range(1, 301), range(301, 66_301)]
    assert log.append(b"the last") == 66_301

    # When
    shown = log.publish(storage)

    # Then files, root and proofs are the specification's
    assert (shown.size, shown.root) == (
        66_302,
        tree.root(tree.leaf_hashes([*some(66_301), b"the last"])).hex(),
    )
    checked = fsck(storage, VERIFIER)
    assert checked.sound
    assert checked.checkpoint == shown
    for index in (0, 255, 256, 65_535, 65_536, 66_301):
        (entry,) = log.entries(index, index + 1)
        assert Proof.parse(log.proof(index)).check(entry, VERIFIER) == shown
    with pytest.raises(tree.ProofInvalid):
        log.proof(66_302)


def test_publishing_goes_on_from_what_was_published(opens: Opens, tmp_path: Path) -> None:
    log, storage = opens(), PosixStorage(tmp_path / "log")
    assert log.publish(storage).size == 0
    for size in (3, 256, 257, 600):
        log.append_many(some(size - len(log.entries(0, size)), len(log.entries(0, size))))
        # No proof before the head has moved: nothing signed leaves in another way.
        with pytest.raises(tree.ProofInvalid):
            log.proof(size - 1)
        assert log.publish(storage) == log.publish(storage)
        assert fsck(storage, VERIFIER).sound
    elsewhere = PosixStorage(tmp_path / "elsewhere")
    log.publish(elsewhere)
    assert fsck(elsewhere, VERIFIER).checkpoint.size == 600


def test_all_or_none(opens: Opens) -> None:
    log = opens()

    with pytest.raises(EntryTooLong):
        log.append_many([b"short", bytes(65_536)])

    assert log.append_many([b"short", bytes(65_535)]) == range(2)


def test_many_at_once_get_a_place_each(opens: Opens, tmp_path: Path) -> None:
    log = opens()

    def writes(number: int) -> list[tuple[int, bytes]]:
        return [(log.append(entry), entry) for entry in some(40, 1000 * number)]

    with ThreadPoolExecutor(32) as pool:
        placed = dict(pair for pairs in pool.map(writes, range(32)) for pair in pairs)

    assert sorted(placed) == list(range(32 * 40))
    assert log.entries(0, 32 * 40) == [placed[index] for index in range(32 * 40)]
    log.publish(PosixStorage(tmp_path / "log"))
    assert fsck(PosixStorage(tmp_path / "log"), VERIFIER).sound


def test_two_processes_write_one_history(opens: Opens, tmp_path: Path) -> None:
    first, second, storage = opens(), opens(), PosixStorage(tmp_path / "log")

    assert [first.append(b"a"), second.append(b"b"), first.append(b"c")] == [0, 1, 2]
    assert second.publish(storage) == first.publish(storage)

    assert first.entries(0, 9) == [b"a", b"b", b"c"]
    assert fsck(storage, VERIFIER).sound


@pytest.mark.parametrize("grown_again", [0, 5, 20])
def test_a_file_from_a_backup_signs_no_other_history(opens: Opens, tmp_path: Path, grown_again: int) -> None:
    # Given a backup, and entries published since
    log, storage = opens(), PosixStorage(tmp_path / "log")
    log.append_many(some(10))
    copied(tmp_path / "log.db", tmp_path / "older.db")
    log.append_many(some(5, 10))
    log.publish(storage)

    # When it is used again, also by a process that opened it before the head moved
    with pytest.raises(LogBehind):
        opens("older.db")
    if grown_again:
        aside = tmp_path / "apart" / "head"
        kept = aside.read_bytes()
        aside.write_bytes(b"consentry/head/v1 0 %s\n" % tree.EMPTY_ROOT.hex().encode())
        forked = opens("older.db")
        aside.write_bytes(kept)
        forked.append_many(some(grown_again, 500))

        # Then nothing of it is shown
        with pytest.raises(LogBehind if grown_again < 5 else LogForked):
            forked.publish(storage)
    assert fsck(storage, VERIFIER).checkpoint.size == 15


class Overtaken:
    """A head that somebody else moves once, right before we do."""

    def __init__(self, inner: HeadFile, happens: Callable[[], object]) -> None:
        self.inner, self.happens = inner, [happens]

    def read(self) -> TreeHead | None:
        return self.inner.read()

    def advance(self, old: TreeHead | None, new: TreeHead) -> None:
        if self.happens:
            self.happens.pop()()
        self.inner.advance(old, new)


@pytest.mark.parametrize(("mine", "theirs"), [(2, 1), (1, 2)])
def test_who_is_overtaken_by_another_history_shows_nothing_and_proves_nothing(
    opens: Opens, tmp_path: Path, mine: int, theirs: int
) -> None:
    # Given two files of one log at work, and the one publishes while the other has put its tiles
    log, storage = opens(), PosixStorage(tmp_path / "log")
    log.append_many(some(10))
    log.publish(storage)
    copied(tmp_path / "log.db", tmp_path / "twin.db")
    log.append_many(some(mine, 100))
    aside = Overtaken(HeadFile(tmp_path / "apart" / "head"), lambda: log.publish(storage))
    twin = Appender(tmp_path / "twin.db", ORIGIN, KEY, aside)
    twin.append_many(some(theirs, 500))

    # When that one goes on
    with pytest.raises((LogBehind, LogForked)):
        twin.publish(storage)

    # Then the first is public, and the other says nothing, not even of what both have.
    with pytest.raises((LogBehind, LogForked)):
        twin.proof(0)
    twin.close()
    done = fsck(storage, VERIFIER)
    assert (done.wrong, done.checkpoint.size) == ((), 10 + mine)
    Proof.parse(log.proof(10)).check(b"entry 100", VERIFIER)


def test_a_file_that_was_edited_is_not_signed_over(opens: Opens, tmp_path: Path) -> None:
    opens().append_many(some(10))
    with sqlite3.connect(tmp_path / "log.db") as edits:
        edits.execute("UPDATE entry SET body = x'00' WHERE idx = 7")

    with pytest.raises(LogEdited):
        opens()


def test_a_log_without_its_head_is_not_gone_on_with(opens: Opens, tmp_path: Path) -> None:
    opens().append(b"one")
    (tmp_path / "apart" / "head").unlink()

    with pytest.raises(HeadMissing):
        opens()


def test_no_room_is_no_end(opens: Opens) -> None:
    log = opens()
    log.append(b"before")
    pages = log._writes.connection.execute("PRAGMA page_count").fetchone()[0]
    log._writes.connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(DiskFull):
        log.append_many([bytes(60_000)] * 4)

    log._writes.connection.execute("PRAGMA max_page_count = 100000")
    assert log.append(b"after") == 1


def test_a_failed_commit_is_the_last(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a disk that fails once below a commit
    log = opens()
    log.append(b"before")
    whole = type(log._writes).commit

    def fails(self: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"
        raise error

    monkeypatch.setattr(type(log._writes), "commit", fails)
    with pytest.raises(AppenderStopped):
        log.append(b"lost")
    monkeypatch.setattr(type(log._writes), "commit", whole)

    # Then this object writes no more, and another finds what was acknowledged
    with pytest.raises(AppenderStopped):
        log.append(b"more")
    assert opens().entries(0, 9) == [b"before"]


@pytest.mark.parametrize("junk", [b"not a database at all" * 99, b"SQLite format 3\0" + bytes(4080)])
def test_a_file_that_is_no_log_is_said(opens: Opens, tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "log.db").write_bytes(junk)
    with pytest.raises(LogFileUnreadable, match="SQLITE_NOTADB"):
        opens()
    assert (tmp_path / "log.db").read_bytes() == junk
    with pytest.raises(LogFileUnreadable, match="SQLITE_CANTOPEN"):
        opens("missing/log.db")


def test_a_file_that_is_busy_is_not_called_damaged(
    opens: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens()
    monkeypatch.setattr("audit.appender._BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SequencerBusy):
            opens()


def test_a_checkpoint_that_is_no_text_any_more_is_said(opens: Opens) -> None:
    log = opens()
    log.append(b"before")
    log._writes.connection.execute("UPDATE checkpoint SET note = CAST(x'ff' AS TEXT)")
    for act in (lambda: log.append(b"more"), lambda: log.proof(0), opens):
        with pytest.raises((LogFileUnreadable, ProofInvalid)):
            act()


def test_a_file_that_is_damaged_while_it_is_open_is_said(opens: Opens, tmp_path: Path) -> None:
    # Given a log whose pages are overwritten, as by a disk that lies
    log, path = opens(), tmp_path / "log.db"
    log.append_many(some(5_000))
    log._writes.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))

    # Then whoever opens it is told, and whoever has it open
    with pytest.raises(LogFileUnreadable):
        opens()
    for act in (lambda: log.entries(0, 5_000), lambda: log.proof(3), lambda: log.append(b"more")):
        for connection in (log._reads.connection, log._writes.connection):
            connection.execute("PRAGMA shrink_memory")
        with pytest.raises((LogFileUnreadable, LogEdited, ProofInvalid)):
            act()


def test_a_file_that_another_keeps_locked_is_waited_for_and_then_said(opens: Opens, tmp_path: Path) -> None:
    log = opens()
    log._writes.connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(SequencerBusy):
        log.append(b"in vain")

    other.execute("ROLLBACK")
    assert log.append(b"now") == 0
    other.close()
