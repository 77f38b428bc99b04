"""Rows written in the words of each engine: SQL put into text once, and handed to the driver as it is.

For what every decision writes: there SQLAlchemy's own way takes as long again as the driver.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, Delete, Dialect, Insert, Update
from sqlmodel import Session

_Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement of one engine: its parameters in their order, what each is if it is not given, and how
    its type goes to the driver.
    """

    sql: str
    names: tuple[str, ...]
    positional: bool
    fixed: Mapping[str, Any]
    processes: Mapping[str, _Process]

    def filled(self, row: Mapping[str, Any]) -> tuple[Any, ...] | dict[str, Any]:
        values = {**self.fixed, **row}
        for name, process in self.processes.items():
            values[name] = process(values[name])
        return tuple([values[name] for name in self.names]) if self.positional else values


class Written:
    """An INSERT of all columns, an UPDATE or a DELETE, for many threads. It returns no rows."""

    def __init__(self, statement: Insert | Update | Delete) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def run(self, session: Session, first: Mapping[str, Any], *more: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it with these values, by the name of column or parameter: once for each of the rows."""
        connection = session.connection()
        text = self._text(connection.dialect)
        rows = [text.filled(row) for row in (first, *more)]
        return connection.exec_driver_sql(text.sql, rows if more else rows[0])

    def _text(self, dialect: Dialect) -> _Text:
        text = self._texts.get(dialect.name)
        if text is None:
            compiled: Any = self._statement.compile(dialect=dialect)
            types = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
            processes = {name: kind.bind_processor(dialect) for name, kind in types.items()}
            text = self._texts[dialect.name] = _Text(
                str(compiled),
                tuple(compiled.positiontup or compiled.params),
                compiled.positional,
                {name: value for name, value in compiled.params.items() if not compiled.binds[name].required},
                {name: process for name, process in processes.items() if process is not None},
            )
        return text
