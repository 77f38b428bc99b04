"""`consentry decision`: show one, and lift a hold, which takes two people and a reason."""

from typing import Annotated

import typer
from rich.markup import escape

from audit import instant
from audit.canonical import Json
from consent import docket
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.saying import exit_of, objection_json, say_decision, say_objections
from swap.errors import NoSuchThing
from swap.lifting import Lifting

app = group("decision", "Decisions: show one, lift a hold.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The decision.")]


@command(app, "show")
def show(desk: Desk, decision: Id) -> Answer:
    """What was decided, when, on what grounds, and what became of a hold."""
    record = desk.record
    with record.database.read() as session:
        found = docket.find(session, desk.tenant, decision)
    if found is None:
        raise NoSuchThing(f"no decision {decision!r:.40}")
    until = "" if found.until is None else f", to be lifted before {found.until:%Y-%m-%d %H:%M} UTC"
    desk.voice.say(f"[bold]{found.action}[/] {found.answer} at {found.at:%Y-%m-%d %H:%M:%S} UTC{until}")
    if found.closed is not None:
        desk.voice.say(f"  {found.closed}")
    if found.follows is not None:
        desk.voice.say(f"  follows decision {escape(found.follows)}")
    say_objections(desk.voice, found.objections)
    desk.voice.hint(f"consentry log proof {found.entry}")
    objections: Json = [objection_json(one) for one in found.objections]
    return Answer(
        {
            "decision": found.id,
            "action": str(found.action),
            "stage": str(found.stage),
            "verdict": str(found.answer),
            "at": instant.exact(found.at),
            "until": None if found.until is None else instant.exact(found.until),
            "closed": None if found.closed is None else str(found.closed),
            "follows": found.follows,
            "lifted": list(found.lifted),
            "objections": objections,
            "entry": found.entry,
        }
    )


@command(app, "lift")
def lift(
    desk: Desk,
    decision: Id,
    *,
    by: Annotated[list[str], typer.Option(metavar="ID", help="An operator who looked; give it twice.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="What the two of them saw.")],
) -> Answer:
    """Lift a hold: every other rule runs again, and what is permitted then is done.

    A template is published, a swap's job begins. The entry names both operators and their reason.
    """
    if len(by) != 2:
        raise typer.BadParameter("two operators lift a hold", param_hint="--by")
    lifting = Lifting(desk.studio.admission, desk.studio.pipeline)
    with desk.record.database.write() as session:
        done = lifting.lift(session, decision, by[0], by[1], reason)
    desk.record.log.publish(done.decision.ruling.entry, now=desk.now())
    value = say_decision(desk.voice, "lifted", done.decision)
    if done.job is not None:
        desk.voice.hint("consentry worker", f"consentry swap show {done.job}")
    return Answer({**value, "job": done.job}, exit_of(done.decision))
