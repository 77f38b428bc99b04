"""`consentry proof`: how it is known who somebody is: services that attest it, a head before a camera."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from audit import instant, secretfile
from audit.canonical import Json
from consent.proofing import Attestation, KeyedService
from consent.proofservices import ProofService, ProofServices
from consent.proving import Proving
from consent.turning import Miss
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit

if TYPE_CHECKING:
    from consent.person import Person as Enrolled

app = group("proof", "Proof of people: proofing services, their attestations, live captures.")

Key = Annotated[str, typer.Argument(metavar="KEY", help="The service's public key, 64 hex digits.")]
By = Annotated[str, typer.Option(metavar="ID", help="Who does it.")]


@command(app, "adopt")
def adopt(
    desk: Desk,
    key: Key,
    *,
    service: Annotated[str, typer.Option(help="The name it signs with.")],
    by: By = "operator",
) -> Answer:
    """Adopt a proofing service's key: from now on its attestations count. Make sure whose it is first."""
    record = desk.record
    with record.database.write() as session:
        done = ProofServices(record.ledger).adopt(session, service, key, by=by, now=record.clock())
    return _said(desk, done, "adopted")


@command(app, "retire")
def retire(desk: Desk, key: Key, *, by: By = "operator") -> Answer:
    """Take nothing more from it. What it has proven stays."""
    record = desk.record
    with record.database.write() as session:
        done = ProofServices(record.ledger).retire(session, key, by=by, now=record.clock())
    return _said(desk, done, "retired")


@command(app, "compromise")
def compromise(
    desk: Desk,
    key: Key,
    *,
    since: Annotated[
        str, typer.Option(metavar="INSTANT", help="From when on, by our clock: 2026-11-22T08:00:00Z.")
    ],
    by: By = "operator",
) -> Answer:
    """Its key is stolen: whom it proved from then on is self-asserted until proven anew."""
    record, then = desk.record, instant.parse(since)
    with record.database.write() as session:
        done = ProofServices(record.ledger).compromise(session, key, since=then, by=by, now=record.clock())
    return _said(desk, done, "given up")


@command(app, "services")
def services(desk: Desk) -> Answer:
    """All keys ever adopted, oldest first."""
    record = desk.record
    with record.database.read() as session:
        found = ProofServices(record.ledger).every(session)
    table = Table(Column("key", no_wrap=True), "service", "adopted (UTC)", "state")
    for one in found:
        table.add_row(one.key, escape(one.service), f"{one.adopted_at:%Y-%m-%d %H:%M}", _state(one))
    desk.voice.show(table)
    return Answer({"services": [_json(one) for one in found]})


@command(app, "attest")
def attest(
    desk: Desk,
    statement: Annotated[Path, typer.Argument(metavar="FILE.json", help="What is attested: docs/people.md.")],
    *,
    key: Annotated[Path, typer.Option(metavar="FILE.pem", help="The service's private key.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it.")] = Path("attestation.json"),
) -> Answer:
    """On the proofing service's side: sign an attestation. Needs no data folder."""
    files.free(out)
    wanted = Attestation.from_json(files.read_json(statement))
    files.write(out, KeyedService(secretfile.read(key)).attest(wanted))
    desk.voice.say(
        f"attested: {wanted.level} by {wanted.method}, until {wanted.expires_at:%Y-%m-%d %H:%M} UTC"
    )
    desk.voice.hint(f"consentry proof enrol {out}", f"consentry proof renew PERSON {out}")
    return Answer({"attestation": str(out), "nonce": wanted.nonce})


@command(app, "enrol")
def enrol(
    desk: Desk, attestation: Annotated[Path, typer.Argument(metavar="FILE", help="A signed attestation.")]
) -> Answer:
    """Enrol a newcomer by an attestation: level, method and age are the service's word."""
    signed, record = files.read_bytes(attestation), desk.record
    with record.database.write() as session:
        person = _proving(desk).enrol(session, signed, now=record.clock())
    return _proven(desk, person)


