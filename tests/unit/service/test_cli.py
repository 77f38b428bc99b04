"""The command line as such: one value for machines, our own words for people, an exit code by family."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.errors import BadInput, ConsentryError, Diverged, Unready
from service.cli import command, program, reference
from service.cli.command import Answer
from service.cli.desk import Desk
from service.cli.interrupts import uninterrupted
from service.console import Exit, Voice, describe, exit_code
from shell import Shell

ROOT = Path(__file__).parents[3]


class Bad(BadInput):
    code, zh, hint, hint_zh = "BAD", "坏", "mend it", "修好它"


class Off(Diverged):
    code = "OFF"


class Gone(Unready):
    code = "GONE"


def raising(error: BaseException) -> Callable[[], Answer]:
    def work() -> Answer:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "expected"),
    [(Bad("x"), Exit.BAD_INPUT), (Off("x"), Exit.DIVERGED), (Gone("x"), Exit.UNREADY)],
)
def test_an_error_of_ours_is_said_and_never_traced(
    error: ConsentryError, expected: Exit, capsys: pytest.CaptureFixture[str]
) -> None:
    code = command.perform(Desk(Voice.open(machine=False), None), raising(error))

    stdout, stderr = capsys.readouterr()
    assert code is exit_code(error) is expected
    assert stdout == ""
    assert error.code in stderr
    assert "Traceback" not in stderr


def test_an_error_is_said_in_both_languages_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    command.perform(Desk(Voice.open(machine=False), None), raising(Bad("[red] is no markup")))

    stderr = capsys.readouterr().err
    assert all(part in stderr for part in ("BAD", "[red] is no markup", "坏", "mend it", "修好它"))


def test_for_machines_an_error_is_the_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    command.perform(Desk(Voice.open(machine=True), None), raising(Bad("x")))

    stdout, stderr = capsys.readouterr()
    assert json.loads(stdout) == {"ok": False, "error": describe(Bad("x"))}
    assert stderr == ""


def test_an_interruption_ends_with_130_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code = command.perform(Desk(Voice.open(machine=True), None), raising(KeyboardInterrupt()))

    assert code == 130
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "CANCELLED"


def test_an_interruption_waits_while_a_module_loads() -> None:
    reached = []

    def load() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append(True)

    with pytest.raises(KeyboardInterrupt):
        load()

    assert reached == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_was_opened_is_closed_whatever_happens() -> None:
    closed = []

    class Watched(Desk):
        def close(self) -> None:
            closed.append(True)

    command.perform(Watched(Voice.open(machine=True), None), raising(Bad("x")))

    assert closed == [True]


def test_a_bug_is_not_an_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a command with a bug: Python would leave with 1, which to a script means "no".
    monkeypatch.setattr(sys, "argv", ["consentry", "log", "list", "--json"])
    monkeypatch.setattr(program, "program", lambda: _fails)
    monkeypatch.setattr(program, "answered", lambda: None)

    with pytest.raises(SystemExit) as left:
        program.main()

    stdout, stderr = capsys.readouterr()
    assert left.value.code == 70
    assert "ZeroDivisionError" in stderr
    assert json.loads(stdout)["error"]["code"] == "BUG"


def _fails(prog_name: str) -> None:
    raise ZeroDivisionError


def test_wrong_usage_is_2_and_still_one_value_for_machines(tmp_path: Path) -> None:
    shell = Shell(tmp_path)

    stdout, stderr = shell.apart("log", "list", "--last", "many", "--json", leaves=2)
    assert json.loads(stdout)["error"]["code"] == "USAGE"
    assert "--last" in stderr

    stdout, stderr = shell.apart("log", "list", leaves=2)
    assert "--data" in stderr
    assert stdout == ""


def test_a_folder_that_is_none_of_ours_is_named_with_the_way_out(tmp_path: Path) -> None:
    shell = Shell(tmp_path)

    said = shell.said("log", "list", leaves=5)

    assert "DATA_FOLDER_MISSING" in said
    assert "consentry init" in said


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert Shell(tmp_path).said("--version").startswith("consentry 0.")


def test_every_command_takes_data_and_json() -> None:
    leaves = [(path, text) for path, text in reference.helps() if "Commands:" not in text]

    assert len(leaves) > 30
    for path, text in leaves:
        assert "--json" in text, path
        assert ("--data" in text) or path == "consentry demo"


def test_the_help_is_the_one_that_is_documented() -> None:
    written = (ROOT / "docs" / "cli-reference.md").read_text()

    # If this fails after a change that was meant: python -m service.cli.reference > docs/cli-reference.md
    assert reference.markdown() == written


def test_verifying_and_signing_import_no_database() -> None:
    """A stranger, and a person on her own side, must not need what runs the service."""
    asked = """
import sys
from service.cli import program, verify
for name in ("sqlmodel", "sqlalchemy", "dbos", "onnxruntime", "insightface", "service.wiring"):
    assert name not in sys.modules, name
from service.cli import person
assert "service.wiring" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT / "src", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
