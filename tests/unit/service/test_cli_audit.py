"""`consentry log audit` beside the log: rows that say something else, cells nobody reads, broken keys."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from audit.kek import Kek, KekFile
from audit.keystore import KeyStore
from audit.secretfile import KeyMissing
from service.layout import Layout
from service.rowcheck.keys import tried
from service.settings import load
from shell import Shell
from unit.service.test_cli_record import granted


def edited(shell: Shell, file: str, statement: str) -> None:
    with closing(sqlite3.connect(shell.data / file)) as store, store:
        assert store.execute(statement).rowcount == 1


def test_rows_and_keys_are_looked_at_too(shell: Shell) -> None:
    granted(shell)

    audited = shell("log", "audit")

    assert (audited["differs"], audited["missing"], audited["damaged"]) == ([], [], [])
    assert audited["rows"] > 10
    assert audited["keys"] >= 6


def test_a_row_that_says_something_else_is_named_by_table_row_and_column(shell: Shell) -> None:
    granted(shell)
    edited(shell, "consentry.db", "UPDATE person SET age = 'adulT' WHERE rowid = 1")

    audited = shell("log", "audit", leaves=4)

    [found] = audited["differs"]
    assert (found["table"], found["column"]) == ("person", "age")
    assert found["row"].startswith("id=")
    assert "age of id=" in shell.said("log", "audit", leaves=4)


def test_a_row_that_is_not_there_is_named_by_what_made_it(shell: Shell) -> None:
    granted(shell)
    edited(shell, "consentry.db", "DELETE FROM consent_counter WHERE rowid = 1")

    audited = shell("log", "audit", leaves=4)

    [gone] = audited["missing"]
    assert gone["table"] == "consent_counter"
    assert gone["row"].startswith("authorization_id=")
    assert "is not there" in shell.said("log", "audit", leaves=4)


def test_a_cell_that_no_driver_reads_is_named_as_well(shell: Shell) -> None:
    granted(shell)
    edited(
        shell,
        "consentry.db",
        "UPDATE log_entry SET eid = CAST(X'FF' || substr(eid, 2) AS TEXT) WHERE idx = 2",
    )

    audited = shell("log", "audit", leaves=4)

    assert {"log_entry"} == {one["table"] for one in audited["differs"] if one["column"] == "eid"}


def test_a_key_that_does_not_open_is_named_here_and_counted_by_the_doctor(shell: Shell) -> None:
    granted(shell)
    [keys] = shell.data.rglob("keys.db")
    edited(
        shell,
        str(keys.relative_to(shell.data)),
        "UPDATE subject SET link = zeroblob(60) WHERE kind = 'person'",
    )

    audited = shell("log", "audit", leaves=4)

    [found] = audited["damaged"]
    assert (found["kind"], found["column"]) == ("person", "link")
    said = {one["what"]: one for one in shell("doctor", leaves=4)["findings"]}
    assert said["wrapped keys"]["code"] == "WRAPPED_KEYS_DAMAGED"
    assert found["id"] not in str(said)


@pytest.mark.parametrize("adopted", [False, True])
def test_keys_that_an_erasure_wraps_anew_meanwhile_are_not_damaged(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, *, adopted: bool
) -> None:
    # Given a rotation of the KEK just as it has been read; the next one was seen, and is in its place by then
    settings = load(shell.data)
    layout, read = Layout.of(settings), KekFile.next

    def rotated(kms: KekFile) -> Kek | None:
        monkeypatch.undo()
        with closing(KeyStore(layout.keystore, kms, settings.tenant, os.urandom)) as store:
            store.rotate(datetime.now(UTC))
        if adopted:
            raise KeyMissing("kek.next")
        return read(kms)

    monkeypatch.setattr(KekFile, "next", rotated)

    # then each key opens.
    done = tried(settings, layout)
    assert done.damaged == ()
    assert done.opened > 0
    assert Kek.load(layout.kek).epoch == 2
