"""`consentry reconfirm`: what a recovery suspended is in force again, on its person's own word."""

from pathlib import Path
from typing import Annotated

import typer

from consent.errors import AuthorizationUnknown
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit

app = group("reconfirm", "After a recovery: take a person's consent up again.")


@command(app, "reconfirm")
def reconfirm(
    desk: Desk,
    authorization: Annotated[str, typer.Argument(metavar="ID", help="The suspended authorization.")],
    *,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Her signature over head and document; without, say what she has to sign."
        ),
    ] = None,
) -> Answer:
    """Put a suspended authorization back in force. She signs its head and document; nobody else can.

    What the deny journal names was withdrawn, and no confirmation brings it back.
    """
    record = desk.record
    if evidence is None:
        return _asked(desk, authorization)
    signed = files.read_bytes(evidence)
    with record.database.write() as session:
        entry = record.registry.reconfirm(session, authorization, signed, now=record.clock())
    record.log.publish(entry, now=record.clock())
    desk.voice.say(f"[bold green]re-confirmed 已重新确认[/] {authorization}")
    desk.voice.hint(f"consentry consent show {authorization}")
    return Answer({"authorization": authorization, "head": entry})


def _asked(desk: Desk, authorization: str) -> Answer:
    record = desk.record
    with record.database.read() as session:
        found = record.registry.standings(
            session, desk.tenant, [authorization], now=record.clock(), lock=None
        )
    if authorization not in found:
        raise AuthorizationUnknown(f"no authorization {authorization!r:.40} in this tenant")
    head = found[authorization].head
    desk.voice.say("Send her the document and this head; she signs on her side:")
    desk.voice.hint(f"consentry consent sign DOCUMENT --key HER-FOLDER/person.pem --reconfirm {head}")
    return Answer({"authorization": authorization, "head": head, "waiting": True}, Exit.NO)
