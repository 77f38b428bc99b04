"""The doctor: sees what is wrong, says how to mend it, and never stops at the first."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from audit.testchain import make_test_chain
from service import alarms, checkup
from service.database import Database
from service.doctor import Finding, Health, examine
from service.layout import Layout
from service.settings import FILE, load
from shell import Shell
from swap import duties
from swap.duties import Kind


def examined(data: Path, now: datetime | None = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(data, lambda: now or datetime.now(UTC))}


def faults(found: dict[str, Finding]) -> dict[str, str]:
    return {what: one.code for what, one in found.items() if one.health is Health.FAULT}


def test_a_founded_folder_is_well(either: Shell) -> None:
    found = examined(either.data)

    assert faults(found) == {}
    assert found["sandbox"].health is Health.WELL
    assert found["self-test"].health is Health.WELL
    assert either("doctor")["findings"][0]["what"] == "settings"


def test_everything_wrong_is_found_at_once(shell: Shell) -> None:
    # Given a key too many may read, a lost one, a torn journal, and no room for a certificate.
    layout = Layout.of(load(shell.data))
    (layout.private / "permit.key").chmod(0o644)
    (layout.private / "countersign.key").unlink()
    layout.journal.write_bytes(b"x" * 65)
    layout.chain.write_text("no certificate")

    found = examined(shell.data)

    assert faults(found) == {
        "permit key": "KEY_FILE_EXPOSED",
        "countersign key": "KEY_MISSING",
        "deny journal": "JOURNAL_DAMAGED",
        "certificate": "CERTIFICATE_UNFIT",
    }
    assert all(found[what].hint and found[what].hint_zh for what in faults(found))
    said = shell("doctor", leaves=4)["findings"]
    assert [one["code"] for one in said if one["health"] == "fault"] == list(faults(found).values())


def test_what_needs_something_broken_is_not_called_broken(shell: Shell) -> None:
    (shell.data / FILE).write_text("threads = 0\n")

    found = examined(shell.data)

    assert faults(found) == {"settings": "SETTINGS_INVALID"}
    assert found["log"].health is Health.UNKNOWN
    assert found["disk"].health is Health.WELL


def test_a_folder_that_is_not_there_is_examined_too(tmp_path: Path) -> None:
    found = examined(tmp_path / "nowhere")

    assert faults(found) == {"settings": "SETTINGS_INVALID"}
    assert "consentry init" in found["settings"].detail


def test_a_database_of_another_shape_or_an_older_copy_is_found(shell: Shell) -> None:
    settings = load(shell.data)
    older = shell.folder / "older.db"
    database = Database(settings.database_url)
    with database.write() as session:
        session.connection().execute(text("SELECT 1"))
    database.close()
    shutil.copy(shell.data / "consentry.db", older)
    words = ("--proof", "self-asserted", "--by", "op", "--how", "demo", "--age", "adult")
    shell("person", "enrol", *words)
    for each in shell.data.glob("consentry.db-*"):
        each.unlink()

    shutil.copy(older, shell.data / "consentry.db")

    assert faults(examined(shell.data)) == {"log": "LOG_BEHIND"}
    refused = shell("log", "list", leaves=4)
    assert refused["error"]["code"] == "LOG_BEHIND"

    database = Database(settings.database_url)
    with database.write() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = 'older'"))
    database.close()
    assert faults(examined(shell.data)) == {"schema": "SCHEMA_BEHIND"}


def test_a_clock_that_was_set_back_is_found(shell: Shell) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)

    found = faults(examined(shell.data, yesterday))

    assert found["clock"] == "CLOCK_BEHIND"


def test_a_certificate_about_to_end_is_a_concern_and_an_ended_one_a_fault(shell: Shell) -> None:
    # Given a deployment in production whose chain ends in a week.
    now = datetime.now(UTC)
    settings = load(shell.data)
    (shell.data / FILE).write_text('mode = "production"\norigin = "log.example/cli"\n')
    layout = Layout.of(settings)
    chain = make_test_chain(now)
    layout.chain.write_text(chain.chain_pem)
    layout.trust.write_text(chain.root_pem)
    (layout.private / "manifest.key").unlink()
    (layout.private / "manifest.key").touch(0o600)
    (layout.private / "manifest.key").write_text(chain.key_pem)

    found = examined(shell.data)
    assert found["certificate"].health is Health.WARNING
    assert "TEST" in found["certificate"].detail
    # Nothing is released without the operator's own code.
    assert faults(found) == {"provider code": "PROVIDER_CODE_INVALID"}

    later = examined(shell.data, now + timedelta(days=4000))
    assert later["certificate"].code == "CERTIFICATE_UNFIT"


def test_a_model_whose_licence_does_not_cover_the_deployment_is_found(shell: Shell) -> None:
    weights = shell.folder / "weights"
    weights.mkdir()
    (weights / "mine.onnx").write_bytes(b"x")
    (weights / "models.toml").write_text(
        '[[model]]\nname = "mine"\nrole = "engine"\nfile = "mine.onnx"\n'
        f'sha256 = "{"0" * 64}"\nlicence = "LicenseRef-research-only"\ncommercial = false\n'
    )
    with (shell.data / FILE).open("a") as file:
        file.write(f"models = {json.dumps(str(weights))}\n")

    found = examined(shell.data)
    assert faults(found) == {"models": "MODEL_LICENCE_REFUSED"}
    assert found["self-test"].health is Health.UNKNOWN

    listed = shell("models", leaves=5)
    assert {one["name"]: one["problem"] for one in listed["models"]}["mine"] == "MODEL_LICENCE_REFUSED"


def test_a_full_disk_is_a_concern_before_it_is_a_fault(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "ENOUGH", 1 << 80)

    assert examined(shell.data)["disk"].health is Health.WARNING


def test_a_decoder_that_could_get_out_is_a_fault_unless_the_settings_say_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup.Sandbox, "walls", lambda _self: {"fork": False, "open a file": True})
    assert faults(examined(shell.data)) == {"sandbox": "SANDBOX_WALLS_DOWN"}

    monkeypatch.setenv("CONSENTRY_SANDBOX", "rlimits")
    assert examined(shell.data)["sandbox"].health is Health.WARNING


def test_an_oddity_of_one_check_does_not_end_the_visit(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def faints(_self: object) -> str:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(checkup.Patient, "_policy", faints)

    found = examined(shell.data)

    assert faults(found) == {"policy": "UNEXPECTED"}
    assert found["worker"].health is Health.WELL


def test_models_are_listed_without_a_data_folder(tmp_path: Path) -> None:
    stdout, _ = Shell(tmp_path, {}).apart("models", "--json")

    listed = json.loads(stdout)
    assert {"yunet", "sface", "face-landmark"} <= {one["name"] for one in listed["models"]}
    assert all(one["problem"] is None for one in listed["models"])


def test_what_rings_while_it_runs_is_said_with_what_to_do(shell: Shell) -> None:
    # Given a duty that has been owed for an hour, in a folder with nothing else wrong.
    settings, now = load(shell.data), datetime.now(UTC)
    database = Database(settings.database_url)
    with database.write() as session:
        earlier = now - timedelta(hours=1)
        duties.owe(session, settings.tenant, Kind.WITHDRAW_OUTPUT, "o" * 32, now=earlier, entropy=os.urandom)
    database.close()

    found = examined(shell.data, now)

    assert faults(found) == {}
    overdue = found["duties"]
    assert (overdue.health, overdue.code) == (Health.WARNING, "DUTIES_OVERDUE")
    assert "1 withdraw_output; due since 3600 s" in overdue.detail
    assert overdue.hint == alarms.DUTIES.hint
    assert overdue.hint_zh == alarms.DUTIES.hint_zh
    assert alarms.DUTIES.zh in shell.said("doctor")
