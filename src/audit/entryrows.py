"""Writing an entry, in the words of each engine.

Every transaction that records something passes here, so it costs what the driver costs and, on
PostgreSQL, one round trip. Everything that is not on this path uses SQLAlchemy's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlmodel import Session

from audit import instant

_POSTGRESQL = """
WITH entry AS (
    INSERT INTO log_entry (tenant_id, eid, leaf, leaf_hash, at) VALUES (%s, %s, %s, %s, %s) RETURNING seq
), sealed AS (
    INSERT INTO log_sealed (tenant_id, leaf_hash, part, seal, ciphertext) VALUES {rows}
)
SELECT seq FROM entry
"""
_SQLITE_ENTRY = "INSERT INTO log_entry (tenant_id, eid, leaf, leaf_hash, at) VALUES (?, ?, ?, ?, ?)"
_SQLITE_SEALED = (
    "INSERT INTO log_sealed (tenant_id, leaf_hash, part, seal, ciphertext) VALUES (?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is written of an entry; `sealed` has seal word and ciphertext of each part, in leaf order."""

    tenant: str
    eid: str
    leaf: bytes
    leaf_hash: str
    at: datetime
    sealed: Sequence[tuple[str, bytes]]


def write(session: Session, entry: NewEntry) -> int:
    """Insert an entry and its ciphertexts in the session's transaction; returns its `seq`."""
    connection = session.connection()
    sealed = [(entry.tenant, entry.leaf_hash, part, *each) for part, each in enumerate(entry.sealed)]
    if connection.dialect.name == "sqlite":
        row: tuple[Any, ...] = (entry.tenant, entry.eid, entry.leaf, entry.leaf_hash, instant.exact(entry.at))
        seq = connection.exec_driver_sql(_SQLITE_ENTRY, row).lastrowid
        connection.exec_driver_sql(_SQLITE_SEALED, sealed)
        return int(seq)
    row = (entry.tenant, entry.eid, entry.leaf, entry.leaf_hash, entry.at, *chain.from_iterable(sealed))
    statement = _POSTGRESQL.format(rows=", ".join(["(%s, %s, %s, %s, %s)"] * len(sealed)))
    return int(connection.exec_driver_sql(statement, row).scalar_one())
