"""A log that stands alone: entries in, a signed tree out, in one SQLite file. For who keeps no facts of ours.

Entries, the tiles they complete and the checkpoint over them are one commit. What is signed there leaves by
`publish` only, which first moves the head that is kept apart, as `audit.log` does and for the same reason: a
file that came back from a backup must not sign another history.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from pathlib import Path

from audit import files, guard, tree
from audit.checkpoint import Checkpoint
from audit.durable import DiskFailed, DiskFull
from audit.edge import Edge
from audit.errors import BadInput, Diverged, Unready
from audit.groupcommit import GroupCommit
from audit.head import Head, TreeHead
from audit.keys import SigningKey
from audit.lease import SequencerBusy
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.storage import Storage
from audit.tile import LONGEST_ENTRY
from audit.treefile import TreeFile

_BUSY_SECONDS = 30.0


class EntryTooLong(BadInput):
    """An entry is longer than the two bytes before it in a bundle can say."""

    code = "ENTRY_TOO_LONG"
    zh = "条目过长：最多 65,535 字节。"
    hint = "Keep the data elsewhere, and put its SHA-256 into the log."
    hint_zh = "请将数据另行保存，仅把其 SHA-256 写入日志。"


class AppenderStopped(Unready):
    """A commit failed below the database. What this object believes to be on disk is certain no more."""

    code = "APPENDER_STOPPED"
    zh = "一次提交失败，本进程已停止向该日志写入。"
    hint = "Look at the disk, then open the log again: what was acknowledged is there."
    hint_zh = "请检查磁盘后重新打开日志：已确认的条目不会丢失。"


class LogFileUnreadable(Diverged):
    """The file can't be opened, is no log of this kind, or is damaged. Nothing was written."""

    code = "LOG_FILE_UNREADABLE"
    zh = "日志文件无法打开、格式不符或已损坏。"
    hint = "Name the log's own file, in a folder that exists; restore a damaged one from its last copy."
    hint_zh = "请指定正确的日志文件及已存在的目录；如文件损坏，请从最近的副本恢复。"


