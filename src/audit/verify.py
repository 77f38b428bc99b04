"""What a stranger runs: file, receipt, public keys; yes, or no and which step said so.

No database and no network. Trusted keys come from whoever verifies, never from what is verified. The
order is fixed: what the log proves, then whether this is the very file, and C2PA last, because its hash
leaves parts of a file out (measured: 1 of 150 random flips still read as trusted).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from audit import certificate, durable, instant, manifest, manifeststore
from audit.canonical import Json
from audit.errors import ConsentryError
from audit.note import NoteVerifier
from audit.provenance import ManifestVerdict
from audit.quorum import Trust
from audit.receipt import Checked, Receipt
from audit.spelling import is_hex

RELEASED = "OutputReleased"
"""The kind of entry whose receipt goes out with a file."""


class StepName(StrEnum):
    """The steps, in their order."""

    RECEIPT = "receipt"
    LOG = "log"
    FILE = "file"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked. Later steps are not taken after a no."""

    name: StepName
    ok: bool
    detail: str
    zh: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something a yes does not say, or says only for a while."""

    detail: str
    zh: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether this file was released through the gate of the log whose key was given."""

    ok: bool
    steps: tuple[Step, ...]
    notes: tuple[Note, ...]


class _No(Exception):
    """Ends the walk; `step` says where and why."""

    def __init__(self, name: StepName, detail: str, zh: str) -> None:
        self.step = Step(name, ok=False, detail=detail, zh=zh)


def verify(
    file: Path,
    receipt: bytes,
    log_vkey: str,
    trust_pem: str,
    now: datetime,
    *,
    witnesses: str | None = None,
    ended: Mapping[str, int] | None = None,
) -> Verdict:
    """Check a released file against its receipt, the log's vkey and the C2PA root.

    `witnesses` is a tlog-policy (`audit.quorum`): then a quorum of them must have seen the checkpoint.
    `ended` says by kid from which place of the log on nothing holds that a key signed: the log's own key, and
    that of the manifest, which is judged at the place of the receipt's entry.

    C2PA also asks this machine's clock; `now` decides whether the signing certificate still holds.
    Raises `durable.DiskFailed` if the file can't be read; what is in it is never an exception.
    """
    steps: list[Step] = []
    try:
        parsed = _parse(receipt, steps)
        checked = _check_log(parsed, log_vkey, witnesses, ended, steps)
        _check_file(file, checked.payload, steps)
        verdict = _check_manifest(file, checked, trust_pem, now, ended, steps)
    except _No as no:
        return Verdict(ok=False, steps=(*steps, no.step), notes=())
    return Verdict(ok=True, steps=tuple(steps), notes=tuple(_notes(verdict, checked, trust_pem, ended)))


def _parse(receipt: bytes, steps: list[Step]) -> Receipt:
    try:
        parsed = Receipt.parse(receipt)
    except ConsentryError as error:
        raise _no_because(StepName.RECEIPT, error) from None
    steps.append(_yes(StepName.RECEIPT, "the receipt is in its only form", "回执格式正确且唯一"))
    return parsed


def _check_log(
    parsed: Receipt, log_vkey: str, witnesses: str | None, ended: Mapping[str, int] | None, steps: list[Step]
) -> Checked:
    try:
        trust, log = None if witnesses is None else Trust.parse(witnesses), NoteVerifier.parse(log_vkey)
        ends = [each for each in (log.until, (ended or {}).get(log.key.kid)) if each is not None]
        checked = parsed.check(replace(log, until=min(ends, default=None)), trust)
    except ConsentryError as error:
        raise _no_because(StepName.LOG, error) from None
    # Another kind of entry could name a digest for another reason, and would not be a release.
    if checked.leaf.t != RELEASED or not is_hex(checked.payload.get("output"), 32):
        raise _No(StepName.LOG, "the receipt is not of a release", "该回执不是发布回执")
    shown, place = checked.checkpoint, checked.index
    seen = "".join(f"; {name} saw that at {_second(at)}" for name, at in checked.seen.items())
    seen_zh = "".join(f"；见证方 {name} 于 {_second(at)} 见证" for name, at in checked.seen.items())
    steps.append(
        _yes(
            StepName.LOG,
            f"entry {place} is in the log {shown.origin} of {shown.size} entries, signed by its key{seen}",
            f"条目 {place} 位于日志 {shown.origin}（共 {shown.size} 条）中，签名有效{seen_zh}",
        )
    )
    return checked


