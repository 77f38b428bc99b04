"""`consentry paper`: assessments, filings, contracts, checked identities: what the operator has on file."""

from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from audit import instant
from audit.canonical import Json
from consent.dimensions import ExportMechanism
from consent.papers import COVERS, Paper, PaperKind, Registered
from consent.words import Purpose
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

app = group("paper", "The operator's papers: assessments, filings, contracts, checked identities.")

By = Annotated[str, typer.Option(metavar="ID", help="Who says so.")]
Day = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day, UTC.")]


@command(app, "add")
def add(
    desk: Desk,
    kind: Annotated[PaperKind, typer.Argument(help="What kind of paper.")],
    document: Annotated[Path, typer.Argument(metavar="FILE", help="The document; only its digest is kept.")],
    *,
    until: Day,
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="From when it covers; now if left out."),
    ] = None,
    purpose: Annotated[list[Purpose] | None, typer.Option(help="A purpose it covers; once for each.")] = None,
    engine: Annotated[list[str] | None, typer.Option(help="An engine it covers.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="A country it covers, as CN.")] = None,
    requester: Annotated[list[str] | None, typer.Option(help="Who is identified or informed.")] = None,
    mechanism: Annotated[ExportMechanism | None, typer.Option(help="The ground of an export.")] = None,
    by: By = "operator",
) -> Answer:
    """Register a paper. What it does not name it does not cover."""
    record = desk.record
    paper = Paper(
        kind,
        files.digest_of(document),
        record.clock() if since is None else _day(since),
        _day(until),
        frozenset(purpose or ()),
        frozenset(engine or ()),
        frozenset(region or ()),
        frozenset(requester or ()),
        mechanism,
    )
    with record.database.write() as session:
        done = record.papers.add(session, paper, by=by, now=record.clock())
    record.log.publish(done.entry, now=record.clock())
    desk.voice.say(f"[bold]on file[/] {kind}, until {paper.until:%Y-%m-%d}: {done.id}")
    desk.voice.hint(f"consentry log proof {done.entry}")
    return Answer(_json(done))


@command(app, "list")
def listing(desk: Desk) -> Answer:
    """All papers, newest first."""
    record = desk.record
    with record.database.read() as session:
        found = record.papers.every(session)
    table = Table(Column("paper", no_wrap=True), "kind", "covers", "until (UTC)", "state")
    for one in found:
        covers = ", ".join(
            f"{name}: {' '.join(sorted(getattr(one.paper, name)))}" for name in COVERS[one.paper.kind]
        )
        table.add_row(
            one.id, str(one.paper.kind), escape(covers), f"{one.paper.until:%Y-%m-%d}", _state(desk, one)
        )
    desk.voice.show(table)
    return Answer({"papers": [_json(one) for one in found]})


@command(app, "end")
def end(
    desk: Desk,
    paper: Annotated[str, typer.Argument(metavar="ID", help="The paper.")],
    *,
    by: By = "operator",
) -> Answer:
    """It covers nothing from now on: a contract ended, an assessment fell."""
    record = desk.record
    with record.database.write() as session:
        done = record.papers.end(session, paper, by=by, now=record.clock())
    record.log.publish(now=record.clock())
    desk.voice.say(f"[bold]ended[/] {done.paper.kind} {paper}")
    return Answer(_json(done))


def _day(day: datetime) -> datetime:
    return datetime.combine(day.date(), time(), UTC)


def _state(desk: Desk, one: Registered) -> str:
    if one.ended_at is not None:
        return "[red]ended[/]"
    now = desk.record.clock()
    if now >= one.paper.until:
        return "[red]run out[/]"
    return "[green]in force[/]" if now >= one.paper.since else "not yet"


def _json(one: Registered) -> dict[str, Json]:
    return {
        "paper": one.id,
        "kind": str(one.paper.kind),
        "document": one.paper.digest,
        "covers": one.paper.json(),
        "from": instant.exact(one.paper.since),
        "until": instant.exact(one.paper.until),
        "by": one.by,
        "ended_at": None if one.ended_at is None else instant.exact(one.ended_at),
        "entry": one.entry,
    }
