"""`consentry recover`: after a restored backup. Suspends every authorization until re-confirmed."""

from typing import Annotated

import typer

from consent.withdrawal import By, How
from service import erasing, recovery
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.ended import say_again, say_erased

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
    for kid in done.keys_ended:
        desk.voice.say(f"others had key {kid}: said again, from where it was said before  已重新声明泄露")
    said = say_again(desk.voice, done.again)
    desk.voice.say(
        f"{done.held} log entries were here, {done.read_back} were read back from the published files.\n"
        f"{len(done.suspended)} authorizations wait until their persons confirm them again."
    )
    if done.denied:
        desk.voice.say(f"{len(done.denied)} are denied, for their keys do not open  密钥无法解开，已拒绝")
    # After all that is said of the rest, which nobody hears a second time. Also where a key that others had
    # is still in its place: nothing else starts then.
    said |= say_erased(desk.voice, erasing.again(desk.record_ended, By(How.OPERATOR, "recover")))
    return Answer(
        {
            "held": done.held,
            "read_back": done.read_back,
            "journal_replaced": done.journal_replaced,
            "head_replaced": done.head_replaced,
            "suspended": list(done.suspended),
            "denied": list(done.denied),
            "keys_ended": list(done.keys_ended),
            "entry": done.entry,
            **said,
        }
    )
