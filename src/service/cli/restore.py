"""`consentry restore`: a backup into an empty folder. What was denied since then stays denied."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit.canonical import Json
from audit.errors import ConsentryError
from service import backup as backups
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import describe
from service.wiring import open_record

app = group("restore", "Put a backup into an empty folder.")


@command(app, "restore")
def restore(
    desk: Desk,
    *,
    source: Annotated[Path, typer.Option("--from", metavar="DIR", help="A backup.")],
    keys: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The newest `backup --keys`, in place of the backup's.")
    ] = None,
) -> Answer:
    """Check every byte of a backup, then put it into the empty folder that --data names.

    Put `private` (from the keys' own backup) and `guard` (as it is now) there before or after. A database
    older than its tree head does not start: `consentry recover` is the way on.
    """
    newest = None if keys is None else keys.expanduser().resolve()
    done = backups.restore(source.expanduser().resolve(), desk.data, newest)
    voice = desk.voice
    voice.say(f"[bold green]restored[/] {len(done.manifest.files)} files of {done.manifest.at}")
    try:
        open_record(done.settings).close()
    except ConsentryError as error:
        # It is restored all the same; this is what has to be done before anybody is answered.
        voice.say(f"  it does not start yet: [bold]{error.code}[/] {escape(str(error))}")
        voice.say(f"  {escape(error.hint)}\n  {escape(error.hint_zh)}")
        waits: Json = describe(error)
    else:
        voice.hint("consentry doctor")
        waits = None
    return Answer({"at": done.manifest.at, "files": len(done.manifest.files), "waits_for": waits})
