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


class KeyDatabase:
    """One connection, shared by threads under a lock. Values are wrapped; nothing here can open them."""

    def __init__(self, path: Path) -> None:
        secretfile.refuse_exposed(path.parent)
        secretfile.refuse_exposed(path)
        self._lock = threading.Lock()
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
        self._path = path

    @classmethod
    def create(cls, path: Path) -> "KeyDatabase":
        """Make an empty one, once. Raises `audit.secretfile.KeyExists`."""
        # The file first, with its mode: SQLite gives its journals the mode of the database.
        secretfile.write(path, b"")
        return cls(path)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time. Raises `DiskFull` or `DiskFailed`."""
        with self._lock, _named(self._path):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a write transaction, durable when this ends, undone by any exception."""
        with self.connection() as connection:
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
        with self.connection() as connection:
            connection.execute("PRAGMA busy_timeout = 200")
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.execute(f"PRAGMA busy_timeout = {1000 * _BUSY_SECONDS}")
        return not busy

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        family = DiskFull if error.sqlite_errorcode == sqlite3.SQLITE_FULL else DiskFailed
        raise family(f"{path.name}: {error.sqlite_errorname}") from error


def opened(path: Path) -> sqlite3.Connection:
    """A copy of a store, to be read and closed again; nothing of it changes. Raises `DiskFailed`."""
    with _named(path):
        return sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)


def newest_epoch(path: Path, tenant: str) -> int | None:
    """Of which KEK the newest keys of a tenant in a copy of a store are; None without any. Changes nothing.

    Raises `DiskFailed` for a file that is none.
    """
    with _named(path), closing(opened(path)) as copy:
        found = copy.execute("SELECT max(epoch) FROM subject WHERE tenant = ?", (tenant,)).fetchone()[0]
    return None if found is None else int(found)


@dataclass(frozen=True, slots=True)
class Damage:
    """Wrapped keys that do not open, as the last rotation found them."""

    keys: int
    since: datetime | None
    """When the last of them was found."""


def damage(path: Path, tenant: str) -> Damage:
    """How many wrapped keys of a tenant are known not to open. Needs no KEK. Raises `DiskFailed`."""
    with _named(path), closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as store:
        if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'damaged'").fetchone():
            return Damage(0, None)
        count, since = store.execute(
            "SELECT count(*), max(since) FROM damaged WHERE tenant = ?", (tenant,)
        ).fetchone()
    return Damage(count, None if since is None else datetime.fromisoformat(since))
