"""`consentry log`: publish, list, prove, read again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from audit import prunerows, tree
from audit.canonical import Json
from audit.errors import Diverged
from audit.leaf import Leaf
from audit.log import EntryUnpublished
from audit.pruned import Totals
from audit.treerows import TreeRows
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit
from service.settings import BadSettings

if TYPE_CHECKING:
    from datetime import datetime

    from audit.pruneplan import Plan
    from service.cosigning import Outcome

app = group("log", "The log: publish, list, prove, audit.")


@command(app, "publish")
def publish(desk: Desk) -> Answer:
    """Give waiting entries their place, write tiles, sign the checkpoint. The worker does it steadily."""
    checkpoint = desk.record.log.publish(now=desk.now())
    desk.voice.say(f"published: {checkpoint.size} entries, root {checkpoint.root}")
    return Answer({"size": checkpoint.size, "root": checkpoint.root, "checkpoint": checkpoint.digest})


@command(app, "list")
def listing(
    desk: Desk,
    *,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many, counted from the end.")] = 20,
) -> Answer:
    """The last published entries: kind, minute and leaf hash. Who they are about is sealed."""
    record = desk.record
    with record.database.read() as session:
        latest = record.log.latest(session)
        size = latest.size if latest else 0
        # From where the log begins: what was pruned is not listed.
        begin = max(prunerows.minimum(session, desk.tenant), size - last)
        entries = TreeRows(desk.tenant, record.log.verifier, session).entries(begin, size)
    found: list[Json] = []
    for index, data in enumerate(entries, start=begin):
        leaf, leaf_hash = Leaf.parse(data), tree.leaf_hash(data).hex()
        # Lines, not a table: in a narrow window a table would break the hash that the next command needs.
        minute = leaf.ts.replace("T", " ").rstrip("Z")
        desk.voice.say(f"{index:>6}  [dim]{minute}[/]  {leaf.t:20} {leaf_hash}")
        found.append({"index": index, "kind": leaf.t, "minute": leaf.ts, "entry": leaf_hash})
    desk.voice.say(f"{size} entries are published")
    desk.voice.hint("consentry log proof LEAF-HASH")
    return Answer({"size": size, "entries": found})


@command(app, "proof")
def proof(
    desk: Desk,
    leaf: Annotated[str, typer.Argument(metavar="LEAF", help="The leaf hash of an entry.")],
    *,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, not to stdout.")] = None,
) -> Answer:
    """The proof that an entry is in the log, as text that any tlog-proof verifier reads."""
    record = desk.record
    with record.database.read() as session:
        text = record.log.proof(session, leaf)
    if out is not None:
        files.write(out, text.encode())
        desk.voice.say(f"written to {escape(str(out))}")
    else:
        desk.voice.raw(text)
    return Answer({"entry": leaf, "proof": text})


@command(app, "checkpoint")
def checkpoint(desk: Desk) -> Answer:
    """The last signed checkpoint, to be kept by whoever wants to notice a rewritten log."""
    record = desk.record
    with record.database.read() as session:
        latest = record.log.public(session)
    if latest is None:
        raise EntryUnpublished("nothing is published yet, or nothing that a quorum of witnesses saw")
    desk.voice.raw(latest.text)
    return Answer({"size": latest.size, "root": latest.root, "text": latest.text, "digest": latest.digest})


@command(app, "cose")
def cose(
    desk: Desk,
    leaf: Annotated[str, typer.Argument(metavar="LEAF", help="The leaf hash of an entry.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the receipt goes.")],
) -> Answer:
    """A COSE receipt (RFC 9942) for an entry: for whoever keeps SCITT statements and no C2SP tools."""
    from audit import keyhistory  # noqa: PLC0415
    from audit.checkpoint import Checkpoint  # noqa: PLC0415
    from audit.keys import Duty, load_private  # noqa: PLC0415
    from audit.proof import Proof  # noqa: PLC0415
    from audit.scitt import CoseReceipt  # noqa: PLC0415

    record = desk.record
    key = load_private(record.layout.key(Duty.EXPORT), Duty.EXPORT)
    with record.database.read() as session:
        keyhistory.expect(session, desk.tenant, key.kid)
        proof = Proof.parse(record.log.proof(session, leaf))
    under = Checkpoint.parse(proof.checkpoint, record.log.verifier)
    receipt = CoseReceipt.sign(key, under.size, proof.index, proof.path, bytes.fromhex(under.root))
    files.write(out, receipt.data)
    desk.voice.say(f"written to {escape(str(out))}: entry {proof.index} of {under.size}, key {key.kid}")
    return Answer({"file": str(out), "index": proof.index, "size": under.size, "kid": key.kid})


@command(app, "cosign")
def cosign(desk: Desk) -> Answer:
    """Ask each witness that has not seen the last checkpoint to cosign it. The worker does it steadily."""
    from service.cosigning import Cosigner  # noqa: PLC0415  (an HTTP client that the others need not load)

    cosigner = Cosigner.of(desk.record)
    if cosigner is None:
        raise BadSettings("witnesses: no file is named, so that nobody is asked")
    done = cosigner.round()
    for one in done:
        desk.voice.say(f"  {_cosigned(one)}")
    with desk.record.database.read() as session:
        seen = desk.record.log.witnessed(session)
    size = 0 if seen is None else seen.size
    desk.voice.say(f"a quorum has seen {size} entries")
    faults = [one.fault for one in done if one.fault is not None]
    value: dict[str, Json] = {"witnessed": size, "witnesses": [_said(one) for one in done]}
    if any(isinstance(fault, Diverged) for fault in faults):
        return Answer(value, Exit.DIVERGED)
    return Answer(value, Exit.UNREADY if faults else Exit.OK)


def _cosigned(one: "Outcome") -> str:
    name = escape(one.witness)
    if one.fault is not None:
        return f"[bold red]no [/] {name}: {one.fault.code}: {escape(str(one.fault))}  {escape(one.fault.zh)}"
    return f"[green]yes[/] {name}: {one.size} entries{'' if one.at else ', as before'}"


def _said(one: "Outcome") -> Json:
    fault = one.fault
    error: Json = None if fault is None else {"code": fault.code, "message": str(fault), "hint": fault.hint}
    return {"witness": one.witness, "size": one.size, "at": one.at, "error": error}


@command(app, "audit")
def audit(desk: Desk) -> Answer:
    """Read the whole log again and hold every copy against every other. Exit 4 names what was edited."""
    from consent.erasures import Erasures  # noqa: PLC0415
    from service.losses import parts_lost  # noqa: PLC0415

    # Without the check at start: it refuses an edited log, and this is what says where it was edited.
    record = desk.record_unstarted
    with record.database.read() as session:
        done = record.log.audit(session)
        # Of a log that was edited its own word is worth nothing, and may not even open.
        erased = Erasures(record.ledger, record.keystore).dropped(session) if done.sound else 0
        lost = parts_lost(record.ledger, session) if done.sound else 0
    gone = Totals() if done.pruned is None else done.pruned.totals
    # What was pruned is not read any more. Its sums are: else an erasure could be blamed for what is missing.
    missing, erased, lost = done.unopenable + gone.missing, erased + gone.erased, lost + gone.lost
    # Fewer: of entries that wait for their place, or put back from a backup, without keys.
    sound = done.sound and missing <= erased + lost
    if sound:
        desk.voice.say(f"[bold green]sound[/]: {done.size} entries, root {done.root}")
        desk.voice.say(f"{missing} part(s) without payload: the log says {erased} erased, {lost} lost")
        if done.pruned is not None:
            desk.voice.say(
                f"pruned below {done.pruned.minimum}, of what was written before {done.pruned.before}: "
                f"{gone.missing} of these parts were there"
            )
    elif done.sound:
        desk.voice.say(
            f"[bold red]sealed[/]: {missing} part(s) have no payload; erased {erased}, lost {lost}"
        )
    for one in done.findings:
        desk.voice.say(f"[bold red]{one.copy}[/] differs from the rest at index {one.index}")
    findings: Json = [{"copy": str(one.copy), "index": one.index} for one in done.findings]
    value: dict[str, Json] = {
        "size": done.size,
        "root": done.root,
        "findings": findings,
        "unopenable": missing,
        "erased": erased,
        "lost": lost,
        "minimum": 0 if done.pruned is None else done.pruned.minimum,
    }
    return Answer(value, Exit.OK if sound else Exit.DIVERGED)


@command(app, "export")
def export(
    desk: Desk, to: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there.")]
) -> Answer:
    """Copy the log's public files as they are now: tiles, entries, checkpoint. Any C2SP reader takes them."""
    from audit.export import export as copied  # noqa: PLC0415
    from audit.storage import PosixStorage  # noqa: PLC0415

    files.free(to)
    record = desk.record
    checkpoint = copied(PosixStorage(record.layout.log), PosixStorage(to), record.log.verifier)
    desk.voice.say(f"exported: {checkpoint.size} entries, root {checkpoint.root}")
    desk.voice.hint(f"consentry log fsck {to} --vkey FILE")
    return Answer({"size": checkpoint.size, "root": checkpoint.root, "origin": checkpoint.origin})


