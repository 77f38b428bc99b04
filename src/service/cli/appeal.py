"""`consentry appeal`: objections to a decision or an answer; two operators who did not decide answer."""

from typing import Annotated

import typer
from rich.table import Column, Table

from audit.canonical import Json
from consent import docket
from service.cli import claiming
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from swap.appeals import About, Ground
from swap.errors import NoSuchThing

app = group("appeal", "Appeals: lodge, list, answer.")

Reason = Annotated[str, typer.Option(help="Why.")]
By = Annotated[str, typer.Option(metavar="ID", help="Which operator answers.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The appeal.")]


@command(app, "lodge")
def lodge(
    desk: Desk,
    about: Annotated[About, typer.Argument(metavar="KIND", help="decision or claim.")],
    subject: Annotated[str, typer.Argument(metavar="ID", help="Which.")],
    *,
    ground: Annotated[Ground, typer.Option(help="Why, as a word.")],
    by: Annotated[str, typer.Option(metavar="ID", help="Who appeals.")],
) -> Answer:
    """Appeal for somebody. It is to be answered within seven days."""
    record = desk.record
    with record.database.write() as session:
        deciders: list[str] = []
        if about is About.CLAIM:
            claim = record.claims.get(session, subject)
            deciders = [one for one in (claim.received_by, claim.decided_by) if one]
        elif (found := docket.find(session, desk.tenant, subject)) is None:
            raise NoSuchThing("no such decision here")
        else:
            deciders = list(record.appeals.deciders(session, found))
        made = record.appeals.lodge(
            session, about, subject, ground, appellant=by, deciders=deciders, now=record.clock()
        )
    record.log.publish(now=record.clock())
    return claiming.appealed(desk, made)


@command(app, "list")
def listing(desk: Desk) -> Answer:
    """All appeals, oldest first."""
    with desk.record.database.read() as session:
        found = desk.record.appeals.every(session)
    table = Table(Column("appeal", no_wrap=True), "about", "ground", "state", "until (UTC)")
    for one in found:
        table.add_row(one.id, one.about, one.ground, one.state, f"{one.due_at:%Y-%m-%d %H:%M}")
    desk.voice.show(table)
    values: list[Json] = [claiming.of_appeal(one) for one in found]
    return Answer({"appeals": values})


@command(app, "grant")
def grant(desk: Desk, appeal: Id, *, reason: Reason, by: By) -> Answer:
    """One operator is for it. Two make it granted: it may be asked anew, and the gate decides."""
    return _answer(desk, appeal, reason, by, granted=True)


@command(app, "deny")
def deny(desk: Desk, appeal: Id, *, reason: Reason, by: By) -> Answer:
    """One operator is against it: then the denial stands."""
    return _answer(desk, appeal, reason, by, granted=False)


def _answer(desk: Desk, appeal: str, reason: str, by: str, *, granted: bool) -> Answer:
    record = desk.record
    with record.database.write() as session:
        done = record.appeals.answer(
            session, appeal, operator=by, granted=granted, reason=reason, now=record.clock()
        )
    record.log.publish(now=record.clock())
    return claiming.appealed(desk, done)
