"""`consentry log audit` beside the log: rows that say something else, cells nobody reads, broken keys."""

import sqlite3
from contextlib import closing

from shell import Shell
from unit.service.test_cli_record import granted


def edited(shell: Shell, file: str, statement: str) -> None:
    with closing(sqlite3.connect(shell.data / file)) as store, store:
        assert store.execute(statement).rowcount == 1


def test_rows_and_keys_are_looked_at_too(shell: Shell) -> None:
    granted(shell)

    audited = shell("log", "audit")

    assert (audited["differs"], audited["damaged"]) == ([], [])
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