@command(app, "fsck")
def fsck(
    desk: Desk,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A log's files: `checkpoint` and `tile/`.")],
    *,
    vkey: Annotated[
        Path, typer.Option(metavar="FILE", help="The log's public key, from wherever you trust.")
    ],
) -> Answer:
    """Read a log again from its files alone, without its database. Exit 4 names each file that is wrong."""
    from audit.fsck import fsck as read_again  # noqa: PLC0415
    from audit.note import NoteVerifier  # noqa: PLC0415
    from audit.storage import PosixStorage  # noqa: PLC0415

    verifier = NoteVerifier.parse(files.read_text(vkey))
    done = read_again(PosixStorage(folder), verifier)
    if done.sound:
        desk.voice.say(f"[bold green]sound[/]: {done.checkpoint.size} entries, root {done.root}")
    minimum = 0 if done.pruned is None else done.pruned.minimum
    if done.pruned is not None:
        desk.voice.say(
            f"pruned below {minimum}, of what was written before {done.pruned.before}: "
            f"entry {done.pruned.index} says so. Below it hashes alone were read."
        )
    for one in done.wrong:
        desk.voice.say(f"[bold red]{escape(one.path)}[/] entry {one.index}: {one.what}")
    wrong: Json = [{"path": one.path, "index": one.index, "what": one.what} for one in done.wrong]
    value: dict[str, Json] = {
        "size": done.checkpoint.size,
        "root": done.root,
        "wrong": wrong,
        "minimum": minimum,
    }
    return Answer(value, Exit.OK if done.sound else Exit.DIVERGED)


