"""One bit of one row is another, anywhere: it is found, and table, row and column are named."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, LargeBinary, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

import service.schema  # noqa: F401  (registers every table)
from crowd import EMPTY, crowded
from service.rowcheck.check import COVERED, RowsChecked, check
from service.rowcheck.plain import BOOKKEEPING, REPLAYED
from worlds import World

Stage = Callable[..., World]
Cell = tuple[str, Column[Any], Any]
FLIPS = {"sqlite": 1000, "postgresql": 150}
"""PostgreSQL stores what fits its types, so less can go wrong there, and each flip takes longer."""


def looked(world: World, **which: Any) -> RowsChecked:
    with world.record.database.read() as session:
        return check(session, world.record, **which)


class Intruder:
    """Hands on the database itself: past foreign keys, and past what a column may hold."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self.world, self.dice = world, dice
        self.embedded = world.record.database.embedded
        self.where = "rowid" if self.embedded else "ctid"
        self.cells = [
            (table, column, place)
            for table in COVERED
            for column in SQLModel.metadata.tables[table].columns
            if column.name not in COVERED[table].plain
            for place in self._places(table, column)
        ]

    def flips(self, cell: Cell) -> tuple[Any, Any, RowsChecked] | None:
        """A cell before and after one bit of it changed, and what is found. Nothing of it is committed."""
        table, column, place = cell
        here, database = f'"{table}" WHERE {self.where} = :place', self.world.record.database
        read = f'CAST("{column.name}" AS BLOB)' if self._is_text(column) else f'"{column.name}"'
        write = "CAST(:value AS TEXT)" if self._is_text(column) else ":value"
        with database.engine.connect() as connection, Session(connection) as session:
            connection.exec_driver_sql(
                "PRAGMA defer_foreign_keys = ON"
                if self.embedded
                else "SET LOCAL session_replication_role = replica"
            )
            query = f"SELECT {read} FROM {here}"  # noqa: S608  (names of our own tables)
            before = connection.execute(text(query), {"place": place}).scalar_one()
            after = before
            while after == before:
                after = self._flipped(column, before)
            update = f'UPDATE "{table}" SET "{column.name}" = {write} WHERE {self.where} = :place'  # noqa: S608
            try:
                connection.execute(text(update), {"value": after, "place": place})
            except IntegrityError:
                return None  # two rows of one key: the database itself refuses it
            found = check(session, self.world.record, only={table})
            connection.rollback()
        return before, after, found

    def _places(self, table: str, column: Column[Any]) -> list[Any]:
        query = f'SELECT {self.where} FROM "{table}" WHERE "{column.name}" IS NOT NULL'  # noqa: S608
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


def test_one_flipped_bit_of_a_row_is_found_where_it_is(
    at_stage: Stage, request: pytest.FixtureRequest
) -> None:
    # Given a world in which everything has happened, and nothing differs,
    world = at_stage("asked")
    crowded(world)
    whole = looked(world)
    assert whole.differs == ()
    assert {table for table in COVERED if not world.rows(table)} == EMPTY
    seed = random.SystemRandom().randrange(1 << 32)
    intruder = Intruder(world, random.Random(seed))
    embedded = world.record.database.embedded

    # when one bit is another, each time somewhere else,
    missed, flipped = [], 0
    while flipped < FLIPS["sqlite" if embedded else "postgresql"]:
        table, column, _ = cell = intruder.dice.choice(intruder.cells)
        came = intruder.flips(cell)
        if came is None:
            continue
        before, after, found = came
        flipped += 1
        if not any((one.table, one.column) == (table, column.name) for one in found.differs):
            missed.append((table, column.name, before, after, found))

    # then its table and its column are named, each time.
    assert not missed, (seed, missed)
    assert looked(world) == whole


def test_the_row_that_differs_is_named_and_no_other(at_stage: Stage) -> None:
    world = at_stage("received")
    one = min(world.column("decision", "id"))
    assert world.edit("UPDATE decision SET proof = 'none' WHERE id = :id", id=one) == 1

    found = looked(world).differs

    assert {(each.table, each.key) for each in found} == {("decision", f"id={one}")}
    assert "proof" in {each.column for each in found}


def test_an_instant_of_the_log_is_held_against_the_sealed_one(at_stage: Stage) -> None:
    """A leaf has the minute: what lies within it is a row's word until its part is opened."""
    world = at_stage("consented")
    with world.record.database.read() as session:
        at = session.connection().execute(text("SELECT max(at) FROM log_entry")).scalar_one()
    moved = (
        f"{at[:-4]}{(int(at[-4:-1]) + 1) % 1000:03d}Z" if isinstance(at, str) else at.replace(microsecond=1)
    )
    assert world.edit("UPDATE log_entry SET at = :moved WHERE at = :at", moved=moved, at=at) >= 1

    assert {(each.table, each.column) for each in looked(world).differs} >= {("log_entry", "at")}


def test_every_table_and_column_is_in_one_list_with_its_rule_or_its_reason() -> None:
    tables = SQLModel.metadata.tables
    listed = [*COVERED, *BOOKKEEPING, *REPLAYED]
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == {name for name in tables if not name.startswith("alembic")}
    for name, covered in COVERED.items():
        columns = {column.name for column in tables[name].columns} - {"tenant_id"}
        assert covered.rules.keys() | covered.plain.keys() == columns, name
        assert not covered.rules.keys() & covered.plain.keys(), name
    reasons = [*BOOKKEEPING.values(), *REPLAYED.values()]
    reasons += [reason for covered in COVERED.values() for reason in covered.plain.values()]
    assert all(len(reason) > 10 for reason in reasons)
