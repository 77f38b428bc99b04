"""Rows of the key store, read whatever became of their bytes, and written anew in order.

SQLite keeps a type beside each value, and the table in order of its key. A flipped bit may make a text of a
blob, a name that is no UTF-8, or a row that a search passes by, and others behind it. None of that says what
a key is: it is authenticated with its owner and its KEK's epoch, and these columns only lead to it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from sqlite3 import SQLITE_CORRUPT, Connection, DatabaseError
from typing import Any

COLUMNS = ("link", "ops", "evid")
KINDS = frozenset({"person", "tenant", "output"})
"""Of subjects."""
_NAMES = ("tenant", "kind", "id")
_CELLS = (
    "CASE typeof(epoch) WHEN 'integer' THEN epoch ELSE 0 END",
    *(f"CAST({column} AS BLOB)" for column in COLUMNS),
)
_EMPTY: tuple[Any, ...] = (0, b"", b"", b"")
_WHO = "SELECT " + ", ".join(f"CAST({name} AS BLOB)" for name in _NAMES) + " FROM subject"  # noqa: S608
_READ = _WHO.replace(" FROM", ", " + ", ".join(_CELLS) + " FROM")
_HERS = " WHERE " + " AND ".join(f"{name} = CAST(? AS TEXT)" for name in _NAMES)
_AT = " LIMIT 1 OFFSET ?"
_WRITE = (
    "INSERT OR IGNORE INTO subject VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?)"
)

Owner = tuple[str, str, str]
"""Tenant, kind and id. What is no UTF-8 of them is kept as surrogates."""


@dataclass(frozen=True, slots=True, repr=False)
class WrappedRow:
    """One subject's wrapped keys."""

    owner: Owner
    epoch: int
    """As it stands there; 0 where there is no number."""
    keys: tuple[bytes | None, ...]
    """As `COLUMNS`. None: destroyed."""

    @property
    def tenant(self) -> str:
        """Whose row it is, as it stands there."""
        return self.owner[0]

    @property
    def kind(self) -> str:
        """Of what kind of subject."""
        return self.owner[1]

    @property
    def destroyed(self) -> bool:
        """Whether no key is left."""
        return not any(key is not None for key in self.keys)

    def named(self, column: str) -> list[str]:
        """What the key in this column is bound to."""
        return [*self.owner, column]


def rows(connection: Connection) -> list[WrappedRow]:
    """Every row there is, of every tenant: read in passing, and not by a search.

    What SQLite itself can't read of a row is empty. Raises its error for one whose names it can't read.
    """
    found = _read(connection, _READ)
    if found is not None:
        return [_row(*row) for row in found]
    names = connection.execute(_WHO).fetchall()
    return [
        find(connection, _owner(*who)) or _singly(connection, _AT, (place,))
        for place, who in enumerate(names)
    ]


def some(connection: Connection, tenant: str, epoch: int, limit: int) -> Iterator[WrappedRow]:
    """A tenant's rows that have keys, those of an epoch first; so many of these, and of the others."""
    for which in ("epoch = ?", "epoch IS NOT ?"):
        query = f"{_READ} WHERE tenant = ? AND {which} AND coalesce(link, ops, evid) IS NOT NULL LIMIT ?"
        found = _read(connection, query, (tenant, epoch, limit))
        if found is None:
            yield from (row for row in rows(connection) if row.tenant == tenant and not row.destroyed)
            return
        yield from (_row(*row) for row in found)


def find(connection: Connection, owner: Owner) -> WrappedRow | None:
    """A subject's row. What SQLite itself can't read of it is empty."""
    names = tuple(map(_bytes, owner))
    found = _read(connection, f"{_READ}{_HERS}", names)
    row = _singly(connection, _HERS, names) if found is None else _row(*found[0]) if found else None
    # In a table that is not in order a search comes to somebody else's row, and believes it.
    return row if row is not None and row.owner == owner else None


def astray(connection: Connection, owner: Owner) -> bool:
    """Whether there is such a row, and a search does not find it."""
    if find(connection, owner) is not None:
        return False
    where = " AND ".join(f"CAST({name} AS BLOB) = ?" for name in _NAMES)
    query = f"SELECT 1 FROM subject WHERE {where}"  # noqa: S608  (columns' names)
    return connection.execute(query, tuple(map(_bytes, owner))).fetchone() is not None


def write(connection: Connection, anew: Sequence[WrappedRow], opens: Callable[[WrappedRow], bool]) -> None:
    """Make these the whole table. Of two of one owner the one that `opens` stays."""
    double = len({row.owner for row in anew}) < len(anew)
    # Not row by row: who searches for them does not find those that are not in order.
    connection.execute("DELETE FROM subject")
    connection.executemany(
        _WRITE,
        [
            (*map(_bytes, row.owner), row.epoch, *row.keys)
            for row in (sorted(anew, key=opens, reverse=True) if double else anew)
        ],
    )


def printable(name: str) -> str:
    """A name for a report, whatever its bytes are."""
    return _bytes(name).decode(errors="backslashreplace")


def _read(connection: Connection, query: str, parameters: Sequence[object] = ()) -> list[Any] | None:
    """None where SQLite finds the record broken: its header says another length than it has."""
    try:
        return connection.execute(query, parameters).fetchall()
    except DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != SQLITE_CORRUPT:
            raise
        return None


def _singly(connection: Connection, where: str, which: Sequence[object]) -> WrappedRow:
    """A broken row cell by cell: up to the one where it breaks, it reads."""
    who = connection.execute(f"{_WHO}{where}", which).fetchone()
    cells = [_read(connection, f"SELECT {cell} FROM subject{where}", which) for cell in _CELLS]  # noqa: S608
    return _row(*who, *(one[0][0] if one else empty for one, empty in zip(cells, _EMPTY, strict=True)))


def _row(tenant: bytes, kind: bytes, id_: bytes, epoch: int, *keys: bytes | None) -> WrappedRow:
    return WrappedRow(_owner(tenant, kind, id_), epoch, keys)


def _owner(*names: bytes | None) -> Owner:
    tenant, kind, id_ = ((name or b"").decode(errors="surrogateescape") for name in names)
    return tenant, kind, id_


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogateescape")
