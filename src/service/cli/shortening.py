"""`consentry log status` and `log prune`: from where on the log is kept, and dropping what is older."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from audit import instant, prunerows
from audit.canonical import Json
from service.cli.command import Answer
from service.cli.desk import Desk
from service.console import Exit

if TYPE_CHECKING:
    from datetime import datetime

    from audit.pruneplan import Plan


def status(desk: Desk) -> Answer:
    """How many entries there are, from which on they are kept, and how long they are kept at least."""
    from audit.treerows import standing  # noqa: PLC0415
    from service.pruning import least  # noqa: PLC0415

    record, tenant = desk.record, desk.tenant
    with record.database.read() as session:
        stands, pruning = standing(session, tenant), prunerows.last(session, tenant)
        minimum = prunerows.minimum(session, tenant)
    floor, days = least(record), desk.settings.log_retention
    desk.voice.say(f"{stands.size} entries have a place, {stands.waiting} wait for one")
    desk.voice.say(f"minimum index: {minimum}" + (" (nothing was pruned)" if not minimum else ""))
    if pruning is not None and not pruning.done:
        desk.voice.say(f"a pruning up to {pruning.minimum} is not finished")
    kept = "for good" if days is None else f"for {days} days, and while anything needs them"
    desk.voice.say(f"entries are kept {kept}; the law asks for {floor.days} days: {escape(floor.ground)}")
    return Answer(
        {
            "size": stands.size,
            "waiting": stands.waiting,
            "minimum": minimum,
            "unfinished": None if pruning is None or pruning.done else pruning.minimum,
            "retention_days": days,
            "least_days": floor.days,
        }
    )


def prune(
    desk: Desk,
    *,
    before: Annotated[
        str, typer.Option(metavar="DATE", help="Of what was written before this day (UTC), 2026-11-01.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it: what goes does not come back.")] = False,
) -> Answer:
    """Drop the oldest entries that nothing needs any more. Without --yes it only says what would go.

    Whole tiles go, from the first entry on, as far as nothing holds one. It is said in the log first. The
    tree stays as it is: every proof of what is left holds.
    """
    from service import pruning  # noqa: PLC0415

    record = desk.record
    if yes:
        # What was begun and broke off comes first.
        pruning.finish(record)
    made = pruning.plan(record, _day(before))
    value = _planned(desk, made)
    if not yes or not made.entries:
        if made.entries:
            desk.voice.hint(f"consentry log prune --before {before} --yes")
        return Answer({**value, "pruned": False})
    said = pruning.prune(record, made)
    if said is None:
        desk.voice.say("nothing went: something has come to hold part of it. Look again.")
        return Answer({**value, "pruned": False}, Exit.UNREADY)
    desk.voice.say(f"[bold green]pruned[/] below {said.minimum}: entry {said.index} says so")
    desk.voice.hint("consentry log audit")
    return Answer({**value, "pruned": True, "entry": said.entry, "index": said.index})


def _day(text: str) -> "datetime":
    from audit.instant import NotAnInstant  # noqa: PLC0415
    from audit.pruneplan import day  # noqa: PLC0415

    try:
        return day(text)
    except NotAnInstant:
        raise typer.BadParameter("expected a day as 2026-11-01", param_hint="--before") from None


def _planned(desk: Desk, made: "Plan") -> dict[str, Json]:
    from rich.table import Table  # noqa: PLC0415

    from service.needed import WHY  # noqa: PLC0415

    desk.voice.say(
        f"{made.entries} entries would go, {made.minimum} to {made.goal}; {made.reach - made.minimum} are old"
        " enough"
        if made.entries
        else f"nothing would go; {made.reach - made.minimum} entries are old enough"
    )
    held: list[Json] = []
    table = Table("held by", "原因", "entries", "from")
    for one in made.held:
        en, zh = WHY.get(one.why, (one.why, one.why))
        table.add_row(en, zh, str(one.entries), str(one.first))
        held.append({"why": one.why, "entries": one.entries, "first": one.first})
    if held:
        desk.voice.show(table)
    return {
        "minimum": made.minimum,
        "goal": made.goal,
        "entries": made.entries,
        "old_enough": made.reach - made.minimum,
        "before": instant.exact(made.before),
        "held": held,
    }
