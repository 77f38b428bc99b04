"""`consentry kin`: who may act for somebody who can't, and deaths. The papers stay with whoever saw them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from audit import instant
from audit.canonical import Json
from consent import kinship
from consent.kinship import Kin, Kinship, Office, Relation
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

if TYPE_CHECKING:
    from consent.estates import Estates
    from consent.person import Person as Enrolled

app = group("kin", "Who may act for somebody: guardians, heirs; deaths; a minor's own signature.")

Person = Annotated[str, typer.Argument(metavar="PERSON", help="Her id here.")]
Paper = Annotated[Path, typer.Option(metavar="FILE", help="The paper that shows it; its digest is kept.")]
By = Annotated[str, typer.Option(metavar="ID", help="Who saw the paper.")]


@command(app, "record")
def record(
    desk: Desk,
    person: Person,
    *,
    representative: Annotated[str, typer.Option(metavar="ID", help="Who may act for her, enrolled here.")],
    office: Annotated[Office, typer.Option(help="In which office.")],
    relation: Annotated[Relation, typer.Option(help="What he or she is to her.")],
    paper: Paper,
    by: By = "operator",
) -> Answer:
    """Record who may act for her: a guardian for a child, an heir for the dead."""
    opened, evidence = desk.record, files.digest_of(paper)
    with opened.database.write() as session:
        kin = Kinship(opened.ledger, opened.entropy).record(
            session, person, representative, office, relation, evidence, by=by, now=opened.clock()
        )
    opened.log.publish(now=opened.clock())
    desk.voice.say(f"recorded [bold]{kin.id}[/]: {representative} is {office} of {person}")
    return Answer(_json(kin))


@command(app, "list")
def listing(desk: Desk, person: Person) -> Answer:
    """Who may act for her, or might once, oldest first."""
    opened = desk.record
    with opened.database.read() as session:
        opened.registry.people.get(session, person)
        found = kinship.of(session, opened.ledger, [person]).get(person, ())
    table = Table(
        Column("kin", no_wrap=True), Column("who", no_wrap=True), "office", "relation", "until (UTC)"
    )
    for kin in found:
        until = f"{kin.until:%Y-%m-%d %H:%M}" if kin.until else ""
        table.add_row(kin.id, kin.representative, kin.office, kin.relation, until)
    desk.voice.show(table)
    return Answer({"kin": [_json(kin) for kin in found]})


@command(app, "end")
def end(
    desk: Desk,
    person: Person,
    kin: Annotated[str, typer.Argument(metavar="KIN", help="As `kin list` names it.")],
    *,
    by: By = "operator",
) -> Answer:
    """End it, now. What was signed before stays signed."""
    opened = desk.record
    with opened.database.write() as session:
        ended = Kinship(opened.ledger, opened.entropy).end(session, person, kin, by=by, now=opened.clock())
    opened.log.publish(now=opened.clock())
    desk.voice.say(f"[bold]ended[/] {kin}")
    return Answer(_json(ended))


@command(app, "cosign")
def cosign(
    desk: Desk,
    authorization: Annotated[str, typer.Argument(help="What her guardian signed.")],
    evidence: Annotated[Path, typer.Argument(metavar="FILE", help="Her signature over its second domain.")],
) -> Answer:
    """From 14 to 17 she signs too. Until then nothing rests on it."""
    from consent.cosigning import Cosigning  # noqa: PLC0415

    opened, hers = desk.record, files.read_bytes(evidence)
    with opened.database.write() as session:
        entry = Cosigning(opened.registry).cosign(session, authorization, hers, now=opened.clock())
    opened.log.publish(entry, now=opened.clock())
    desk.voice.say(f"signed by both: {authorization}")
    return Answer({"authorization": authorization, "entry": entry})


@command(app, "deceased")
def deceased(desk: Desk, person: Person, *, paper: Paper, by: By = "operator") -> Answer:
    """She has died: nothing rests on what she signed, and her references are deleted."""
    opened, evidence = desk.record, files.digest_of(paper)
    with opened.database.write() as session:
        her = _estates(desk).record(session, person, evidence, by=by, now=opened.clock())
    return _said(desk, her, "deceased")


@command(app, "lives")
def lives(desk: Desk, person: Person, *, paper: Paper, by: By = "operator") -> Answer:
    """That she had died was an error."""
    opened, evidence = desk.record, files.digest_of(paper)
    with opened.database.write() as session:
        her = _estates(desk).retract(session, person, evidence, by=by, now=opened.clock())
    return _said(desk, her, "living")


def _estates(desk: Desk) -> "Estates":
    from consent.estates import Estates  # noqa: PLC0415
    from consent.portraits import Portraits  # noqa: PLC0415

    opened = desk.record
    return Estates(opened.registry, Portraits(desk.tenant, opened.keystore, opened.entropy))


def _said(desk: Desk, her: "Enrolled", word: str) -> Answer:
    desk.record.log.publish(her.entry, now=desk.record.clock())
    desk.voice.say(f"recorded as [bold]{word}[/]: {her.id}")
    at = None if her.deceased_at is None else instant.exact(her.deceased_at)
    return Answer({"person": her.id, "deceased_at": at, "entry": her.entry})


def _json(kin: Kin) -> dict[str, Json]:
    return {
        "kin": kin.id,
        "person": kin.person,
        "representative": kin.representative,
        "office": str(kin.office),
        "relation": str(kin.relation),
        "evidence": kin.evidence,
        "since": instant.exact(kin.since),
        "until": None if kin.until is None else instant.exact(kin.until),
    }
