"""Sealed cells of a database, whosever it is: where each is, whom it is about, and what lies there."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import SQLModel

import service.schema  # noqa: F401  (registers every table)
from consent.seals import Cell


@dataclass(frozen=True)
class Kept:
    """One cell that holds something."""

    cell: Cell
    row: str
    person: str
    data: bytes


def kept(connection: Connection) -> list[Kept]:
    """Every cell of every row, of a person each: licences of works are none."""
    tables = SQLModel.metadata.tables
    signed = {row.id: row.person_id for row in connection.execute(select(tables["signed_authorization"]))}
    keys = {row.key: row.person_id for row in connection.execute(select(tables["person_key"]))}
    found = []
    for cell in Cell:
        name, _, column = cell.partition(".")
        for row in connection.execute(select(tables[name])).mappings():
            whose = _whose(name, row, signed, keys)
            if row[column] is not None and whose is not None:
                key = "/".join(str(row[one.name]) for one in list(tables[name].primary_key)[1:])
                found.append(Kept(cell, key, whose, bytes(row[column])))
    return found


def _whose(name: str, row: Any, signed: dict[str, str], keys: dict[str, str]) -> str | None:
    if name in {"cosignature", "consent_event"}:
        return signed[row["authorization_id"]]
    if name == "passkey":
        return keys[row["key"]]
    whose: str | None = row["about" if name == "link" else "person_id"]
    return whose
