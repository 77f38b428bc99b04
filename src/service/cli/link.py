"""`consentry link`: what an operator hands to a person, so that she acts on her own device."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from audit import instant
from consent.person import Proof
from consent.words import ProofLevel
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

if TYPE_CHECKING:
    from service import inviting

app = group("link", "Links for people: make a passkey, sign, confirm again. Each once, for a while.")

By = Annotated[str, typer.Option(metavar="ID", help="Who asks her.")]
Hours = Annotated[int, typer.Option(min=1, max=168, help="How long it holds.")]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="Her id here.")]


@command(app, "key")
def key(desk: Desk, person: Person, *, by: By = "operator", hours: Hours = 24) -> Answer:
    """Ask her to make a passkey: a first, or one for another device. Whoever opens the link becomes her."""
    from service import inviting  # noqa: PLC0415  (a database)

    return _say(desk, inviting.for_key(desk.record, person, by=by, holds=timedelta(hours=hours)))


@command(app, "sign")
def sign(
    desk: Desk,
    document: Annotated[Path, typer.Argument(metavar="DOCUMENT", help="The document, as drawn up.")],
    *,
    by: By = "operator",
    hours: Hours = 72,
) -> Answer:
    """Ask her to read a document and to sign it with her passkey."""
    from service import inviting  # noqa: PLC0415

    data = files.read_bytes(document)
    return _say(desk, inviting.for_signature(desk.record, data, by=by, holds=timedelta(hours=hours)))


@command(app, "confirm")
def confirm(
    desk: Desk,
    authorization: Annotated[str, typer.Argument(metavar="ID", help="The suspended authorization.")],
    *,
    by: By = "operator",
    hours: Hours = 72,
) -> Answer:
    """Ask her to confirm a suspended authorization again."""
    from service import inviting  # noqa: PLC0415

    return _say(
        desk, inviting.for_confirmation(desk.record, authorization, by=by, holds=timedelta(hours=hours))
    )


@command(app, "prove")
def prove(
    desk: Desk,
    person: Person,
    *,
    proof: Annotated[ProofLevel, typer.Option(help="How well it is known, now, who she is.")],
    by: Annotated[str, typer.Option(metavar="ID", help="Who checked: an operator, a service.")],
    how: Annotated[str, typer.Option(help="In what way. Never a document number.")],
    lost: Annotated[
        bool, typer.Option("--lost", help="She has lost every key: all end, and links to make one.")
    ] = False,
) -> Answer:
    """Record anew how it is known who she is. The last proof counts; what she signed stays signed."""
    from service import inviting  # noqa: PLC0415

    proved = inviting.prove(desk.record, person, Proof(proof, by, how), by=by, lost=lost)
    desk.voice.say(f"proved anew: {proof}" + ("; her keys have ended" if lost else ""))
    desk.voice.hint(f"consentry link key {person}")
    return Answer({"person": person, "proof": str(proof), "entry": proved.entry})


def _say(desk: Desk, asked: "inviting.Asked") -> Answer:
    link = asked.link
    desk.voice.say(f"for her alone, once, until {link.expires_at:%Y-%m-%d %H:%M} UTC:")
    desk.voice.say(escape(asked.url))
    return Answer(
        {
            "act": str(link.act),
            "person": link.person,
            "url": asked.url,
            "expires_at": instant.exact(link.expires_at),
            "entry": link.entry,
        }
    )
