"""The key store's file: wrapped keys in a SQLite database of their own, apart from the data they open.

Plain `sqlite3`, not the application's sessions: a key is durable before the row that needs it, so
it can't be part of that row's transaction.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from audit import secretfile
from audit.durable import DiskFailed, DiskFull
from audit.errors import Unready

_BUSY_SECONDS = 30
_SCHEMA = """
CREATE TABLE IF NOT EXISTS subject (
    tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    epoch INTEGER NOT NULL, link BLOB, ops BLOB, evid BLOB,
    PRIMARY KEY (tenant, kind, id)
) WITHOUT ROWID
"""
_DAMAGED = """
CREATE TABLE IF NOT EXISTS damaged (
    tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL,
    epoch INTEGER NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (tenant, kind, id, key)
) WITHOUT ROWID
"""
"""Which wrapped keys do not open, and the epoch of the KEK under which they were when that was found."""


class KeysPoisoned(Unready):
    """A write to the key store failed below SQLite. What it believes to be on the disk may not be there."""

    code = "KEYS_POISONED"
    zh = "先前写入密钥库时存储层失败，须重新启动后才能继续。"
    hint = "Stop the process, check the disk, start again. What was acknowledged is there."
    hint_zh = "请停止进程并检查磁盘后重新启动；已确认的内容不会丢失。"


class KeyDatabase:
    """Shared by threads under a lock. Values are wrapped; nothing here can open them."""

    def __init__(self, path: Path) -> None:
        secretfile.refuse_exposed(path.parent)
        secretfile.refuse_exposed(path)
        self._lock = threading.Lock()
        self._poisoned = False
        with _named(path):
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            # FULL: a commit has reached the disk when it returns. secure_delete: what erasure
            # removes is overwritten, not just unlinked.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.execute(_SCHEMA)
            self._connection.execute(_DAMAGED)
            self.reader = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            """Reads what is committed, never in a transaction, while `connection` or `writing` is held. In a
            transaction SQLite writes nothing any more once it has come upon a broken record."""
            self.reader.execute("PRAGMA query_only=ON")
        self._path = path

    @classmethod
    def create(cls, path: Path) -> "KeyDatabase":
        """Make an empty one, once. Raises `audit.secretfile.KeyExists`."""
        # The file first, with its mode: SQLite gives its journals the mode of the database.
        secretfile.write(path, b"")
        return cls(path)

    @property
    def fault(self) -> str:
        """The code of what keeps this process from ever writing here again, if something does."""
        return KeysPoisoned.code if self._poisoned else ""

    def expect_sound(self) -> None:
        """Raise `KeysPoisoned` after a write that failed below SQLite: for who is about to rely on a key."""
        if self._poisoned:
            raise KeysPoisoned("an earlier write to the key store failed below it")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time. Raises `DiskFull` or `DiskFailed`."""
        with self._lock, _named(self._path):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a write transaction, durable when this ends, undone by any exception.

        Raises as `expect_sound` too.
        """
        with self.connection() as connection, self._stopping():
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def emptied(self) -> bool:
        """Empty the write-ahead log. False: somebody reads, and it is as it was.

        Hardly waited for: who asks may hold a transaction that others wait for.
        """
        with self.connection() as connection, self._stopping():
            connection.execute("PRAGMA busy_timeout = 200")
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS}")
        return not busy

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        self.expect_sound()
        try:
            yield
        except sqlite3.Error as error:
            # After a failed fsync SQLite rolls back and goes on, over pages that it takes for written: no
            # later commit of this process says anything about the disk.
            self._poisoned = self._poisoned or error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self.reader.close()
            self._connection.close()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        # Errors that the driver makes itself have no code: a text that is no UTF-8 any more.
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        raise (DiskFull if full else DiskFailed)(f"{path.name}: {name}") from error


def opened(path: Path) -> sqlite3.Connection:
    """A copy of a store, to be read and closed again; nothing of it changes. Raises `DiskFailed`."""
    with _named(path):
        return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)


def epoch(path: Path, tenant: str) -> int | None:
    """Of which KEK most keys of a tenant in a copy of a store are; None without any. Changes nothing.

    All are of one, and a flipped bit is in one row. Raises `DiskFailed` for a file that is none.
    """
    query = (
        "SELECT CAST(epoch AS INTEGER) FROM subject WHERE tenant = ?"
        " GROUP BY epoch ORDER BY count(*) DESC, epoch LIMIT 1"
    )
    with _named(path), closing(opened(path)) as copy:
        found = copy.execute(query, (tenant,)).fetchone()
    return None if found is None else int(found[0])


@dataclass(frozen=True, slots=True)
class Damage:
    """Wrapped keys that do not open, as the last rotation found them."""

    keys: int
    since: datetime | None
    """When the last of them was found."""


def damage(path: Path, tenant: str, now: datetime) -> Damage:
    """How many wrapped keys of a tenant are known not to open. Needs no KEK. Raises `DiskFailed`."""
    with _named(path), closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as store:
        if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'damaged'").fetchone():
            return Damage(0, None)
        query = "SELECT CAST(since AS BLOB) FROM damaged WHERE tenant = ?"
        found = [found_at(since, now) or now for (since,) in store.execute(query, (tenant,))]
    return Damage(len(found), max(found, default=None))


def found_at(written: bytes, now: datetime) -> datetime | None:
    """When a damage was found, as it is noted; None where that can't be read, or is to come."""
    try:
        at = datetime.fromisoformat(written.decode())
        return at if at <= now else None
    except (ValueError, TypeError, OverflowError):
        return None
