"""`consentry consent`: drawn up here, signed on her side, granted, shown, and withdrawn as easily."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit import instant, secretfile
from audit.canonical import Json, canonical
from audit.keys import VerifyingKey
from consent import signature
from consent.authorization import Request, draw_up, parse
from consent.capacity import Capacity, Representative
from consent.cosignature import to_cosign
from consent.errors import NoticeUnknown
from consent.notice import load_notices, newest
from consent.passkey import RelyingParty
from consent.scope import Scope
from consent.words import Purpose
from service.cli import asks, files, paperwork, resting, withdrawing
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.cli.withdrawing import Acting
from service.console import Exit
from service.layout import policies

app = group("consent", "Consent: draw up, sign, grant, show, withdraw, verify.")

Authorization = Annotated[str, typer.Argument(metavar="ID", help="The authorization.")]
By = Annotated[str, typer.Option(metavar="ID", help="Who says so.")]
As = Annotated[Acting, typer.Option("--as", help="In what role, when not by code.")]
Code = Annotated[str | None, typer.Option(metavar="CODE", help="The recovery code of her receipt.")]
Purposes = Annotated[
    list[Purpose] | None, typer.Option("--purpose", help="Only this purpose; may be repeated.")
]
Document = Annotated[Path, typer.Argument(metavar="DOCUMENT", help="The document, as drawn up.")]


@command(app, "draw-up")
def draw(
    desk: Desk,
    *,
    person: Annotated[str, typer.Option(metavar="ID", help="Who is asked.")],
    scope: Annotated[Path, typer.Option(metavar="FILE.json", help="What she is asked to agree to.")],
    notice: Annotated[str, typer.Option(metavar="ID", help="The notice she is shown.")],
    language: Annotated[str, typer.Option(help="In which language: en, zh-CN.")],
    supersedes: Annotated[
        str | None, typer.Option(metavar="ID", help="An authorization of hers that this one replaces.")
    ] = None,
    portrait_licence: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Her portrait licence; its digest is signed.")
    ] = None,
    guardian: Annotated[
        str | None, typer.Option(metavar="ID", help="Who signs for a child, as `kin record` has it.")
    ] = None,
    heir: Annotated[
        str | None, typer.Option(metavar="ID", help="Who signs for the dead, as `kin record` has it.")
    ] = None,
    paper: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The paper by which he or she may.")
    ] = None,
    attachment: Annotated[
        list[Path] | None,
        typer.Option(metavar="PDF", help="A PDF signed elsewhere; its digest is signed. May be repeated."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write the document.")] = Path(
        "authorization.json"
    ),
) -> Answer:
    """Write the document that a person reads and signs. A field the scope leaves out means no."""
    files.free(out)
    record = desk.record
    shown = newest(load_notices(policies(desk.settings) / "notices"), notice, language)
    with record.database.read() as session:
        age = record.registry.people.get(session, person).age_at(record.clock())
        if record.registry.noticeboard.find(session, shown.sha256) is None:
            raise NoticeUnknown(f"notice {notice} {shown.version} {language} is not published in this log")
    wanted = draw_up(
        Request(
            tenant=desk.tenant,
            person=person,
            scope=Scope.from_json(files.read_json(scope)),
            capacity=Capacity(age, guardian=_acting(guardian, paper), heir=_acting(heir, paper)),
            supersedes=supersedes,
            portrait_licence=None if portrait_licence is None else files.digest_of(portrait_licence),
            attachments=frozenset(paperwork.attachment_of(path) for path in attachment or ()),
        ),
        shown,
        now=record.clock(),
        entropy=record.entropy,
    )
    files.write(out, wanted.encoded)
    paperwork.say_document(desk.voice, wanted)
    desk.voice.say(f"written to {escape(str(out))}; she also reads the notice {notice} {shown.version}")
    desk.voice.hint(f"consentry consent sign {out} --key HER-FOLDER/person.pem   (on her side)")
    return Answer({"authorization": wanted.id, "document": str(out), "sha256": wanted.digest})


@command(app, "sign")
def sign(
    desk: Desk,
    document: Document,
    *,
    key: Annotated[Path, typer.Option(metavar="PEM", help="Her private key.")],
    reconfirm: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help="Re-confirm it, suspended at this head, instead of granting it."),
    ] = None,
    beside: Annotated[
        bool, typer.Option("--beside", help="From 14 to 17: sign beside her guardian, for `kin cosign`.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the evidence; DOCUMENT.evidence else.")
    ] = None,
) -> Answer:
    """On the person's side: sign exactly these bytes. Shows what they say. Needs no data folder."""
    data = files.read_bytes(document)
    wanted = parse(data)
    paperwork.say_document(desk.voice, wanted)
    message, kind = signature.to_sign(data), "evidence"
    if reconfirm is not None:
        message, kind = signature.to_reconfirm(_head(reconfirm), wanted.digest), "reconfirmed"
    if beside:
        message, kind = to_cosign(data), "beside"
    evidence = signature.sign(secretfile.read(key), message)
    target = out or document.with_name(f"{document.name}.{kind}")
    files.write(target, evidence.encoded)
    desk.voice.say(f"signed with key {evidence.key[:16]}…; evidence in {escape(str(target))}")
    desk.voice.hint(
        {
            "evidence": f"consentry consent grant {document} {target}",
            "reconfirmed": f"consentry reconfirm {wanted.id} --evidence {target}",
            "beside": f"consentry kin cosign {wanted.id} {target}",
        }[kind]
    )
    return Answer({"authorization": wanted.id, "evidence": str(target), "key": evidence.key})


