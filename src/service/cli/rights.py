"""`consentry rights`: licences of portraits and works, drawn up here, signed by whom they are of."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from audit import instant, secretfile
from audit.canonical import Json
from consent import signature
from consent.legal_entity import LegalEntity
from consent.licence import (
    EVERY_SOURCE,
    LicenceKind,
    LicenceWish,
    Right,
    Signatory,
    SignatoryKind,
    draw_up_licence,
    parse_licence,
    to_sign_licence,
)
from consent.withdrawal import By, How
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

if TYPE_CHECKING:
    from consent.licences import LicenceStanding
    from consent.rights import Rights

app = group("rights", "Licences of portraits and works: parties, draw up, sign, register, show, end.")

Document = Annotated[Path, typer.Argument(metavar="LICENCE", help="The licence, as drawn up.")]
Licence = Annotated[str, typer.Argument(metavar="ID", help="The licence.")]
By_ = Annotated[str, typer.Option("--by", metavar="ID", help="Who answers for it.")]


@command(app, "party")
def party(
    desk: Desk,
    entity: Annotated[Path, typer.Argument(metavar="FILE.json", help="scheme, number, name, contact.")],
    *,
    key: Annotated[str, typer.Option(metavar="HEX", help="Its public key.")],
    by: By_ = "operator",
) -> Answer:
    """Register a legal entity with its public key: what that signs is its own."""
    record, read = desk.record, LegalEntity.from_json(files.read_json(entity))
    with record.database.write() as session:
        made = _rights(desk).parties.register(session, read, key, by=By(How.OPERATOR, by), now=record.clock())
    record.log.publish(made.entry, now=record.clock())
    desk.voice.say(f"registered [bold]{made.id}[/]  {escape(read.scheme)} {escape(read.number)}")
    return Answer({"party": made.id, "entity": read.json(), "key": made.key, "entry": made.entry})


@command(app, "draw-up")
def draw_up(
    desk: Desk,
    *,
    kind: Annotated[LicenceKind, typer.Option(help="Of a portrait, or of a work.")],
    person: Annotated[str | None, typer.Option(metavar="ID", help="Whose portrait.")] = None,
    party: Annotated[
        str | None, typer.Option(metavar="ID", help="The legal entity that signs; the person without.")
    ] = None,
    signer: Annotated[
        str | None, typer.Option(metavar="ID", help="The person who signs, when it is not she herself.")
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What shows that another may license her portrait.")
    ] = None,
    source: Annotated[
        list[str], typer.Option(metavar="SHA256", help="A video as received, or ALL; may be repeated.")
    ],
    right: Annotated[list[Right], typer.Option(help="What may be done; may be repeated.")],
    start: Annotated[str | None, typer.Option(metavar="INSTANT", help="From when; now without.")] = None,
    end: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Until when; open-ended without.")
    ] = None,
    notice_days: Annotated[int, typer.Option(min=0, max=365, help="Days of notice to end it.")] = 0,
    paper: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The contract on paper that this describes.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it.")] = Path("licence.json"),
) -> Answer:
    """Write the licence that its signatory, a person or a party, reads and signs."""
    files.free(out)
    record, now = desk.record, desk.record.clock()
    kind_of = SignatoryKind.PERSON if party is None else SignatoryKind.PARTY
    signs = party or signer or person
    if signs is None or (party is not None and signer is not None):
        raise typer.BadParameter("name who signs", param_hint="--party, --signer, --person")
    drawn = draw_up_licence(
        LicenceWish(
            kind=kind,
            person=person,
            sources=None if source == [EVERY_SOURCE] else frozenset(source),
            rights=frozenset(right),
            signatory=Signatory(kind_of, signs),
            start=now if start is None else instant.parse(start),
            end=None if end is None else instant.parse(end),
            notice_days=notice_days,
            authority=None if authority is None else files.digest_of(authority),
            paper=None if paper is None else files.digest_of(paper),
        ),
        desk.tenant,
        now=now,
        entropy=record.entropy,
    )
    files.write(out, drawn.encoded)
    desk.voice.say(f"written to {escape(str(out))}; its digest is {drawn.digest}")
    desk.voice.hint(
        f"consentry rights sign {out} --key PEM   (on the signatory's side)"
        if paper is None
        else f"consentry rights register {out}"
    )
    return Answer({"licence": drawn.id, "document": str(out), "sha256": drawn.digest})


@command(app, "sign")
def sign(
    desk: Desk,
    document: Document,
    *,
    key: Annotated[Path, typer.Option(metavar="PEM", help="The signatory's private key.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the evidence; LICENCE.evidence else.")
    ] = None,
) -> Answer:
    """On the signatory's side: sign exactly these bytes. Needs no data folder."""
    data = files.read_bytes(document)
    wanted = parse_licence(data)
    evidence = signature.sign(secretfile.read(key), to_sign_licence(data))
    target = out or document.with_name(f"{document.name}.evidence")
    files.write(target, evidence.encoded)
    desk.voice.say(f"{wanted.kind} licence: {', '.join(sorted(wanted.rights))}")
    desk.voice.say(f"signed with key {evidence.key[:16]}…; evidence in {escape(str(target))}")
    desk.voice.hint(f"consentry rights register {document} {target}")
    return Answer({"licence": wanted.id, "evidence": str(target), "key": evidence.key})


