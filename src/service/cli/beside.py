"""What `consentry log audit` looks at beside the log itself: every row, and every wrapped key."""

from collections.abc import Mapping

from rich.markup import escape

from audit.canonical import Json
from service.cli.desk import Desk
from service.wiring import Record


def rows_and_keys(desk: Desk, record: Record) -> tuple[Mapping[str, Json], bool]:
    """Says which rows are not what the log says and which keys do not open. As JSON, and whether all fit."""
    from service.rowcheck.check import check  # noqa: PLC0415
    from service.rowcheck.keys import tried  # noqa: PLC0415

    with record.database.read() as session:
        rows = check(session, record)
    keys = tried(record.settings, record.layout)
    for row in rows.differs:
        place = escape(f"{row.column} of {row.key}")
        desk.voice.say(f"[bold red]{row.table}[/]: {place} is not what the log says")
    for gone in rows.missing:
        desk.voice.say(f"[bold red]{gone.table}[/]: the row of {escape(gone.key)} is not there")
    for key in keys.damaged:
        whose = escape(f"{key.kind} {key.id}")
        desk.voice.say(f"[bold red]key store[/]: {key.column} of {whose} is not as it was written")
    fits = rows.sound and not keys.damaged
    if fits:
        desk.voice.say(f"{rows.rows} row(s) say what the log says, {rows.erased} can't be asked any more")
        desk.voice.say(f"{keys.opened} wrapped key(s) open")
    said: dict[str, Json] = {
        "rows": rows.rows,
        "differs": [{"table": one.table, "row": one.key, "column": one.column} for one in rows.differs],
        "missing": [{"table": one.table, "row": one.key} for one in rows.missing],
        "keys": keys.opened,
        "damaged": [{"kind": one.kind, "id": one.id, "column": one.column} for one in keys.damaged],
    }
    return said, fits