@command(app, "grant")
def grant(
    desk: Desk,
    document: Document,
    evidence: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="Her signature.")],
    *,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Her receipt; DOCUMENT.receipt without.")
    ] = None,
) -> Answer:
    """Register a signed document. The receipt carries the recovery code, which is shown once."""
    from consent import handles  # noqa: PLC0415  (a database)

    target = files.free(receipt or document.with_name(f"{document.name}.receipt"))
    signed, proof = files.read_bytes(document), files.read_bytes(evidence)
    record = desk.record
    with record.database.write() as session:
        granted = record.registry.grant(session, signed, proof, now=record.clock())
        handle = handles.of(session, desk.tenant, granted.authorization, record.entropy)
    record.log.publish(granted.entry, now=record.clock())
    value = {**paperwork.receipt_json(granted), "status_handle": handle}
    voice = desk.voice
    voice.say(f"[bold green]granted[/] {granted.authorization}")
    # Said before it is written: if the disk is full now, the code is not lost with the file.
    voice.say(f"  recovery code, shown once: [bold]{granted.recovery_code}[/]  (withdraws without a key)")
    voice.say("  恢复码仅显示一次，凭此可随时撤回，无需密钥。")
    files.write(target, canonical(value), mode=0o600)
    voice.say(f"  receipt for her: {escape(str(target))}")
    voice.hint(f"consentry consent show {granted.authorization}")
    return Answer({**value, "receipt": str(target)})


@command(app, "show")
def show(desk: Desk, authorization: Authorization) -> Answer:
    """How an authorization stands now, what it says, and all that happened to it."""
    return Answer(paperwork.show(desk.voice, desk.record, authorization))


@command(app, "impact")
def impact(desk: Desk, authorization: Authorization) -> Answer:
    """What a withdrawal would touch: templates, jobs, outputs, copies already delivered."""
    return Answer(withdrawing.say_impact(desk.voice, desk.record, authorization))