@command(app, "register")
def register(
    desk: Desk,
    document: Document,
    evidence: Annotated[
        Path | None, typer.Argument(metavar="EVIDENCE", help="Its signature; without, it is on paper.")
    ] = None,
    *,
    by: By_ = "operator",
) -> Answer:
    """Register a licence: signed, or one on paper that the operator vouches for."""
    record, data = desk.record, files.read_bytes(document)
    proof = None if evidence is None else files.read_bytes(evidence)
    with record.database.write() as session:
        standing = _rights(desk).register(session, data, proof, by=By(How.OPERATOR, by), now=record.clock())
    record.log.publish(standing.entry, now=record.clock())
    return _say(desk, standing)


@command(app, "show")
def show(desk: Desk, licence: Licence) -> Answer:
    """A licence, and whether it is in force."""
    record = desk.record
    with record.database.read() as session:
        return _say(desk, _rights(desk).get(session, licence, now=record.clock()))


@command(app, "end")
def end(
    desk: Desk,
    licence: Licence,
    *,
    reason: Annotated[
        str, typer.Option(help="AT_WILL (open-ended), GOOD_REASON (portrait), AGREED or VOID (at once).")
    ],
    by: By_ = "operator",
) -> Answer:
    """End a licence, after its notice period where one is due."""
    from consent.rights import Ending  # noqa: PLC0415  (a database; `sign` needs none)

    if reason not in set(Ending):
        raise typer.BadParameter(f"expected one of {', '.join(Ending)}", param_hint="--reason")
    record = desk.record
    with record.database.write() as session:
        standing = _rights(desk).end(
            session, licence, Ending(reason), by=By(How.OPERATOR, by), now=record.clock()
        )
    record.log.publish(now=record.clock())
    return _say(desk, standing)


def _rights(desk: Desk) -> "Rights":
    from consent.rights import Rights  # noqa: PLC0415  (as above)

    return Rights(desk.record.ledger, desk.record.entropy)


def _say(desk: Desk, standing: "LicenceStanding") -> Answer:
    said = standing.licence
    word = "[bold green]in force[/]" if standing.in_force else "[bold red]not in force[/]"
    until = "open-ended" if standing.ends_at is None else f"until {standing.ends_at:%Y-%m-%d %H:%M} UTC"
    desk.voice.say(f"{said.kind} licence {said.id}  {word}, {standing.form}, {until}")
    desk.voice.say(f"  {', '.join(sorted(said.rights))}; digest {said.digest}")
    value: dict[str, Json] = {
        "licence": said.id,
        "sha256": said.digest,
        "kind": str(said.kind),
        "form": str(standing.form),
        "in_force": standing.in_force,
        "ends_at": None if standing.ends_at is None else instant.exact(standing.ends_at),
        "entry": standing.entry,
    }
    return Answer(value)