@command(app, "renew")
def renew(
    desk: Desk,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Her id here.")],
    attestation: Annotated[Path, typer.Argument(metavar="FILE", help="A signed attestation of her.")],
) -> Answer:
    """Prove somebody anew: what this attestation says takes the place of what was known."""
    signed, record = files.read_bytes(attestation), desk.record
    with record.database.write() as session:
        proven = _proving(desk).reprove(session, person, signed, now=record.clock())
    return _proven(desk, proven)


@command(app, "challenge")
def challenge(
    desk: Desk,
    authorization: Annotated[str, typer.Argument(help="Her authorization to be compared.")],
) -> Answer:
    """Ask her to turn her head, at random. To be answered within two minutes, once."""
    record, studio = desk.record, desk.studio
    with record.database.write() as session:
        asked = studio.captures.ask(session, authorization, now=record.clock())
    desk.voice.say("look into the camera, then turn to each side and back:")
    desk.voice.command(", ".join(asked.turns))
    desk.voice.hint(f"consentry proof capture {asked.person} {asked.id} CLIP.mp4")
    return Answer(
        {
            "capture": asked.id,
            "person": asked.person,
            "turns": [str(side) for side in asked.turns],
            "until": instant.exact(asked.until),
        }
    )


@command(app, "capture")
def capture(
    desk: Desk,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Her id here.")],
    asked: Annotated[str, typer.Argument(metavar="CAPTURE", help="The challenge's id.")],
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="What her camera saw: at most a minute.")],
) -> Answer:
    """Answer a challenge. No frame is kept.

    A virtual camera, a good swap in real time, or a recording cut to fit is not ruled out.
    """
    from service import filming  # noqa: PLC0415  (models and media: the other commands need neither)

    outcome = filming.answer(desk.record, desk.studio, person, asked, files.checked(clip).read_bytes())
    if isinstance(outcome, Miss):
        desk.voice.say(f"[bold]not shown[/]: {outcome}; ask for a new challenge")
        return Answer({"person": person, "outcome": str(outcome)}, Exit.NO)
    desk.voice.say(f"shown; {person} is now known by {outcome.proof.level}")
    return Answer({"person": person, "outcome": "shown", "proof": str(outcome.proof.level)})


def _proving(desk: Desk) -> Proving:
    return Proving(desk.record.registry.people, ProofServices(desk.record.ledger))


def _proven(desk: Desk, person: "Enrolled") -> Answer:
    record = desk.record
    record.log.publish(person.entry, now=record.clock())
    age, proof = person.age_at(record.clock()), person.proof
    desk.voice.say(f"[bold]{person.id}[/]  proof {proof.level}, attested by {escape(proof.by)}, {age}")
    desk.voice.hint(f"consentry person key {person.id} --key PUBLIC-KEY")
    return Answer(
        {
            "person": person.id,
            "proof": str(proof.level),
            "attested_by": proof.attested_by,
            "age": str(age),
            "entry": person.entry,
        }
    )


def _said(desk: Desk, one: ProofService, word: str) -> Answer:
    desk.record.log.publish(one.entry, now=desk.record.clock())
    desk.voice.say(f"[bold]{word}[/] {one.key} of {escape(one.service)}")
    return Answer(_json(one))


def _state(one: ProofService) -> str:
    if one.compromised_from is not None:
        return f"[red]not believed from {one.compromised_from:%Y-%m-%d %H:%M}[/]"
    return "[green]counts[/]" if one.retired_at is None else "retired"


def _json(one: ProofService) -> dict[str, Json]:
    return {
        "key": one.key,
        "service": one.service,
        "adopted_at": instant.exact(one.adopted_at),
        "retired_at": _exact(one.retired_at),
        "compromised_from": _exact(one.compromised_from),
        "entry": one.entry,
    }


def _exact(at: datetime | None) -> str | None:
    return None if at is None else instant.exact(at)
