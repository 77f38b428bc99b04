"""`consentry mend`: damaged keys, put back from a copy of the key store."""

from pathlib import Path
from typing import Annotated

import typer

from service import mending
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.ended import say_again, say_erased

app = group("mend", "Put damaged keys back from a copy of the key store.")


@command(app, "mend")
def mend(
    desk: Desk,
    *,
    source: Annotated[
        Path,
        typer.Option("--from", metavar="DIR", help="A backup, or `backup --keys`, since the last erasure."),
    ],
) -> Answer:
    """Put wrapped keys that do not open back from a copy of the key store, of the same epoch.

    Keys that open, and keys that were destroyed, stay as they are.
    """
    done = mending.mend(desk.record, source.expanduser().resolve())
    desk.voice.say(f"{done.keys} keys were put back  已恢复 {done.keys} 个密钥")
    said = {**say_again(desk.voice, done.again), **say_erased(desk.voice, done.erased)}
    desk.voice.hint("consentry purge")
    return Answer({"mended": done.keys, "damaged": desk.record.keystore.damaged(), **said})
