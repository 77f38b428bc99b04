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
    keys: Annotated[bool, typer.Option("--keys", help="The subjects' wrapped keys alone.")] = False,
) -> Answer:
    """Copy database, media, log, settings and, in a sub-folder of its own, the subjects' wrapped keys.

    Private keys and the KEK need a backup of their own, elsewhere. Deny journal and tree head must not
    go back in time: keep them on other storage than the database.
    """
    target, voice = to.expanduser().resolve(), desk.voice
    if keys:
        done = backups.backup_keys(desk.settings, target, desk.now())
        voice.say(f"[bold green]backed up[/] {len(done.files)} key store(s) to {escape(str(target))}")
        if desk.settings.kek is None:
            voice.say("  copy private/kek anew as well, elsewhere, and destroy the copies of before of both")
            voice.say("  请同时另行备份 private/kek，并销毁两者的旧副本")
        else:
            voice.say("  the KEK stays in its token; destroy the copies of key stores of before")
            voice.say("  KEK 保留在令牌中；请销毁密钥库的旧副本")
        voice.hint(f"consentry restore --from BACKUP --keys {target} --data NEW-FOLDER")
        return Answer({"to": str(target), "at": done.at, "database": None, "files": len(done.files)})
    done = backups.backup(desk.settings, target, desk.now())
    voice.say(f"[bold green]backed up[/] {len(done.files)} files to {escape(str(target))}")
    voice.say(
        f"  move {escape(str(target / 'keystore'))} to other storage: who keeps it long works against erasure"
    )
    voice.say(
        "  not in it: private keys and the KEK, deny journal, tree head  其中不含私钥、KEK、拒绝日志与日志头"
    )
    voice.hint(f"consentry restore --from {target} --data NEW-FOLDER")
    return Answer({"to": str(target), "at": done.at, "database": done.database, "files": len(done.files)})
