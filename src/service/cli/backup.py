"""`consentry backup`: a copy of everything but the keys that sign and wrap, journal and head."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from service import backup as backups
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

app = group("backup", "Copy the data folder while it is in use.")


@command(app, "backup")
def backup(
    desk: Desk,
    *,
    to: Annotated[Path, typer.Option(metavar="DIR", help="A folder that does not exist yet.")],
) -> Answer:
    """Copy database, media, log, settings and, in a sub-folder of its own, the subjects' wrapped keys.

    Private keys and the KEK need a backup of their own, elsewhere. Deny journal and tree head must not
    go back in time: keep them on other storage than the database.
    """
    target = to.expanduser().resolve()
    done = backups.backup(desk.settings, target, desk.now())
    voice = desk.voice
    voice.say(f"[bold green]backed up[/] {len(done.files)} files to {escape(str(target))}")
    voice.say(
        f"  move {escape(str(target / 'keystore'))} to other storage: who keeps it long works against erasure"
    )
    voice.say(
        "  not in it: private keys and the KEK, deny journal, tree head  其中不含私钥、KEK、拒绝日志与日志头"
    )
    voice.hint(f"consentry restore --from {target} --data NEW-FOLDER")
    return Answer({"to": str(target), "at": done.at, "database": done.database, "files": len(done.files)})
