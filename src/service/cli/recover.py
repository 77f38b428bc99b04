"""`consentry recover`: after a restored backup. Suspends every authorization until re-confirmed."""

from typing import Annotated

import typer

from consent.withdrawal import By, How
from service import erasing, recovery
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
    done = recovery.recover(settings, desk.now())
    erased = erasing.again(desk.record, By(How.OPERATOR, "recover"))
    if erased:
        desk.voice.say(f"{len(erased)} people had been erased after the backup, and are again  已重新删除")
    desk.voice.say(
        f"{done.held} log entries were here, {done.read_back} were read back from the published files.\n"
        f"{len(done.suspended)} authorizations wait until their persons confirm them again."
    )
    return Answer(
        {
            "held": done.held,
            "read_back": done.read_back,
            "journal_replaced": done.journal_replaced,
            "head_replaced": done.head_replaced,
            "suspended": list(done.suspended),
            "erased": list(erased),
            "entry": done.entry,
        }
    )
