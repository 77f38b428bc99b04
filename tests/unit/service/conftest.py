"""Data folders that are founded from the shell: on SQLite, and on PostgreSQL."""

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import drop
from service.settings import load
from shell import Shell, founded


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell beside a fresh demo folder on SQLite."""
    shell = Shell(tmp_path)
    shell("init", "--mode", "demo", "--origin", "log.example/cli")
    return shell


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """A shell beside a fresh demo folder, on each engine in turn."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    shell = founded(tmp_path, "log.example/cli", server)
    url = load(shell.data).database
    yield shell
    drop(url)


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
