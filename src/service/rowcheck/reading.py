"""Rows as their bytes are: a value that is none of its type is damaged, not an exception.

SQLite stores what it is given. One flipped bit makes text that is no UTF-8, a boolean of 3, an instant with
a small `t`: the driver would refuse the whole statement, or read it as if nothing had happened.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table, select, text
from sqlmodel import Session

from audit import instant
from audit.columns import Instant
from audit.errors import BadInput

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Read:
    """One row: its values by column, without those that are damaged."""

    table: str
    values: Mapping[str, Any]
    damaged: frozenset[str]
    key: Mapping[str, Any]
    """Its primary key as it stands there, damaged or not."""


def rows(session: Session, table: Table) -> Iterator[Read]:
    """Every row of a table, of every tenant, in the order of its key."""
    embedded = session.get_bind().dialect.name == "sqlite"
    for raw in _raw(session, table) if embedded else _typed(session, table):
        values, damaged = {}, set()
        for column in table.columns:
            try:
                values[column.name] = _value(column, *raw[column.name])
            except (BadInput, ValueError):
                damaged.add(column.name)
        key = {
            column.name: values.get(column.name, repr(raw[column.name][1])) for column in table.primary_key
        }
        yield Read(table.name, values, frozenset(damaged), key)


def _raw(session: Session, table: Table) -> Iterator[dict[str, tuple[str, Any]]]:
    names = [column.name for column in table.columns]
    # Names are of our own tables. Text as its bytes: the driver decodes it, and gives up on what is none.
    wanted = ", ".join(
        f'typeof("{name}"), CASE typeof("{name}") WHEN \'text\' THEN CAST("{name}" AS BLOB) ELSE "{name}" END'
        for name in names
    )
    order = ", ".join(f'"{column.name}"' for column in table.primary_key)
    found = session.connection().execute(
        text(f'SELECT {wanted} FROM "{table.name}" ORDER BY {order}')  # noqa: S608  (names of our own tables)
    )
    for row in found:
        cells = zip(row[::2], row[1::2], strict=True)
        yield dict(zip(names, cells, strict=True))


def _typed(session: Session, table: Table) -> Iterator[dict[str, tuple[str, Any]]]:
    found = session.connection().execute(
        select(table).order_by(*table.primary_key), execution_options={"yield_per": _PAGE}
    )
    for row in found.mappings():
        yield {name: ("", value) for name, value in row.items()}


def _value(column: Column[Any], kind: str, found: Any) -> Any:
    """The value of a cell. Raises `ValueError` or `NotAnInstant` for one that its column can't hold."""
    if found is None:
        if column.nullable:
            return None
        raise ValueError("null")
    if not kind:
        return bytes(found) if isinstance(column.type, LargeBinary) else found
    if kind != _kind(column):
        raise ValueError(kind)
    match column.type:
        case LargeBinary():
            return bytes(found)
        case Boolean():
            return bool((0, 1).index(found))
        case Integer():
            return found
        case Instant():
            at = instant.parse(found.decode())
            if instant.exact(at).encode() != found:
                raise ValueError("another spelling of an instant")
            return at
        case _:
            return found.decode()


def _kind(column: Column[Any]) -> str:
    """SQLite's word for what it holds."""
    match column.type:
        case LargeBinary():
            return "blob"
        case Boolean() | Integer():
            return "integer"
        case _:
            return "text"
