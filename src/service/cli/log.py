"""`consentry log`: publish, list, prove, read again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from audit import prunerows, tree
from audit.canonical import Json
from audit.errors import ConsentryError, Diverged
from audit.leaf import Leaf
from audit.log import EntryUnpublished
from audit.pruned import Totals
from audit.treerows import TreeRows
from service.cli import dating, files, shortening
from service.cli.beside import rows_and_keys
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit, describe
from service.settings import BadSettings

if TYPE_CHECKING:
    from service.cosigning import Outcome

app = group("log", "The log: publish, list, prove, audit.")
command(app, "stamp")(dating.stamp)
command(app, "stamps")(dating.stamps)
command(app, "status")(shortening.status)
command(app, "prune")(shortening.prune)


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
    error = None if one.fault is None else describe(one.fault)
    return {"witness": one.witness, "size": one.size, "at": one.at, "error": error}


@command(app, "audit")
def audit(desk: Desk) -> Answer:
    """Read the whole log again, and hold every row and key against it. Exit 4 names what was changed."""
    from consent.erasures import Erasures  # noqa: PLC0415
    from service.losses import parts_lost  # noqa: PLC0415

    # Without the check at start: it refuses an edited log, and this is what says where it was edited.
    record = desk.record_unstarted
    beside, fits = rows_and_keys(desk, record)
    try:
        with record.database.read() as session:
            done = record.log.audit(session)
            # Of a log that was edited its own word is worth nothing, and may not even open.
            erased = Erasures(record.ledger, record.keystore).dropped(session) if done.sound else 0
            lost = parts_lost(record.ledger, session) if done.sound else 0
    except ConsentryError:
        if fits:
            raise
        # A cell that no driver reads ends it; where that is has been said.
        return Answer(dict(beside), Exit.DIVERGED)
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
        **beside,
    }
    return Answer(value, Exit.OK if sound and fits else Exit.DIVERGED)


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
