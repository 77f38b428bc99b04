"""`consentry hook`: addresses that are told of events. A secret is shown once."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from audit.canonical import Json
from service import announcing, webhooks
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.messenger import Messenger
from swap import hooks, tidings
from swap.hooks import Event

app = group("hook", "Hooks: tell addresses of withdrawals and other events.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The hook.")]
By = Annotated[str, typer.Option(metavar="ID", help="Who does so.")]


@command(app, "add")
def add(
    desk: Desk,
    url: Annotated[str, typer.Argument(metavar="URL", help="An https address on the public internet.")],
    *,
    event: Annotated[
        list[Event] | None, typer.Option(help="What it is told of; repeat for more. Left out: all.")
    ] = None,
    by: By = "operator",
) -> Answer:
    """Register an address. The secret for its signatures is shown once, and stored nowhere."""
    made = announcing.register(desk.record, url, event or (), by=by)
    key = webhooks.public(desk.record.webhook.verifying)
    desk.voice.say(f"registered {made.hook.id} for {escape(url)}; its secret, shown once:")
    desk.voice.command(made.secret)
    desk.voice.say(f"our public key, for v1a: {key}")
    return Answer({"hook": made.hook.id, "secret": made.secret, "public_key": key, "entry": made.entry})


@command(app, "list")
def listing(desk: Desk) -> Answer:
    """All hooks, and what became of their events."""
    record = desk.record
    table = Table(Column("hook", no_wrap=True), "address", "events", "state", "delivered", "owed", "given up")
    found: list[Json] = []
    with record.database.read() as session:
        for hook in hooks.every(session, desk.tenant):
            counts = tidings.tally(session, desk.tenant, hook.id)
            table.add_row(
                hook.id,
                escape(hook.url),
                ", ".join(sorted(hook.types)) or "all",
                "works" if hook.ended_at is None else "ended",
                *(
                    str(counts.get(state, 0))
                    for state in (tidings.State.DELIVERED, tidings.State.OWED, tidings.State.GIVEN_UP)
                ),
            )
            found.append(
                {
                    "hook": hook.id,
                    "url": hook.url,
                    "types": sorted(map(str, hook.types)),
                    "ended": hook.ended_at is not None,
                    "counts": {str(state): count for state, count in counts.items()},
                }
            )
    desk.voice.show(table)
    return Answer({"hooks": found})


@command(app, "send")
def send(desk: Desk) -> Answer:
    """Send what is owed now, as a worker does by itself."""
    delivered = Messenger.of(desk.record).round()
    desk.record.log.publish(now=desk.record.clock())
    desk.voice.say(f"{delivered} delivered")
    return Answer({"delivered": delivered})


@command(app, "end")
def end(desk: Desk, hook: Id, *, by: By = "operator") -> Answer:
    """Tell it nothing more."""
    announcing.end(desk.record, hook, by=by)
    desk.voice.say(f"[bold]ended[/] {escape(hook)}")
    return Answer({"hook": hook})
