"""`consentry evidence`: bundles for auditors."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

app = group("evidence", "Evidence bundles for auditors: of a template, a person, an output, a period.")

To = Annotated[Path, typer.Option("--to", metavar="FILE", help="Where the zip goes.")]
Who = Annotated[str, typer.Option(metavar="ID", help="Who asks for it; it stands in the log.")]
_ID = typer.Argument(metavar="ID")


@command(app, "output")
def output(desk: Desk, thing: Annotated[str, _ID], *, to: To, by: Who = "operator") -> Answer:
    """What one released file rests on: consents, permit before run, run, release."""
    return _make(desk, "output", thing, to, by)


@command(app, "template")
def template(desk: Desk, thing: Annotated[str, _ID], *, to: To, by: Who = "operator") -> Answer:
    """Everything about a template: its source, its cast, and every output made of it."""
    return _make(desk, "template", thing, to, by)


@command(app, "person")
def person(desk: Desk, thing: Annotated[str, _ID], *, to: To, by: Who = "operator") -> Answer:
    """Everything that was decided about a person, and on what she signed."""
    return _make(desk, "person", thing, to, by)


@command(app, "period")
def period(
    desk: Desk,
    thing: Annotated[
        str, typer.Argument(metavar="FROM/UNTIL", help="Two instants in UTC; the end is not in.")
    ],
    *,
    to: To,
    by: Who = "operator",
) -> Answer:
    """Every entry of a period, with what the decisions in it rest on."""
    return _make(desk, "period", thing, to, by)


@command(app, "trust")
def trust(desk: Desk, *, to: To) -> Answer:
    """The public keys that a verifier needs, as the file to be handed to auditors, apart from any bundle."""
    from service.evidence import texts  # noqa: PLC0415

    files.write(to, texts.trusted(desk.record))
    desk.voice.say(f"written to 已写入 {to.name}")
    return Answer({"file": to.name})


def _make(desk: Desk, kind: str, thing: str, to: Path, by: str) -> Answer:
    from service.evidence.about import About, Kind  # noqa: PLC0415
    from service.evidence.making import make  # noqa: PLC0415

    files.free(to)
    made = make(desk.record, About(Kind(kind), thing), by=by)
    # After its entry: a bundle that nobody has is harmless, one that nobody knows of is not.
    files.write(to, made.data, mode=0o600)  # it opens what people signed
    for one in made.items:
        mark = "[green]present[/]" if one.state == "present" else f"[bold yellow]{one.state}[/]"
        desk.voice.say(f"{one.number} {mark}  {one.en} {one.zh}")
    desk.voice.say(f"{made.entries} entries, {len(made.data)} bytes, SHA-256 {made.digest}")
    desk.voice.hint(f"consentry verify {to.name} --keys trust.txt")
    return Answer(
        {
            "bundle": made.digest,
            "bytes": len(made.data),
            "entries": made.entries,
            "items": [{"item": one.number, "name": one.en, "state": one.state} for one in made.items],
            "entry": made.entry,
        }
    )
