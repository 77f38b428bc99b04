"""`consentry init`: a data folder, once."""

from typing import Annotated

import typer
from rich.markup import escape

from audit.canonical import Json
from consent.notice import load_notices
from service import founding
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.database import Database
from service.layout import Layout, policies
from service.settings import FILE, BadSettings, Mode, Settings, load

app = group("init", "Make a data folder.")


@command(app, "init")
def init(
    desk: Desk,
    *,
    mode: Annotated[Mode, typer.Option(help="What the deployment is.")] = Mode.PRODUCTION,
    origin: Annotated[
        str | None, typer.Option(help="The log's name: an address without scheme that you control.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="A postgresql:// address; SQLite in the folder without.")
    ] = None,
    guard: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Deny journal and tree head: due with PostgreSQL, shared by hosts."),
    ] = None,
    kek: Annotated[
        str | None,
        typer.Option(metavar="URI", help="A pkcs11: URI of the token that wraps keys; a file without."),
    ] = None,
) -> Answer:
    """Make a data folder: settings, keys, tables, journal, notices. Nothing that exists is replaced."""
    given = {"mode": str(mode), "origin": origin, "database": database, "guard": guard, "kek": kek}
    if mode is Mode.DEMO:
        given["deployment"] = "demo"
    values = {name: value for name, value in given.items() if value is not None}
    _found(desk, values)
    published = publish_notices(desk)
    settings, layout = desk.settings, Layout.of(desk.settings)
    voice = desk.voice
    voice.say(
        f"[bold green]{escape(layout.root.name)}[/] is ready: mode {settings.mode}, log {settings.origin}"
    )
    voice.say(f"  public keys to hand out: {escape(str(layout.public))}")
    voice.say(f"  private keys, in no backup of data: {escape(str(layout.private))}")
    voice.say(f"  notices published: {', '.join(sorted(str(one['name']) for one in published))}")
    if settings.mode is Mode.PRODUCTION:
        voice.say(
            f"  Before anything is released: set provider_code in {FILE}, and put the C2PA chain and key"
        )
        voice.say(f"  at {escape(str(layout.chain))} and {escape(str(layout.private / 'manifest.key'))}.")
    voice.hint(f"consentry doctor --data {desk.data}")
    return Answer(
        {
            "data": str(desk.data),
            "mode": str(settings.mode),
            "origin": settings.origin,
            "keys": str(layout.public),
            "notices": published,
        }
    )


def _found(desk: Desk, values: dict[str, str]) -> None:
    present = (desk.data / FILE).is_file()
    # Checked before anything is written: wrong settings must not leave a folder that can't start.
    settings = desk.settings if present else load(desk.data, **values)
    if Layout.of(settings).private.exists():
        raise founding.AlreadyFounded(f"{desk.data.name} has keys already")
    if present:
        # Written by the operator, or by an init that was interrupted: what it says stands.
        wanted = load(desk.data, **values)
        if wanted != settings:
            raise BadSettings(f"{FILE} is there and says something else than the options; change it there")
    _reach(settings)
    if not present:
        founding.write_settings(desk.data, values)
    founding.found(settings, now=desk.now(), entropy=desk.entropy)


def _reach(settings: Settings) -> None:
    """Raise `DatabaseUnready` now rather than after keys were made. SQLite is made with the folder."""
    if settings.database is not None:
        database = Database(settings.database_url)
        try:
            with database.read() as session:
                session.connection()
        finally:
            database.close()


def publish_notices(desk: Desk) -> list[dict[str, Json]]:
    """Publish every notice of the policies that was not published yet; all of them, with their entries."""
    record, published = desk.record, list[dict[str, Json]]()
    notices = load_notices(policies(desk.settings) / "notices")
    with record.database.write() as session:
        for notice in notices:
            entry = record.registry.noticeboard.publish(session, notice, now=record.clock())
            published.append(
                {
                    "name": f"{notice.id} {notice.version} {notice.language}",
                    "sha256": notice.sha256,
                    "entry": entry,
                }
            )
    record.log.publish(now=record.clock())
    return published