class Appender:
    """Appends to one log. For many threads; several processes may share the file.

    `key` signs under `origin`; `head` lies where no restore of the file reaches it.
    """

    def __init__(self, path: Path, origin: str, key: SigningKey, head: Head) -> None:
        """Open the log, or begin it. Raises `LogFileUnreadable`, and what `audit.guard.check` raises."""
        self.verifier = NoteVerifier(origin, key.verifying)
        self._key, self._head = key, head
        # Two connections: who reads waits for no commit.
        self._writes, self._reads = self._opened(path), self._opened(path)
        self._turn, self._look = threading.Lock(), threading.Lock()
        self._together = GroupCommit(self._commit)
        self._stopped = False
        self._note: str | None = None
        self._edge = Edge.empty()
        with self._turn, _readable(), self._writing():
            if self._read_again() is None:
                # Before the first entry: from now on a log without a head is one that lost it.
                files.advance(head, TreeHead(0, tree.EMPTY_ROOT.hex()))

    def append(self, entry: bytes) -> int:
        """As `append_many` of one. Callers that come while another commits share the next commit."""
        return self.append_many((entry,)).start

    def append_many(self, entries: Sequence[bytes]) -> range:
        """Their places: durable when this returns, under a checkpoint of the same commit. All or none.

        Raises `EntryTooLong`, `AppenderStopped`, and what opening raises if the file was changed meanwhile.
        """
        if max(map(len, entries), default=0) > LONGEST_ENTRY:
            raise EntryTooLong(f"an entry of more than {LONGEST_ENTRY} bytes")
        begin = self._together.join(entries)
        return range(begin, begin + len(entries))

    def publish(self, storage: Storage) -> Checkpoint:
        """Put the tiles, move the head, show the checkpoint. Nothing signed leaves in another way.

        Doing it again is harmless, and finishes what a crash left. Raises what `audit.log.Log.publish` does.
        """
        with self._reading():
            # Read before the file is, so that it can't be newer than what is seen there.
            head = self._head.read()
            with self._reads.snapshot(), ThreadPoolExecutor(files.AT_ONCE) as writers:
                latest = guard.check(self._reads, head)[0] or self._first()
                # A folder without a checkpoint may be another one than the last time.
                since = 0 if head is None or files.current(storage, self.verifier) is None else head.size
                files.write(self._reads, storage, since, latest.size, writers, missing_only=since == 0)
            files.advance(self._head, TreeHead(latest.size, latest.root), partial(self._expect, head))
            files.show(storage, latest)
            files.clear(storage, since, latest.size)
            return latest

    def proof(self, index: int) -> str:
        """An entry's tlog-proof, under the last published checkpoint. Raises `audit.tree.ProofInvalid`."""
        with self._reading():
            head = self._head.read()
            if head is not None:
                guard.follows(self._reads, head)
            latest = self._reads.latest(head.size) if head else None
            size = latest.size if latest else 0
            path = tree.inclusion_path(self._reads.nodes(), index, size)
        if latest is None:
            raise tree.ProofInvalid("nothing is published yet")
        return Proof.make(index, path, latest).text

    def entries(self, begin: int, end: int) -> list[bytes]:
        """The entries at places `[begin, end)`, as far as there are any."""
        with self._reading():
            return self._reads.entries(begin, end)

    def close(self) -> None:
        """Give the file back."""
        with self._turn, self._look:
            self._writes.connection.close()
            self._reads.connection.close()

    def _opened(self, path: Path) -> TreeFile:
        with _readable():
            connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            opened = TreeFile(connection, self.verifier)
            try:
                opened.prepare()
            except BaseException:
                connection.close()
                raise
        return opened

    def _commit(self, batches: Sequence[Sequence[bytes]]) -> list[int]:
        with self._turn:
            with _readable(), self._writing():
                if self._writes.note() != self._note:
                    # Another process has written since.
                    self._read_again()
                places, edge, note = self._grown(batches)
            self._edge, self._note = edge, note
        return places

    def _grown(self, batches: Sequence[Sequence[bytes]]) -> tuple[list[int], Edge, str | None]:
        """Write entries, tiles and checkpoint. What we remember changes only when all of it is committed."""
        edge, entries = self._edge.copy(), [entry for batch in batches for entry in batch]
        first = edge.size
        places = list(accumulate(map(len, batches), initial=first))[:-1]
        # All in one go: many callers bring one entry each.
        tiles = edge.extend(tree.leaf_hashes(entries))
        if not entries:
            return places, edge, self._note
        checkpoint = Checkpoint.sign(self.verifier.name, edge.size, edge.root(), self._key)
        self._writes.add(first, entries, tiles, checkpoint)
        return places, edge, checkpoint.text

    def _read_again(self) -> Checkpoint | None:
        # A head tells of what was committed before, so it is never newer than what is read here.
        latest, edge = guard.check(self._writes, self._head.read())
        self._note, self._edge = latest.text if latest else None, edge
        return latest

    def _expect(self, known: TreeHead | None, there: TreeHead) -> None:
        """Another file of this log may have moved the head since it was `known`."""
        if there != known:
            guard.follows(self._reads, there)

    def _first(self) -> Checkpoint:
        return Checkpoint.sign(self.verifier.name, 0, tree.EMPTY_ROOT, self._key)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._look, _readable():
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._stopped:
            raise AppenderStopped("an earlier commit failed below the database")
        try:
            self._writes.begin()
            yield
            self._writes.commit()
        except sqlite3.OperationalError as error:
            self._writes.undo()
            if _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, 0}:
                raise
            # After a failed fsync SQLite rolls back and goes on, and so would the next commit, over pages
            # that never reached the disk.
            self._stopped = True
            raise AppenderStopped(f"a commit failed: {_name(error)}") from error
        except BaseException:
            self._writes.undo()
            raise


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a log that its user has closed
    except sqlite3.DatabaseError as error:
        match _code(error):
            case sqlite3.SQLITE_BUSY:
                raise SequencerBusy(f"another process wrote for {_BUSY_SECONDS:.0f} s") from error
            case sqlite3.SQLITE_FULL:
                raise DiskFull("no room for the entries; none of them is there") from error
            case sqlite3.SQLITE_IOERR:
                raise DiskFailed(f"the log's file: {_name(error)}") from error
            case _:
                raise LogFileUnreadable(f"the log's file does not read as one: {_name(error)}") from error


def _code(error: sqlite3.Error) -> int:
    # Errors that the driver makes itself have none: a text that is no UTF-8 any more.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _name(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", type(error).__name__)