@command(app, "status")
def status(desk: Desk) -> Answer:
    """How many entries there are, from which on they are kept, and how long they are kept at least."""
    from audit.treerows import standing  # noqa: PLC0415
    from service.pruning import least  # noqa: PLC0415

    record, tenant = desk.record, desk.tenant
    with record.database.read() as session:
        stands, pruning = standing(session, tenant), prunerows.last(session, tenant)
        minimum = prunerows.minimum(session, tenant)
    floor, days = least(record), desk.settings.log_retention
    desk.voice.say(f"{stands.size} entries have a place, {stands.waiting} wait for one")
    desk.voice.say(f"minimum index: {minimum}" + (" (nothing was pruned)" if not minimum else ""))
    if pruning is not None and not pruning.done:
        desk.voice.say(f"a pruning up to {pruning.minimum} is not finished")
    kept = "for good" if days is None else f"for {days} days, and while anything needs them"
    desk.voice.say(f"entries are kept {kept}; the law asks for {floor.days} days: {escape(floor.ground)}")
    return Answer(
        {
            "size": stands.size,
            "waiting": stands.waiting,
            "minimum": minimum,
            "unfinished": None if pruning is None or pruning.done else pruning.minimum,
            "retention_days": days,
            "least_days": floor.days,
        }
    )


@command(app, "prune")
def prune(
    desk: Desk,
    *,
    before: Annotated[
        str, typer.Option(metavar="DATE", help="Of what was written before this day (UTC), 2026-11-01.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do it: what goes does not come back.")] = False,
) -> Answer:
    """Drop the oldest entries that nothing needs any more. Without --yes it only says what would go.

    Whole tiles go, from the first entry on, as far as nothing holds one. It is said in the log first. The
    tree stays as it is: every proof of what is left holds.
    """
    from service import pruning  # noqa: PLC0415

    record = desk.record
    if yes:
        # What was begun and broke off comes first.
        pruning.finish(record)
    made = pruning.plan(record, _day(before))
    value = _planned(desk, made)
    if not yes or not made.entries:
        if made.entries:
            desk.voice.hint(f"consentry log prune --before {before} --yes")
        return Answer({**value, "pruned": False})
    said = pruning.prune(record, made)
    if said is None:
        desk.voice.say("nothing went: something has come to hold part of it. Look again.")
        return Answer({**value, "pruned": False}, Exit.UNREADY)
    desk.voice.say(f"[bold green]pruned[/] below {said.minimum}: entry {said.index} says so")
    desk.voice.hint("consentry log audit")
    return Answer({**value, "pruned": True, "entry": said.entry, "index": said.index})


def _day(text: str) -> "datetime":
    from audit.instant import NotAnInstant  # noqa: PLC0415
    from audit.pruneplan import day  # noqa: PLC0415

    try:
        return day(text)
    except NotAnInstant:
        raise typer.BadParameter("expected a day as 2026-11-01", param_hint="--before") from None


def _planned(desk: Desk, made: "Plan") -> dict[str, Json]:
    from rich.table import Table  # noqa: PLC0415

    from audit import instant  # noqa: PLC0415
    from service.needed import WHY  # noqa: PLC0415

    desk.voice.say(
        f"{made.entries} entries would go, {made.minimum} to {made.goal}; {made.reach - made.minimum} are old"
        " enough"
        if made.entries
        else f"nothing would go; {made.reach - made.minimum} entries are old enough"
    )
    held: list[Json] = []
    table = Table("held by", "原因", "entries", "from")
    for one in made.held:
        en, zh = WHY.get(one.why, (one.why, one.why))
        table.add_row(en, zh, str(one.entries), str(one.first))
        held.append({"why": one.why, "entries": one.entries, "first": one.first})
    if held:
        desk.voice.show(table)
    return {
        "minimum": made.minimum,
        "goal": made.goal,
        "entries": made.entries,
        "old_enough": made.reach - made.minimum,
        "before": instant.exact(made.before),
        "held": held,
    }
