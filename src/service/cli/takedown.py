"""`consentry takedown`: requests that something be taken down, each with its clock."""

from typing import Annotated

import typer
from rich.markup import escape

from service import revoking
from service.cli import claiming
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from swap.claim import Target, What

app = group("takedown", "Takedown requests: receive, list, show, confirm, reject.")

Id = Annotated[str, typer.Argument(metavar="ID", help="The request.")]
By = Annotated[str, typer.Option(metavar="ID", help="Who answers.")]
Reason = Annotated[str, typer.Option(help="Why. It is kept, and shown on appeal.")]


@command(app, "receive")
def receive(
    desk: Desk,
    kind: Annotated[Target, typer.Argument(metavar="KIND", help="output, template or file.")],
    target: Annotated[str, typer.Argument(metavar="ID", help="An id; of a file its SHA-256.")],
    *,
    statement: Annotated[str, typer.Option(help="What is shown and why it must not be, in good faith.")],
    contact: Annotated[str, typer.Option(help="Of whoever asks. Kept sealed and apart.")],
) -> Answer:
    """Enter a request that came by letter or telephone. It is frozen when this returns."""
    record = desk.record
    return claiming.said(
        desk,
        revoking.answered(
            record,
            lambda session: record.claims.request(
                session, kind, target, statement, contact, now=record.clock()
            ),
        ),
    )


@command(app, "list")
def listing(desk: Desk) -> Answer:
    """Open requests and orders, oldest first."""
    with desk.record.database.read() as session:
        return claiming.listed(desk, desk.record.claims.every(session, only_open=True))


@command(app, "show")
def show(desk: Desk, claim: Id) -> Answer:
    """A request, with who made it and what was stated, as long as that is kept."""
    record = desk.record
    with record.database.read() as session:
        found = record.claims.get(session, claim)
        said = record.claims.contact(session, claim) if found.kind is What.TAKEDOWN else None
    answer = claiming.said(desk, found)
    for name, value in (said or {}).items():
        desk.voice.say(f"  {name}: {escape(value)}")
    return Answer({**answer.value, "said": dict(said) if said else None})


@command(app, "confirm")
def confirm(desk: Desk, claim: Id, *, reason: Reason, by: By = "operator") -> Answer:
    """It is right: outputs are withdrawn, and the same files do not come in again."""
    return _answer(desk, claim, reason, by, confirm=True)


@command(app, "reject")
def reject(desk: Desk, claim: Id, *, reason: Reason, by: By = "operator") -> Answer:
    """It is not: what nothing else holds is thawed."""
    return _answer(desk, claim, reason, by, confirm=False)


def _answer(desk: Desk, claim: str, reason: str, by: str, *, confirm: bool) -> Answer:
    record = desk.record
    return claiming.said(
        desk,
        revoking.answered(
            record,
            lambda session: record.claims.decide(
                session, claim, confirm=confirm, by=by, reason=reason, now=record.clock()
            ),
        ),
    )
