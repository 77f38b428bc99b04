"""`consentry ask`: a request put to her, shown with its notice, answered, refused, taken back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from audit.canonical import canonical
from consent.scope import Scope
from consent.words import Purpose
from service.cli import asks, files, paperwork
from service.cli.command import Answer, command, group
from service.cli.desk import Desk

if TYPE_CHECKING:
    from service.asking import Shown

app = group("ask", "Ask for consent: put, show, link, draft, answer, refuse, cancel.")

Request = Annotated[str, typer.Argument(metavar="ID", help="The request, or the token of its link.")]
Out = Annotated[Path, typer.Option(metavar="FILE", help="Where to write the document.")]


@command(app, "put")
def put(
    desk: Desk,
    *,
    person: Annotated[str, typer.Option(metavar="ID", help="Who is asked.")],
    scope: Annotated[Path, typer.Option(metavar="FILE.json", help="What she is asked to agree to.")],
    notice: Annotated[str, typer.Option(metavar="ID", help="The notice she is shown.")],
    language: Annotated[str, typer.Option(help="In which language: en, zh-CN.")],
    version: Annotated[str | None, typer.Option(help="Which version; the newest without.")] = None,
    template: Annotated[str | None, typer.Option(metavar="ID", help="A clip she may see first.")] = None,
    days: Annotated[int, typer.Option(min=1, max=30, help="How long it waits for her.")] = 14,
    by: Annotated[str, typer.Option(metavar="ID", help="Who asks.")] = "operator",
) -> Answer:
    """Ask a person for consent. Not again within 90 days of her no: that is refused, and logged."""
    from service import asking  # noqa: PLC0415

    wanted = asking.Wanted(
        person=person,
        scope=Scope.from_json(files.read_json(scope)),
        notice=notice,
        language=language,
        version=version,
        template=template,
        wait_days=days,
    )
    asked = asking.ask(desk.record, wanted, by).request
    value = asks.say_request(desk.voice, asked)
    desk.voice.hint(
        f"consentry ask link {asked.id}", f"consentry ask show {asked.id} --out authorization.json"
    )
    return Answer(value)


@command(app, "show")
def show(desk: Desk, request: Request, *, out: Out = Path("authorization.json")) -> Answer:
    """What she is asked: the notice word for word, and the document, written to a file to sign."""
    files.free(out)
    found = _found(desk, request)
    desk.voice.say(escape(found.notice.text))
    files.write(out, found.request.document.encoded)
    paperwork.say_document(desk.voice, found.request.document)
    value = asks.say_request(desk.voice, found.request)
    desk.voice.hint(f"consentry consent sign {out} --key HER-FOLDER/person.pem   (on her side)")
    return Answer({**value, "document": str(out)})


@command(app, "link")
def link(
    desk: Desk,
    request: Request,
    *,
    days: Annotated[int, typer.Option(min=1, max=30, help="How long it lasts.")] = 7,
    by: Annotated[str, typer.Option(metavar="ID", help="Who hands it over.")] = "operator",
) -> Answer:
    """A token for one answer, for somebody without a key here. Shown once; any earlier one is void."""
    from service import asking  # noqa: PLC0415

    token = asking.link(desk.record, request, by=by, days=days)
    desk.voice.say(f"for her, and nobody else: [bold]{token}[/]")
    return Answer({"request": request, "token": token})


@command(app, "draft")
def draft(
    desk: Desk,
    request: Request,
    *,
    purposes: Annotated[
        list[Purpose] | None, typer.Option("--purpose", help="Only this purpose; may be repeated.")
    ] = None,
    scope: Annotated[Path | None, typer.Option(metavar="FILE.json", help="A narrower scope.")] = None,
    out: Out = Path("authorization.json"),
) -> Answer:
    """Write a document that gives less than was asked, to sign instead."""
    from service import asking  # noqa: PLC0415

    if not purposes and scope is None:
        raise typer.BadParameter("say what less is", param_hint="--purpose, --scope")
    files.free(out)
    given = None if scope is None else Scope.from_json(files.read_json(scope))
    drawn = asking.draw(desk.record, _found(desk, request), purposes or None, given)
    files.write(out, drawn.encoded)
    paperwork.say_document(desk.voice, drawn)
    return Answer({"authorization": drawn.id, "document": str(out), "sha256": drawn.digest})


@command(app, "answer")
def answer(
    desk: Desk,
    request: Request,
    document: Annotated[Path, typer.Argument(metavar="DOCUMENT", help="What she signed.")],
    evidence: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="Her signature.")],
    *,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Her receipt; DOCUMENT.receipt without.")
    ] = None,
) -> Answer:
    """She says yes, to all of it or to less. The receipt carries the recovery code, which is shown once."""
    from consent.asking import Way  # noqa: PLC0415
    from service import asking  # noqa: PLC0415

    target = files.free(receipt or document.with_name(f"{document.name}.receipt"))
    signed, proof = files.read_bytes(document), files.read_bytes(evidence)
    way = Way.LINK if "." in request else Way.OPERATOR
    done = asking.answer(desk.record, _id(desk, request), signed, proof, way)
    written = paperwork.receipt_json(done.granted)
    value = asks.say_request(desk.voice, done.request)
    desk.voice.say(f"  recovery code, shown once: [bold]{done.granted.recovery_code}[/]")
    desk.voice.say("  恢复码仅显示一次，凭此可随时撤回，无需密钥。")
    files.write(target, canonical(written), mode=0o600)
    return Answer({**value, **written, "receipt": str(target)})


@command(app, "refuse")
def refuse(desk: Desk, request: Request) -> Answer:
    """She says no, and owes no reason. She is not asked the same again for 90 days."""
    from consent.asking import Way  # noqa: PLC0415
    from service import asking  # noqa: PLC0415

    way = Way.LINK if "." in request else Way.OPERATOR
    return Answer(asks.say_request(desk.voice, asking.refuse(desk.record, _id(desk, request), way)))


@command(app, "cancel")
def cancel(
    desk: Desk,
    request: Request,
    *,
    by: Annotated[str, typer.Option(metavar="ID", help="Who takes it back.")] = "operator",
) -> Answer:
    """Take a request back. To her that is no refusal of hers."""
    from service import asking  # noqa: PLC0415

    return Answer(asks.say_request(desk.voice, asking.cancel(desk.record, request, by)))


def _found(desk: Desk, request: str) -> "Shown":
    from service import asking  # noqa: PLC0415

    # A token is the request's id, a dot, and the secret: see `consent.asking`.
    return asking.opened(desk.record, request) if "." in request else asking.shown(desk.record, request)


def _id(desk: Desk, request: str) -> str:
    return _found(desk, request).request.id
