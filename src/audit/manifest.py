"""The one door to C2PA: sign a finished MP4, read one.

A yes is the library's state, and every ingredient's results, and the deltas (`provenance`), and the
layout guard (`bmff`), and the linter (`lint`). Offline but for a time stamp authority, if one is given.
A context lives as long as one call: one made before a fork is dead after it.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa

from audit import bmff, claim, durable, lint
from audit.certificate import ManifestSigner
from audit.errors import BadInput, Diverged, Unready
from audit.provenance import ManifestVerdict, State, judge, template_faults, unread

UNFINISHED = ".signing"
"""Suffix of a temporary file a killed process may leave beside the target; sweep it when you like."""

_MP4 = "video/mp4"
_STAMPING = "Signature: internal error "
"""How the library begins whatever goes wrong with the authority, from a refused connection to a wrong nonce.
Faults of chain and key have sentences of their own (all seen with 0.38.1, which is pinned)."""
# Signing certificates: e-mail protection, document signing (RFC 9336), C2PA claim signing.
_USES = "1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n1.3.6.1.4.1.62558.2.1\n"


class ManifestFailed(Unready):
    """The manifest could not be made: key, certificate, time stamp or the library."""

    code = "MANIFEST_FAILED"
    zh = "无法生成 C2PA 内容凭证。"
    hint = "Check the signing chain and its key; `consentry doctor` names what is wrong with them."
    hint_zh = "请检查签名证书链及其私钥；`consentry doctor` 会指出问题。"


class TimeStampFailed(Unready):
    """The time stamp authority gave no stamp, or none for what it was asked. Nothing was signed."""

    code = "TIME_STAMP_FAILED"
    zh = "时间戳服务未给出有效的时间戳，未生成内容凭证。"
    hint = (
        "Check that the authority at `tsa_url` answers RFC 3161 requests; the job is tried again meanwhile."
    )
    hint_zh = "请确认 `tsa_url` 处的服务可响应 RFC 3161 请求；期间任务会自动重试。"


class TimeStampUntrusted(Unready):
    """The stamp is sound, and nobody who verifies with our root would trust it. Nothing was kept."""

    code = "TIME_STAMP_UNTRUSTED"
    zh = "时间戳服务的证书不在信任根中，证书到期后内容凭证将无法验证。"
    hint = "Append the authority's own issuing certificate to keys/manifest-root.pem, or unset `tsa_url`."
    hint_zh = "请将时间戳服务的签发证书追加到 keys/manifest-root.pem，或取消设置 `tsa_url`。"


class ManifestUnfit(BadInput):
    """What was to be signed breaks our own form."""

    code = "MANIFEST_UNFIT"
    zh = "待签名的内容凭证不符合规定格式。"
    hint = "Use ids, words and versions as `audit.claim.OutputManifest` states them."
    hint_zh = "请按 `audit.claim.OutputManifest` 的规定填写。"


class TemplateUntrustworthy(BadInput):
    """The template carries a manifest that does not hold. Signing over it would launder it."""

    code = "TEMPLATE_MANIFEST_BROKEN"
    zh = "模板自带的 C2PA 内容凭证无效，拒绝以其为来源签名。"
    hint = "Get the template again from its source, or re-mux it so that it carries no manifest."
    hint_zh = "请重新获取模板，或重新封装以去除其内容凭证。"


class ManifestDisagrees(Diverged):
    """The file just signed does not read back as trusted. It was removed."""

    code = "MANIFEST_DISAGREES"
    zh = "签名后的文件回读验证未通过，已删除。"
    hint = "Check that the trust root belongs to the signing chain and that the disk is sound."
    hint_zh = "请检查信任根与签名证书链是否对应，以及磁盘是否正常。"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed file, durable at its place."""

    sha256: str
    """Of the whole file."""
    size: int
    manifest_sha256: str
    """Of the manifest store as the signer returned it."""


