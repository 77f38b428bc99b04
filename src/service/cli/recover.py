"""`consentry recover`: after a restored backup. Suspends every authorization until re-confirmed."""

import importlib
from typing import Annotated

import typer

from service.cli.command import Answer, command, group
from service.cli.desk import Desk

app = group("recover", "After a restored backup.")


@command(app, "recover")
def recover(
    desk: Desk,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="I know that every authorization is suspended.")] = False,
) -> Answer:
    """Log the gap that a restored backup left, and suspend every authorization until re-confirmed."""
    settings = desk.settings
    if not yes:
        raise typer.BadParameter(
            "this suspends every authorization until its person re-confirms it; repeat with --yes",
            param_hint="--yes",
        )
    done = importlib.import_module("service.recovery").recover(settings, desk.now())
    desk.voice.say("recovered; every authorization waits for its person")
    return Answer({"recovered": str(done)})
