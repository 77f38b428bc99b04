"""Data folders that are founded from the shell: on SQLite, and on PostgreSQL."""

import uuid
from pathlib import Path

import psycopg
import pytest

from shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell beside a fresh demo folder on SQLite."""
    shell = Shell(tmp_path)
    shell("init", "--mode", "demo", "--origin", "log.example/cli")
    return shell


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    """A shell beside a fresh demo folder, on each engine in turn."""
    shell, words = Shell(tmp_path), ["--mode", "demo", "--origin", "log.example/cli"]
    if request.param == "postgresql":
        words += ["--database", an_empty_database(request.getfixturevalue("postgres_server"))]
        words += ["--guard", str(tmp_path / "shared")]
    shell("init", *words)
    return shell


def an_empty_database(server: str) -> str:
    """The address of a database of its own on `server`."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, query = server.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