def sign(
    source: Path,
    target: Path,
    output: claim.OutputManifest,
    *,
    template: Path,
    signer: ManifestSigner,
    trust_pem: str,
    tsa_url: str | None = None,
) -> Signed:
    """Write `source` with its manifest to `target`, whole and durable or not at all.

    `source` is an MP4 of our own muxer without a manifest; `template` the normalised media it was made
    from. The only network traffic is to `tsa_url`, if given, for 30 seconds at most; a time stamp tells the
    second of signing. Whoever asks for one gets no file without one that `trust_pem` trusts.
    Raises `MediaRefused`, `ManifestUnfit`, `TemplateUntrustworthy`, `TimeStampFailed`, `TimeStampUntrusted`,
    `ManifestFailed`, `ManifestDisagrees`, `durable.DiskFull`, `durable.DiskFailed`; after each of them
    `target` is as it was.
    """
    with durable.disk(source):
        bmff.check(source)
    definition, parent = claim.definition(output), claim.template_ingredient(output)
    wrong = [*lint.faults(definition, lint.DEFINITION), *lint.faults(parent, lint.TEMPLATE, "template")]
    if wrong:
        raise ManifestUnfit("; ".join(wrong))
    _check_template(template, trust_pem)
    with durable.disk(target), _unfinished(target) as temporary:
        # Steps, each of which may be the last: 1 sign, 2 durable, 3 read back, 4 in place, 5 place durable.
        with source.open("rb") as unsigned, template.open("rb") as opened, temporary.open("w+b") as file:
            try:
                context = c2pa.Context.from_dict(_settings(trust_pem))
                builder = c2pa.Builder(definition, context=context)
                builder.add_ingredient(parent, _MP4, opened)
                store = builder.sign(_signer(signer, tsa_url), _MP4, unsigned, file)
            except c2pa.C2paError as error:
                # The library wraps what our file said in its own words; a full disk is found out here.
                _probe_room(file)
                if tsa_url and str(error).startswith(_STAMPING):
                    raise TimeStampFailed(f"{str(error).removeprefix(_STAMPING):.200}") from None
                raise ManifestFailed(f"C2PA signing: {error!s:.200}") from None
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        # The library's own check after signing misses cases its reader catches: read the file itself.
        verdict = read(temporary, trust_pem)
        if not verdict.ok:
            raise ManifestDisagrees(f"read back as {verdict.state}: {'; '.join(verdict.faults)}")
        if tsa_url and not verdict.timed:
            raise TimeStampUntrusted("the authority's certificate leads to none of our roots")
        os.replace(temporary, target)  # noqa: PTH105
        durable.sync_directory(target.parent)
    return Signed(sha256=digest, size=size, manifest_sha256=hashlib.sha256(store).hexdigest())


def read(path: Path, trust_pem: str) -> ManifestVerdict:
    """Judge the manifest of an MP4 against the roots in `trust_pem`, by this machine's clock, offline.

    Never raises for what is in the file; `durable.DiskFailed` if it can't be read. Whole-file integrity
    is not C2PA's: `verify` compares the digest with the receipt before it comes here.
    """
    with durable.disk(path):
        layout = bmff.objections(path, signed=True)
    try:
        reports = _reports(path, trust_pem)
    except c2pa.C2paError as error:
        return unread(State.UNREADABLE, [*layout, f"manifest: {error!s:.120}"])
    return judge(*reports, layout) if reports else unread(State.MISSING, [*layout, "manifest: none"])


def _reports(path: Path, trust_pem: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The library's two reports on a file, or None if it has no manifest."""
    with durable.disk(path), path.open("rb") as file:
        context = c2pa.Context.from_dict(_settings(trust_pem))
        reader = c2pa.Reader.try_create(_MP4, file, context=context)
        if reader is None:
            return None
        with reader:
            return json.loads(reader.detailed_json()), json.loads(reader.crjson())


def _settings(trust_pem: str) -> dict[str, Any]:
    """Nothing from the network, nothing added unasked, half the memory of the default."""
    off = {"enabled": False}
    automatic = ("auto_opened_action", "auto_placed_action", "auto_created_action")
    return {
        "version": 1,
        "trust": {"user_anchors": trust_pem, "trust_config": _USES},
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
        "core": {"backing_store_memory_threshold_in_mb": 32},
        "builder": {"thumbnail": off, "actions": dict.fromkeys(automatic, off)},
    }


def _signer(signer: ManifestSigner, tsa_url: str | None) -> c2pa.Signer:
    info = c2pa.C2paSignerInfo("es256", signer.chain_pem.encode(), signer.key_pem.encode(), tsa_url)
    return c2pa.Signer.from_info(info)


def _check_template(template: Path, trust_pem: str) -> None:
    try:
        reports = _reports(template, trust_pem)
    except c2pa.C2paError as error:
        raise TemplateUntrustworthy(f"the template's manifest can't be read: {error!s:.120}") from None
    if reports:
        wrong = [*bmff.objections(template, signed=True), *template_faults(reports[0])]
        if wrong:
            raise TemplateUntrustworthy("; ".join(wrong))


@contextlib.contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A temporary file beside `target` (a rename must not cross file systems), gone when this ends."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.", suffix=UNFINISHED)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _probe_room(file: Any) -> None:
    """Write a little where the library failed to: a full disk answers with its own error."""
    file.seek(0, os.SEEK_END)
    file.write(bytes(2**16))
    file.flush()
