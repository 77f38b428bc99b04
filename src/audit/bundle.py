"""Evidence bundles as files: one zip in one form, its list of files signed with the export key.

Whoever checks one uses `audit.standalone`, which lies in every bundle and reads it by itself; here bundles
are made, and their faults become errors of ours.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import audit
from audit import answered, bundled, consented, der, matter, offline, stamped, standalone, verdicts
from audit.canonical import Json, canonical
from audit.durable import disk
from audit.errors import BadInput, ConsentryError
from audit.keys import SigningKey
from audit.quorum import Trust, TrustMalformed

VERIFIER = "verify.py"
BESIDE = {
    "audit/__init__.py": str(audit.__file__),
    "audit/answered.py": answered.__file__,
    "audit/bundled.py": bundled.__file__,
    "audit/consented.py": consented.__file__,
    "audit/der.py": der.__file__,
    "audit/matter.py": matter.__file__,
    "audit/offline.py": offline.__file__,
    "audit/stamped.py": stamped.__file__,
    "audit/verdicts.py": verdicts.__file__,
}
"""What the verifier imports, where it finds it in a bundle as here."""


class EvidenceMalformed(BadInput):
    """Bytes are not an evidence bundle, or one that was changed; or a trust file is none."""

    code = "EVIDENCE_MALFORMED"
    zh = "不是完整的证据包，或内容被改动；或信任文件格式无效。"
    hint = "Use the file as it was handed out, byte for byte; the message says where it differs."
    hint_zh = "请逐字节使用发放时的文件；错误信息会指出不符之处。"


class EvidenceTooLarge(BadInput):
    """What was asked for does not fit into one bundle."""

    code = "EVIDENCE_TOO_LARGE"
    zh = "所请求的证据超出单个证据包的上限。"
    hint = "Ask for a shorter period, or for one template, output or person."
    hint_zh = "请缩短期间，或按单个模板、成品或人员导出。"


def seal(files: Mapping[str, bytes], about: Mapping[str, Json], key: SigningKey) -> bytes:
    """The bundle of these files, their digests and what `about` says of it signed. Raises as `write`."""
    listed = {name: sha256(data).hexdigest() for name, data in files.items()}
    manifest = canonical({**about, "v": 1, "files": listed})
    signature = f"{key.kid} {key.sign(manifest).hex()}\n".encode()
    return write({**files, standalone.MANIFEST: manifest, standalone.SIGNATURE: signature})


def write(files: Mapping[str, bytes]) -> bytes:
    """The one zip of these files: sorted, stored, 1980. Raises `EvidenceTooLarge`, `EvidenceMalformed`."""
    body, directory = bytearray(), bytearray()
    if len(files) > offline.MOST_FILES or sum(map(len, files.values())) > offline.LARGEST // 2:
        raise EvidenceTooLarge(f"{len(files)} files; a bundle has at most {offline.MOST_FILES}, and 128 MiB")
    for name, data in sorted(files.items()):
        if not offline.usable(name):
            raise EvidenceMalformed(f"a path that no bundle has: {name!a:.80}")
        head, record = offline.zip_file(name.encode(), data, len(body))
        body += head + data
        directory += record
    return bytes(body + directory) + offline.zip_end(len(files), len(directory), len(body))


def read(data: bytes) -> dict[str, bytes]:
    """The files of a bundle: byte for byte what `write` makes of them. Raises `EvidenceMalformed`."""
    try:
        return offline.read_zip(data)
    except offline.Fault as fault:
        raise EvidenceMalformed(str(fault)) from None


def unpacked(folder: Path) -> dict[str, bytes]:
    """The files of a bundle that somebody unpacked. Raises `EvidenceMalformed`, `DiskFailed`."""
    try:
        with disk(folder):
            return offline.read_folder(folder)
    except offline.Fault as fault:
        raise EvidenceMalformed(str(fault)) from None


def verifier(files: Mapping[str, bytes], trust: str, video: bytes | None) -> standalone.Verifier:
    """What checks a bundle's files for somebody who trusts as this text says. Raises `EvidenceMalformed`."""
    return standalone.Verifier(files, trusted(trust), video)


def ended(trust: str) -> Mapping[str, int]:
    """By kid, from which place on a trust file believes no key any more. Raises `EvidenceMalformed`."""
    return trusted(trust).until


def trusted(text: str) -> offline.Trust:
    """Whom a trust file trusts. Raises `EvidenceMalformed` with its line."""
    try:
        return offline.Trust.parse(text)
    except offline.Fault as fault:
        raise EvidenceMalformed(str(fault)) from None


def witnessed(files: Mapping[str, bytes], policy: str) -> standalone.Claim:
    """Whether a quorum of the verifier's own tlog-policy saw the tree head. Raises `TrustMalformed`.

    One claim more beside those of `verifier`, which hold that tree head against everything else.
    """
    trust, verdict = Trust.parse(policy), verdicts.NOT_PROVEN
    if trust.quorum is None:
        raise TrustMalformed("a policy that asks for no witness: there is nothing to check by it")
    try:
        seen = trust.check(files["log/checkpoint"].decode())
        verdict, detail = verdicts.PROVEN, f"{seen.checkpoint.size} entries, seen by {', '.join(seen.at)}"
    except (KeyError, UnicodeDecodeError):
        detail = "log/checkpoint: missing, or not text"
    except ConsentryError as error:
        detail = f"log/checkpoint: {error.code}: {error}"
    return standalone.Claim("witnesses", verdict, offline.plain(detail))


def programs() -> dict[str, bytes]:
    """The verifier as it lies in a bundle: these very modules."""
    found = {VERIFIER: standalone.__file__, **BESIDE}
    return {name: Path(place).read_bytes() for name, place in found.items()}
