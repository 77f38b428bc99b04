"""`consentry`, whole: its commands by name, and what a shell is told when one goes wrong.

A command's module is imported when it is called: a stranger's `verify` opens no database because it
imports none, and a person makes her key without loading a model.
"""

import importlib
import json
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service.cli.interrupts import answered, uninterrupted
from service.console import Exit

COMMANDS = (
    "init",
    "demo",
    "person",
    "proof",
    "kin",
    "consent",
    "link",
    "ask",
    "rights",
    "template",
    "swap",
    "decision",
    "paper",
    "subject",
    "hook",
    "takedown",
    "injunction",
    "appeal",
    "policy",
    "check",
    "verify",
    "log",
    "evidence",
    "report",
    "witness",
    "models",
    "engine",
    "doctor",
    "key",
    "serve",
    "worker",
    "purge",
    "backup",
    "restore",
    "mend",
    "recover",
    "reconfirm",
    "upgrade",
)
"""In the order of a first acquaintance. `service.cli.<name>` holds an `app`."""


class Commands(TyperGroup):
    """The commands, each imported on demand."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        with uninterrupted():
            app: typer.Typer = importlib.import_module(f"service.cli.{cmd_name}").app
        command = typer.main.get_command(app)
        command.name, command.short_help = cmd_name, str(app.info.help)
        return command


def program() -> typer.Typer:
    """The root of the command line."""
    # No pretty tracebacks: they print local variables, and ours hold keys and faces.
    root = typer.Typer(
        cls=Commands,
        name="consentry",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    root.callback()(_consentry)
    return root


def main() -> None:
    """Run the command line of this process, and leave it with an exit code."""
    machine = "--json" in sys.argv
    try:
        program()(prog_name="consentry")
    except SystemExit as end:
        if machine and end.code == Exit.USAGE:
            _fault("USAGE", "wrong usage of the command line; see stderr")
        raise
    except KeyboardInterrupt:
        sys.exit(Exit.CANCELLED)
    except Exception as error:  # noqa: BLE001  (Python's own exit code for a bug is 1, which here means "no")
        traceback.print_exc()
        if machine:
            _fault("BUG", f"{type(error).__name__}; see stderr")
        sys.exit(Exit.BUG)
    finally:
        answered()


def _say_version(said: bool) -> None:  # noqa: FBT001  (typer hands over the flag's value)
    if said:
        typer.echo(f"consentry {version('consentry')}")
        raise typer.Exit


def _consentry(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    """Consent in front of a face-swap engine, and the proof of it."""


def _fault(code: str, message: str) -> None:
    value = {"ok": False, "error": {"code": code, "message": message}}
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