def _check_file(file: Path, payload: Mapping[str, Json], steps: list[Step]) -> None:
    with durable.disk(file), file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if digest != payload["output"]:
        raise _No(
            StepName.FILE,
            "the file is not the one that was released: its SHA-256 is another",
            "文件与发布时不一致：SHA-256 不符",
        )
    steps.append(
        _yes(StepName.FILE, f"the file is the one released: SHA-256 {digest}", f"文件一致：{digest}")
    )


def _check_manifest(
    file: Path,
    checked: Checked,
    trust_pem: str,
    now: datetime,
    ended: Mapping[str, int] | None,
    steps: list[Step],
) -> ManifestVerdict:
    verdict = manifest.read(file, trust_pem)
    faults = list(verdict.faults)
    if verdict.ok and verdict.gate["log_origin"] != checked.checkpoint.origin:
        faults.append("the manifest names another log than the receipt")
    if not verdict.timed and (verdict.valid_until is None or now >= verdict.valid_until):
        faults.append("the signing certificate has ended, and no time stamp shows that it had not")
    if ended:
        faults += _in_other_hands(file, verdict, ended, checked.index)
    if faults or not verdict.ok:
        raise _No(
            StepName.MANIFEST,
            f"the C2PA manifest is {verdict.state}: {'; '.join(faults)}",
            f"C2PA 内容凭证未通过（{verdict.state}）：{'；'.join(faults)}",
        )
    steps.append(
        _yes(
            StepName.MANIFEST,
            "the C2PA manifest is Trusted, its ingredients hold, it covers the whole media",
            "C2PA 内容凭证可信，来源有效，且覆盖全部媒体数据",
        )
    )
    return verdict


def _in_other_hands(
    file: Path, verdict: ManifestVerdict, ended: Mapping[str, int], place: int
) -> Iterator[str]:
    """What speaks against the manifest's key at a place of the log."""
    store = manifeststore.store(file)
    named = manifeststore.kids(store, verdict.serial) if store and verdict.serial is not None else frozenset()
    if not named:
        yield "its certificate is not found in it, so that nobody can say whether others had its key"
    for kid in sorted(named & ended.keys()):
        if place >= ended[kid]:
            yield f"its key {kid} was in other hands from entry {ended[kid]} on, and this is entry {place}"


def _yes(name: StepName, detail: str, zh: str) -> Step:
    return Step(name, ok=True, detail=detail, zh=zh)


def _no_because(name: StepName, error: ConsentryError) -> _No:
    return _No(name, f"{error.code}: {error}", f"{error.code}：{error.zh}")


def _second(at: int) -> str:
    """A witness's own clock, as it says; years that no calendar has stay seconds."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, OSError, ValueError):
        return f"second {at}"


def _notes(
    verdict: ManifestVerdict, checked: Checked, trust_pem: str, ended: Mapping[str, int] | None
) -> Iterator[Note]:
    yield Note(
        "A withdrawal can't be seen offline: consent may have been withdrawn since the release.",
        "离线验证无法得知撤回：发布之后，当事人可能已撤回同意。",
    )
    yield Note(
        "Only a bundle shows whether others had the keys of its permit and countersignatures; "
        + (
            "of the keys of log and manifest nothing was asked here (--keys)."
            if ended is None
            else "the keys of log and manifest were held against those that were named."
        ),
        "许可与会签密钥是否曾落入他人之手，须以证据包核验；"
        + (
            "本次未提供密钥失效名单（--keys），日志与内容凭证的密钥未予核对。"
            if ended is None
            else "日志与内容凭证的密钥已与所提供的名单核对。"
        ),
    )
    if checked.unknown:
        yield Note(
            f"{checked.unknown} signature line(s) are by nobody whom you named: they were not looked at.",
            f"另有 {checked.unknown} 行签名不属于所提供名单中的任何一方，未予核验。",
        )
    # A manifest without a time stamp that does not say when it ends got no yes.
    if verdict.timed or verdict.valid_until is None:
        yield Note(
            "A trusted time stamp keeps the manifest valid after its certificate ends.",
            "可信时间戳使内容凭证在证书到期后仍然有效。",
        )
    else:
        until = instant.minute(verdict.valid_until)
        yield Note(
            f"There is no time stamp: the manifest can be verified until {until}, then its certificate ends.",
            f"无时间戳：内容凭证可验证至 {until}，届时签名证书到期。",
        )
    if certificate.says_test(trust_pem):
        yield Note(
            "The certificates are TEST certificates: they show how it works, not who signed.",
            "所用证书为 TEST 测试证书：仅作演示，不能证明签名者身份。",
        )
    proof = checked.payload.get("proof")
    if isinstance(proof, str):
        yield Note(
            f"The weakest proof that a consenting person is who they say they are: {proof}.",
            f"当事人身份证明的最低级别：{proof}。",
        )
