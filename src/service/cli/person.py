"""`consentry person`: who can agree. Keys are made on her side, and stay there."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit import instant, secretfile
from audit.canonical import Json
from consent import signature
from consent.person import Proof
from consent.words import AgeBand, ProofLevel
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

app = group("person", "People: enrolment, keys, portraits, and what was decided about them.")

Person = Annotated[str, typer.Argument(metavar="PERSON", help="Her id here.")]


@command(app, "keygen")
def keygen(
    desk: Desk,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder of her own, mode 0700.")],
) -> Answer:
    """On the person's side: make a key pair. The private half never leaves DIR. Needs no data folder."""
    private, public = signature.keygen(desk.entropy)
    pem, hexed = out / "person.pem", out / "person.pub"
    files.free(hexed)
    secretfile.write(pem, private)
    files.write(hexed, f"{public}\n".encode())
    desk.voice.say(f"private key, for her alone: {escape(str(pem))}")
    desk.voice.say(f"public key, to enrol:       {public}")
    desk.voice.hint(f"consentry person key PERSON --key {public}")
    return Answer({"private": str(pem), "public": str(hexed), "key": public})


@command(app, "enrol")
def enrol(
    desk: Desk,
    *,
    proof: Annotated[ProofLevel, typer.Option(help="How well it is known who she is.")],
    by: Annotated[str, typer.Option(metavar="ID", help="Who checked: an operator, a service.")],
    how: Annotated[str, typer.Option(help="In what way. Never a document number.")],
    age: Annotated[AgeBand, typer.Option(help="Her age band, as checked.")],
) -> Answer:
    """Enrol a person: a random id, her proof level, her age band. No face and no key yet."""
    record = desk.record
    with record.database.write() as session:
        person = record.registry.people.enrol(session, Proof(proof, by, how), age, now=record.clock())
    record.log.publish(person.entry, now=record.clock())
    desk.voice.say(f"enrolled [bold]{person.id}[/]  proof {proof}, {age}")
    desk.voice.hint(
        "consentry person keygen --out HER-FOLDER   (on her side)",
        f"consentry person key {person.id} --key PUBLIC-KEY",
    )
    return Answer({"person": person.id, "proof": str(proof), "age": str(age), "entry": person.entry})


@command(app, "key")
def key(
    desk: Desk,
    person: Person,
    *,
    public: Annotated[str, typer.Option("--key", metavar="HEX", help="Her public key.")],
    by: Annotated[str, typer.Option(metavar="ID", help="Who made sure that the key is hers.")] = "operator",
) -> Answer:
    """Enrol a person's public key: from now on what it signs is hers."""
    record = desk.record
    with record.database.write() as session:
        enrolled = record.registry.people.enrol_key(session, person, public, by=by, now=record.clock())
    record.log.publish(now=record.clock())
    desk.voice.say(f"key enrolled, valid from {enrolled.since:%Y-%m-%d %H:%M:%S %Z}")
    desk.voice.hint(
        f"consentry consent draw-up --person {person} --scope SCOPE.json --notice face-swap --language en"
    )
    return Answer({"person": person, "key": enrolled.key, "since": instant.exact(enrolled.since)})


@command(app, "photos")
def photos(
    desk: Desk,
    authorization: Annotated[str, typer.Argument(help="The authorization that allows it.")],
    pictures: Annotated[list[Path], typer.Argument(metavar="FILE...", help="1 to 5 photos of her alone.")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Put them in place of earlier ones.")] = False,
) -> Answer:
    """Make encrypted references from photos, on her consent. The photos themselves are not kept."""
    from consent.resemblances import FaceHeld  # noqa: PLC0415  (a database; keygen needs none)

    photos = [files.checked(each) for each in pictures]
    record, studio = desk.record, desk.studio
    pixels = [studio.photos.read(each.read_bytes()) for each in photos]
    with record.database.write() as session:
        added = studio.enrolment.add_portraits(
            session, authorization, pixels, now=record.clock(), replace=replace
        )
    record.log.publish(now=record.clock())
    if not added:
        raise FaceHeld("the face is held for two people to look at; nothing of the photos was kept")
    desk.voice.say(f"{len(added)} reference(s) stored, encrypted under her key; no photo was kept")
    return Answer({"authorization": authorization, "references": len(added)})


@command(app, "inbox")
def inbox(desk: Desk, person: Person) -> Answer:
    """Everything that was decided about a person, and how what she signed stands."""
    from consent.inbox import inbox as read_inbox  # noqa: PLC0415  (a database; the other half needs none)
    from service.cli.inboxes import inbox_json, say_inbox  # noqa: PLC0415

    record = desk.record
    with record.database.read() as session:
        found = read_inbox(session, record.registry, person, now=record.clock())
    say_inbox(desk.voice, found)
    value: dict[str, Json] = dict(inbox_json(found))
    return Answer(value)