@command(app, "withdraw")
def withdraw(
    desk: Desk,
    authorization: Authorization,
    *,
    code: Annotated[
        str | None, typer.Option(metavar="CODE", help="The recovery code of her receipt; nothing else due.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="ID", help="Who withdraws it, when not by code.")] = None,
    acting: As = Acting.OPERATOR,
    purposes: Annotated[
        list[Purpose] | None, typer.Option("--purpose", help="Only this purpose; may be repeated.")
    ] = None,
) -> Answer:
    """Withdraw consent, all of it or some purposes. In force when this command ends."""
    if (code is None) == (by is None):
        raise typer.BadParameter("give the recovery code, or who withdraws it", param_hint="--code, --by")
    asked = withdrawing.Asked(authorization, frozenset(purposes) if purposes else None, code, by, acting)
    return Answer(withdrawing.withdraw(desk.voice, desk.record, asked))


@command(app, "dispute")
def dispute(desk: Desk, authorization: Authorization, *, by: By, acting: As = Acting.OPERATOR) -> Answer:
    """Mark it as disputed, or frozen by a court: nothing rests on it until it is settled."""
    return Answer(withdrawing.mark(desk.voice, desk.record, authorization, by, acting, disputed=True))


@command(app, "settle")
def settle(desk: Desk, authorization: Authorization, *, by: By, acting: As = Acting.OPERATOR) -> Answer:
    """Take the mark of a dispute off again. What was withdrawn meanwhile stays withdrawn."""
    return Answer(withdrawing.mark(desk.voice, desk.record, authorization, by, acting, disputed=False))


@command(app, "pause")
def pause(
    desk: Desk,
    authorization: Authorization,
    *,
    code: Code = None,
    by: Annotated[str | None, typer.Option(metavar="ID", help="Who says so, when not by code.")] = None,
    acting: As = Acting.OPERATOR,
    purposes: Purposes = None,
) -> Answer:
    """Let it rest, all of it or some purposes. In force when this command ends; nothing is lost by it."""
    asked = resting.asked(authorization, code, by, acting, purposes)
    return Answer(resting.rest(desk.voice, desk.record, asked, paused=True))


@command(app, "resume")
def resume(
    desk: Desk,
    authorization: Authorization,
    *,
    code: Code = None,
    by: Annotated[str | None, typer.Option(metavar="ID", help="Who acts for her, when not by code.")] = None,
    acting: As = Acting.REPRESENTATIVE,
    purposes: Purposes = None,
) -> Answer:
    """Let what she paused go on: by her code, or by who acts for her. Nothing is to be signed."""
    asked = resting.asked(authorization, code, by, acting, purposes)
    return Answer(resting.rest(desk.voice, desk.record, asked, paused=False))


@command(app, "bring-in")
def bring_in(
    desk: Desk,
    contract: Annotated[Path, typer.Argument(metavar="FILE", help="The paper; only its digest is kept.")],
    *,
    by: By,
    person: Annotated[str | None, typer.Option(metavar="ID", help="Whom it is said to be of.")] = None,
    purposes: Purposes = None,
) -> Answer:
    """Keep a contract from before as unproven. Nothing is ever permitted on it: ask the person."""
    return Answer(asks.bring_in(desk, files.digest_of(contract), by, person, purposes or []))


@command(app, "contracts")
def contracts(desk: Desk) -> Answer:
    """The contracts from before, all of them unproven."""
    return Answer(asks.contracts(desk))


@command(app, "verify")
def verify(
    desk: Desk,
    document: Document,
    evidence: Annotated[Path, typer.Argument(metavar="EVIDENCE", help="The signature over it.")],
    *,
    key: Annotated[str | None, typer.Option(metavar="HEX", help="The public key it must be by.")] = None,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The receipt, to check the countersignature too.")
    ] = None,
    countersign: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The service's public key: keys/countersign.pub.")
    ] = None,
    rp_id: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Of a passkey: the domain it must have signed for.")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="And where the page must have been: https://HOST; may be repeated."),
    ] = None,
    attachment: Annotated[
        list[Path] | None, typer.Option(metavar="PDF", help="A file it should be bound to. May be repeated.")
    ] = None,
) -> Answer:
    """On the person's side: does this evidence sign this document? Needs no data folder.

    For a passkey, name where it must have signed: the evidence is not asked.
    """
    if (rp_id is None) != (not origin):
        raise typer.BadParameter("the two go together", param_hint="--rp-id, --origin")
    party = None if rp_id is None else RelyingParty(rp_id, frozenset(origin or ()))
    if (receipt is None) != (countersign is None):
        raise typer.BadParameter("the two go together", param_hint="--receipt, --countersign")
    data, proof = files.read_bytes(document), files.read_bytes(evidence)
    wanted = parse(data)
    steps = [paperwork.signature_step(data, proof, key, party)]
    if receipt is not None and countersign is not None:
        line, until, _ = files.read_text(countersign).partition(" until ")
        trusted = VerifyingKey.parse(f"{line}\n" if until else line)
        steps.append(paperwork.countersignature_step(wanted, proof, files.read_json(receipt), trusted))
        if until:
            steps.append(paperwork.ENDED)
    steps += [paperwork.attachment_step(wanted, path) for path in attachment or ()]
    for step in steps:
        paperwork.say_step(desk.voice, step)
    ok = all(step.ok for step in steps)
    value: Json = [{"step": step.name, "ok": step.ok, "detail": step.detail} for step in steps]
    return Answer({"authorization": wanted.id, "steps": value}, Exit.OK if ok else Exit.NO)


@command(app, "statement")
def statement(
    desk: Desk,
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Her id here.")],
    *,
    since: Annotated[str, typer.Option(metavar="INSTANT", help="From when, as 2026-11-01T00:00:00Z.")],
    until: Annotated[str, typer.Option(metavar="INSTANT", help="Until when, this instant not included.")],
) -> Answer:
    """What was made with her consent in a period, and what is owed by the terms she signed."""
    from service.cli.owing import say_statement  # noqa: PLC0415  (a database; signing needs none)
    from service.statements import statement as reckon  # noqa: PLC0415

    made = reckon(desk.record, person, since=instant.parse(since), until=instant.parse(until))
    say_statement(desk.voice, made)
    return Answer(made.json())


@command(app, "receipt")
def receipt(
    desk: Desk,
    authorization: Authorization,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it.")] = Path("receipt.jsonld"),
) -> Answer:
    """Her receipt as a consent record of ISO/IEC TS 27560, in JSON-LD. No recovery code is in it."""
    from service.receipts import receipt_of  # noqa: PLC0415  (as above)

    files.free(out)
    files.write(out, canonical(receipt_of(desk.record, authorization, now=desk.record.clock())), mode=0o600)
    desk.voice.say(f"written to {escape(str(out))}; it verifies without us")
    return Answer({"authorization": authorization, "receipt": str(out)})


def _head(given: str) -> str:
    if len(given) != 64 or set(given) - set("0123456789abcdef"):
        raise typer.BadParameter("expected the 64 hex digits of a chain's head", param_hint="--reconfirm")
    return given


def _acting(person: str | None, paper: Path | None) -> Representative | None:
    """Who signs for her. Raises `NotHerRepresentative` where no paper is named."""
    if person is None:
        return None
    if paper is None:
        from consent.kinship import NotHerRepresentative  # noqa: PLC0415  (a database)

        raise NotHerRepresentative("expected --paper, by which he or she may sign for her")
    return Representative(person, files.digest_of(paper))
