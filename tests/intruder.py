"""Somebody with the database in his hands: one bit of one cell is another, or one row is gone."""

import random
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Integer, LargeBinary, Table, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from audit.replay import Replay
from service.rowcheck.check import COVERED, RowsChecked, check, compare
from service.rowcheck.said import Said
from worlds import World

DEEP = frozenset({"erasure", "log_pruning"})
"""Tables that say why an entry does not open: what was opened before is opened again."""
AGAIN = 50
"""So often what was found by a look that was begun before is held against a whole one."""


@dataclass(frozen=True)
class Flip:
    """One bit changed, and what came of it."""

    table: str
    column: str
    stood: Mapping[str, Any]
    """The row's primary key as it was."""
    before: Any
    after: Any
    rows: RowsChecked | None
    log: Replay | None
    """Instead, for a table that `Log.audit` reads."""

    @property
    def key(self) -> str:
        """The row's primary key as it stands there now, as `Differs.key` has it."""
        now = {**self.stood, self.column: _shown(self.after)}
        return ",".join(f"{name}={now[name]}" for name in self.stood if name != "tenant_id")

    @property
    def byte(self) -> int:
        """Which byte of the value it was."""
        both = zip(self.before, self.after, strict=True)
        return next(at for at, (old, new) in enumerate(both) if old != new)


@dataclass(frozen=True)
class Cell:
    table: Table
    column: Column[Any]
    place: Any


class Intruder:
    """Past foreign keys, and past what a column may hold; nothing of it is committed."""

    def __init__(self, world: World, dice: random.Random, *replayed: str) -> None:
        self.world, self.dice, self.replayed = world, dice, replayed
        self.embedded = world.record.database.embedded
        self.where = "rowid" if self.embedded else "ctid"
        self._flips = 0
        with world.record.database.read() as session:
            self.warm = Said(session, world.record)
            self.whole = compare(self.warm)

    def cells(self, *tables: str) -> Iterator[Cell]:
        """One of every column that has a rule, in any order, and then any of any, without an end.

        A column first, then a row of it: most cells are of the log, and others would hardly have a turn.
        """
        every = [
            [Cell(table, column, place) for place in self._places(table, column)]
            for table in (SQLModel.metadata.tables[name] for name in tables)
            for column in table.columns
            if table.name in self.replayed or column.name not in COVERED[table.name].plain
        ]
        columns = [each for each in every if each]
        self.dice.shuffle(columns)
        yield from map(self.dice.choice, columns)
        while True:
            yield self.dice.choice(self.dice.choice(columns))

    def flips(self, cell: Cell) -> Flip | None:
        """One bit of it is another. None where the database itself refuses that."""
        table, column = cell.table.name, cell.column.name
        as_bytes = self._is_text(cell.column)
        here = f'"{table}" WHERE {self.where} = :place'
        read = f'CAST("{column}" AS BLOB)' if as_bytes else f'"{column}"'
        write = "CAST(:value AS TEXT)" if as_bytes else ":value"
        with self._in_hand() as (connection, session):
            query = f"SELECT {read} FROM {here}"  # noqa: S608  (names of our own tables)
            before = connection.execute(text(query), {"place": cell.place}).scalar_one()
            after = before
            while after == before:
                after = self._flipped(cell.column, before)
            which = select(*cell.table.primary_key).where(text(f"{self.where} = :place"))
            stood = dict(connection.execute(which, {"place": cell.place}).mappings().one())
            update = f'UPDATE "{table}" SET "{column}" = {write} WHERE {self.where} = :place'  # noqa: S608
            try:
                connection.execute(text(update), {"value": after, "place": cell.place})
            except IntegrityError:
                return None
            if table in self.replayed:
                rows, log = None, self.world.record.log.audit(session)
            else:
                rows, log = self._looked(session, table), None
        return Flip(table, column, stood, before, after, rows, log)

    def deletes(self, table: str, looks: Collection[str]) -> tuple[dict[str, Any], RowsChecked]:
        """One row is not there: which it was, and what a look at the tables `looks` finds."""
        place = self.dice.choice(self._places(SQLModel.metadata.tables[table], None))
        with self._in_hand() as (connection, session):
            here = f'"{table}" WHERE {self.where} = :place'
            whole = select(SQLModel.metadata.tables[table]).where(text(f"{self.where} = :place"))
            row = connection.execute(whole, {"place": place}).mappings().one()
            connection.execute(text(f"DELETE FROM {here}"), {"place": place})  # noqa: S608
            return dict(row), compare(self._again(session, table), looks)

    @contextmanager
    def _in_hand(self) -> Iterator[tuple[Connection, Session]]:
        off = (
            "PRAGMA defer_foreign_keys = ON"
            if self.embedded
            else "SET LOCAL session_replication_role = replica"
        )
        engine = self.world.record.database.engine
        with engine.connect() as connection, Session(connection) as session:
            connection.exec_driver_sql(off)
            yield connection, session
            connection.rollback()

    def _looked(self, session: Session, table: str) -> RowsChecked:
        found = compare(self._again(session, table), {table})
        self._flips += 1
        if self._flips % AGAIN == 0:
            assert found == check(session, self.world.record, only={table})
        return found

    def _again(self, session: Session, table: str) -> Said:
        """What was read before, but for this table: it is another one now."""
        warm = self.warm
        said = Said(session, warm.record, _opened={} if table in DEEP else warm._opened)
        said._tables = {name: rows for name, rows in warm._tables.items() if name != table}
        said._indexes = {which: rows for which, rows in warm._indexes.items() if which[0] != table}
        kept = {"_log"} | ({"cases"} if table != "decision" else set())
        said.__dict__.update({name: warm.__dict__[name] for name in kept if name in warm.__dict__})
        return said

    def _places(self, table: Table, column: Column[Any] | None) -> list[Any]:
        query = f'SELECT {self.where} FROM "{table.name}"'  # noqa: S608  (names of our own tables)
        if column is not None:
            query += f' WHERE "{column.name}" IS NOT NULL'
            if self._is_text(column) or isinstance(column.type, LargeBinary):
                query += f' AND length("{column.name}") > 0'  # nothing has no bit
        with self.world.record.database.read() as session:
            return list(session.connection().execute(text(query)).scalars())

    def _is_text(self, column: Column[Any]) -> bool:
        return self.embedded and not isinstance(column.type, LargeBinary | Boolean | Integer)

    def _flipped(self, column: Column[Any], value: Any) -> Any:
        if isinstance(column.type, Boolean):
            return not value
        if isinstance(column.type, Integer):
            return value ^ (1 << self.dice.randrange(30))
        if isinstance(value, datetime):
            return value + timedelta(microseconds=1 << self.dice.randrange(40))
        data = bytearray(value.encode() if isinstance(value, str) else value)
        if not data:
            return f"{value}\1"
        data[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
        if isinstance(value, str):
            # PostgreSQL takes no text that is none: the nearest that it takes.
            return bytes(data).replace(b"\0", b"?").decode(errors="replace")
        return bytes(data)


def _shown(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return repr(value)
