"""A tree in an SQLite file of its own: entries, full tiles, checkpoints, and nothing that only finds them."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain

from audit import tree
from audit.checkpoint import Checkpoint
from audit.edge import FullTile
from audit.note import NoteVerifier
from audit.treereader import ANY_SIZE, TreeReader

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (idx INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS tile (
    level INTEGER, n INTEGER, data BLOB NOT NULL, root BLOB NOT NULL, PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
"""

_ENTRY = "INSERT INTO entry VALUES (?, ?)"
_TOGETHER = 32
"""Entries of one statement: one each takes half as long again."""
_ENTRIES = _ENTRY + ", (?, ?)" * (_TOGETHER - 1)


@dataclass(frozen=True, slots=True)
class TreeFile(TreeReader):
    """One connection's view. The caller begins, commits and keeps other threads away."""

    connection: sqlite3.Connection
    verifier: NoteVerifier

    def prepare(self) -> None:
        """Durable commits, and tables where there are none."""
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.executescript(_SCHEMA)

    def begin(self) -> None:
        """The only writer, until `commit` or `undo`."""
        self.connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Durable on return."""
        self.connection.execute("COMMIT")

    def undo(self) -> None:
        """As if it had not begun. SQLite may have rolled back by itself; the error that made it says why."""
        with suppress(sqlite3.Error):
            self.connection.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One moment of the file, whatever is committed meanwhile."""
        self.connection.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            self.undo()

    def note(self) -> str | None:
        """The last checkpoint's text, not looked into."""
        found = self.connection.execute("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
        return None if found is None else str(found[0])

    def add(self, begin: int, entries: Sequence[bytes], tiles: Iterable[FullTile], note: Checkpoint) -> None:
        """Entries from place `begin` on, what they complete, and the checkpoint over all."""
        rows = list(enumerate(entries, begin))
        whole = len(rows) - len(rows) % _TOGETHER
        groups = (rows[at : at + _TOGETHER] for at in range(0, whole, _TOGETHER))
        self.connection.executemany(_ENTRIES, (tuple(chain.from_iterable(group)) for group in groups))
        self.connection.executemany(_ENTRY, rows[whole:])
        self.connection.executemany(
            "INSERT INTO tile VALUES (?, ?, ?, ?)", ((one.level, one.n, one.data, one.root) for one in tiles)
        )
        self.connection.execute("INSERT INTO checkpoint VALUES (?, ?)", (note.size, note.text))

    def latest(self, most: int = ANY_SIZE) -> Checkpoint | None:
        found = self.connection.execute(
            "SELECT note FROM checkpoint WHERE size <= ? ORDER BY size DESC LIMIT 1", (most,)
        ).fetchone()
        return None if found is None else Checkpoint.parse(found[0], self.verifier)

    def placed(self) -> int:
        (highest,) = self.connection.execute("SELECT max(idx) FROM entry").fetchone()
        return 0 if highest is None else int(highest) + 1

    def entries(self, begin: int, end: int) -> list[bytes]:
        found = self.connection.execute(
            "SELECT body FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx", (begin, end)
        )
        return [body for (body,) in found]

    def hashes(self, level: int, begin: int, end: int) -> list[bytes]:
        if level == 0:
            return [tree.leaf_hash(body) for body in self.entries(begin, end)]
        found = self.connection.execute(
            "SELECT root FROM tile WHERE level = ? AND n >= ? AND n < ? ORDER BY n", (level - 1, begin, end)
        )
        return [root for (root,) in found]

    def tile(self, level: int, n: int) -> bytes | None:
        found = self.connection.execute(
            "SELECT data FROM tile WHERE level = ? AND n = ?", (level, n)
        ).fetchone()
        return None if found is None else bytes(found[0])
