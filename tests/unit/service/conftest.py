"""Data folders that are founded from the shell: on SQLite, and on PostgreSQL."""

import logging
import sys
import threading
import uuid
import warnings
from collections.abc import Iterator
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


@pytest.fixture
def quiet_again() -> Iterator[None]:
    """Logging is the process's: what a test configures is put back."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers, level, raises, shows = (
        root.handlers[:],
        root.level,
        logging.raiseExceptions,
        warnings.showwarning,
    )
    dbos = logging.getLogger("dbos")
    theirs, propagates = dbos.handlers[:], dbos.propagate
    yield
    root.handlers[:], dbos.handlers[:], dbos.propagate = handlers, theirs, propagates
    root.setLevel(level)
    logging.getLogger("consentry").setLevel(logging.NOTSET)
    logging.raiseExceptions = raises
    logging.captureWarnings(capture=False)
    warnings.showwarning = shows
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def an_empty_database(server: str) -> str:
    """The address of a database of its own on `server`."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, query = server.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")
