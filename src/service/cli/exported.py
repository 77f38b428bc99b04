"""`consentry verify` of what auditors are handed: a report's folder, or the COSE receipt of one entry."""

from collections.abc import Iterator
from pathlib import Path

from rich.markup import escape

from audit import bundle, verdicts
from audit.canonical import Json
from audit.errors import BadInput, ConsentryError
from audit.fsck import checkpoint_of
from audit.keys import Duty, VerifyingKey
from audit.note import NoteVerifier, vkey
from audit.offline import Fault, Trust, plain, reading
from audit.scitt import TAGGED, CoseReceipt
from audit.standalone import Claim
from audit.storage import PosixStorage
from audit.tilefiles import TileFiles
from audit.tree import ProofInvalid, range_root
from service.cli import files
from service.cli.command import Answer
from service.cli.desk import Desk
from service.cli.verdict import say_claim
from service.console import Exit
from service.reports import checking

_ZH = {**verdicts.ZH, **checking.ZH, "receipt": "条目在所签署的树中", "size": "树的大小由日志副本证明"}


class CopyUntrusted(BadInput):
    """A copy of a log's files whose checkpoint no trusted log signed, or too few witnesses saw."""

    code = "LOG_COPY_UNTRUSTED"
    zh = "日志副本的检查点不受信任文件认可。"
    hint = "Name a copy of the log that your trust file names, and the file as you had it from who you trust."
    hint_zh = "请使用信任文件所列日志的副本，以及从可信来源取得的信任文件。"


def kind_of(path: Path) -> str | None:
    """`report`, `cose`, or None for anything else. Raises `FileUnreadable`."""
    if path.is_dir():
        return "report" if (path / checking.MANIFEST).is_file() else None
    with files.checked(path).open("rb") as file:
        return "cose" if file.read(1) == TAGGED else None


def check(desk: Desk, path: Path, keys: Path, log: Path | None, entry: str | None) -> Answer:
    """Every claim of it, and what it can't show."""
    trust = bundle.trusted(files.read_text(keys))
    copy = None if log is None else _copy(log, trust)
    if entry is None:
        claims = checking.Report(path, trust, copy).claims()
    else:
        receipt = CoseReceipt.parse(files.read_bytes(path))
        claims = _of_receipt(receipt, entry, trust, copy)
    told, no = list[Json](), False
    for claim in claims:
        told.append(say_claim(desk.voice, claim, _ZH))
        no = no or claim.verdict == verdicts.NOT_PROVEN
    desk.voice.say(f"[dim]{escape(verdicts.LIMITS)}[/]")
    value: dict[str, Json] = {
        "verdict": "refused" if no else "verified",
        "claims": told,
        "limits": verdicts.LIMITS,
    }
    return Answer(value, Exit.NO if no else Exit.OK)


def _of_receipt(receipt: CoseReceipt, entry: str, trust: Trust, copy: TileFiles | None) -> Iterator[Claim]:
    kid = plain(receipt.kid.decode("ascii", "replace"))
    public, ends = trust.keys.get(("export", kid)), kid in trust.until
    if public is None:
        yield Claim("receipt", verdicts.NOT_PROVEN, f"by an export key you do not trust, {kid:.16}")
        return
    try:
        root = receipt.check(_leaf_hash(entry), VerifyingKey(Duty.EXPORT, public))
    except ConsentryError as error:
        yield Claim("receipt", verdicts.NOT_PROVEN, f"{error.code}: {error}")
        return
    yield Claim("receipt", verdicts.PROVEN, f"entry {receipt.index} is under root {root.hex()}, key {kid}")
    if copy is None:
        # Whoever has an old key signs roots of today with it: only the log says how many entries there were.
        verdict = verdicts.NOT_PROVEN if ends else checking.NOT_LOOKED_AT
        why = "the key had ended at some size, and " if ends else ""
        yield Claim("size", verdict, f"{why}only a copy of the log's files shows it: --log DIR")
        return
    fits = receipt.size <= copy.placed() and range_root(copy.nodes(), 0, receipt.size) == root
    if not fits:
        yield Claim("size", verdicts.NOT_PROVEN, "the copy has another root, or not so many entries")
    elif trust.void(kid, receipt.size - 1):
        yield Claim(
            "size", verdicts.NOT_PROVEN, f"the key had ended before there were {receipt.size} entries"
        )
    else:
        yield Claim("size", verdicts.PROVEN, f"it is the log's root of {receipt.size} entries")


def _leaf_hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ProofInvalid("a leaf hash is 64 hex digits") from None


def _copy(folder: Path, trust: Trust) -> TileFiles:
    """Raises `CopyUntrusted`, `audit.fsck.CheckpointUnreadable`, `audit.tilefiles.CopyUnsound`."""
    storage = PosixStorage(folder)
    note = storage.get("checkpoint")
    try:
        with reading("checkpoint"):
            size, _ = trust.checkpoint(note or b"")
    except Fault as fault:
        raise CopyUntrusted(plain(str(fault))) from None
    for name, blob in sorted(trust.notes[1]):
        verifier = NoteVerifier.parse(vkey(name, blob))
        try:
            checkpoint_of(storage, verifier)
        except ConsentryError:
            continue
        if not trust.void(verifier.key.kid, size - 1):
            return TileFiles.read(storage, verifier)
    raise CopyUntrusted("by no log of the trust file")
