"""Formats that a stranger's verifier reads: the bundle's zip, checkpoints and proofs of the log, signatures.

Shipped in every bundle beside `verify.py` (`audit.standalone`), and runs with it alone: Python 3.11,
`cryptography`, nothing else. RFC 6962 and 9162 trees; C2SP signed-note 1.0.0, tlog-cosignature 1.0.1,
tlog-proof at 5ba5ee8; W3C Web Authentication 3, section 7.2.
"""

import hmac
import json
import re
import struct
import zlib
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from audit.verdicts import ERASED, LOST

MOST_FILES, LARGEST = 60_000, 256 << 20
_NAME = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}){0,5}")

_ES256 = rb"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20(.{32})\x22\x58\x20(.{32})"
_EDDSA = rb"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20(.{32})"
_RS256 = rb"\xa4\x01\x03\x03\x39\x01\x00\x20\x59..(.{256,1024})\x21\x43(.{3})"
_MALFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    struct.error,
    x509.InvalidVersion,
)


class Fault(Exception):
    """What is wrong, and where."""


class Gone(Exception):
    """What would show it was erased."""

    verdict = ERASED


class Lost(Gone):
    """What would show it was lost with a database, and the log says when it was recovered."""

    verdict = LOST


WHY: dict[str, type[Gone]] = {ERASED: Gone, LOST: Lost}
"""By the state of a part that does not open."""


def zip_file(name: bytes, data: bytes, at: int) -> tuple[bytes, bytes]:
    """What stands before a file in our zips, and its record in their directory: stored, dated 1980."""
    common = (20, 0, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), len(name), 0)
    head = struct.pack("<4s5H3I2H", b"PK\3\4", *common)
    record = struct.pack("<4s6H3I5H2I", b"PK\1\2", 0x314, *common, 0, 0, 0, 0o100644 << 16, at)
    return head + name, record + name


def zip_end(count: int, directory: int, at: int) -> bytes:
    """What stands after a directory of so many bytes that begins at `at`."""
    return struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, directory, at, 0)


def read_zip(data: bytes) -> dict[str, bytes]:
    """The files of a bundle in its one form. Raises `Fault`, and says where it is not.

    Nothing is decompressed, and no size is believed before it was compared with what is there.
    """
    if len(data) > LARGEST:
        raise Fault(f"larger than {LARGEST} bytes")
    files, records, last, at = dict[str, bytes](), list[bytes](), "", 0
    while data[at : at + 4] == b"PK\3\4" and len(data) >= at + 30:
        size, length = struct.unpack_from("<IH", data, at + 22)
        begin = at + 30 + length
        raw, body = data[at + 30 : begin], data[begin : begin + size]
        name, where = raw.decode("latin-1"), f"at byte {at}, after {last or 'the start'}"
        if not usable(name) or name <= last or len(body) != size or len(files) == MOST_FILES:
            raise Fault(f"a file {where}: a name or size that no bundle has there")
        head, record = zip_file(raw, body, at)
        if data[at:begin] != head:
            raise Fault(f"{name}: changed, {where}")
        files[name], last, at = body, name, begin + size
        records.append(record)
    directory = at
    for name, record in zip(files, records, strict=True):
        if data[at : at + len(record)] != record:
            raise Fault(f"{name}: not as the directory says, at byte {at}, after {last}")
        at += len(record)
    if not files or data[at:] != zip_end(len(files), at - directory, directory):
        raise Fault(f"the end, at byte {at}, is not that of {len(files)} files")
    return files


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of a bundle that somebody unpacked. Raises `Fault`."""
    found, total = dict[str, bytes](), 0
    for path in sorted(one for one in folder.rglob("*") if one.is_symlink() or not one.is_dir()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or not usable(name):
            raise Fault(f"{name!a}: not a file that a bundle has")
        total += path.stat().st_size
        if total > LARGEST or len(found) == MOST_FILES:
            raise Fault("more than a bundle holds")
        found[name] = read_file(path)
    return found


def read_bundle(path: Path) -> dict[str, bytes]:
    """The files of a bundle as it came, or as somebody unpacked it. Raises `Fault`, `OSError`."""
    return read_folder(path) if path.is_dir() else read_zip(read_file(path))


def read_file(path: Path) -> bytes:
    """A file of at most `LARGEST` bytes; of a longer one no more is read. Raises `Fault`, `OSError`."""
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Fault(f"{plain(path.name)}: larger than {LARGEST} bytes")
    return data


def usable(name: str) -> bool:
    """Whether a path may stand in a bundle: no way up, no root, nothing hidden or compiled, plain ASCII."""
    return _NAME.fullmatch(name.encode("ascii", "replace")) is not None and "__pycache__" not in name


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Whatever is malformed inside is a `Fault` that names `where`."""
    try:
        yield
    except _MALFORMED as error:
        raise Fault(f"{where}: malformed ({type(error).__name__})") from None
    except InvalidSignature:
        raise Fault(f"{where}: a signature does not hold") from None


def canonical_json(data: bytes) -> Any:
    """A value in its one form. Raises `ValueError`."""
    value = json.loads(data)
    if json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() != data:
        raise ValueError("not canonical")
    return value


def of_base64(text: str) -> bytes:
    """Padded base64 in its one form. Raises `ValueError`."""
    data = b64decode(text, validate=True)
    if b64encode(data).decode() != text:
        raise ValueError("not in its only form")
    return data


def of_hex(text: str) -> bytes:
    """Hex in its one form. Raises `ValueError`."""
    data = bytes.fromhex(text)
    if data.hex() != text:
        raise ValueError("not in its only form")
    return data


def opened_part(name: str, data: bytes, commitment: str) -> dict[str, Any]:
    """What a part of an entry says, if that is what the entry commits to. Raises `Fault`."""
    with reading(name):
        opened = canonical_json(data)
        payload, salt = dict(opened["payload"]), opened["salt"]
        # Canonical, so the payload's own bytes stand between these two: they were committed to.
        inner = data.removeprefix(b'{"payload":').removesuffix(f',"salt":"{salt}"}}'.encode())
        if set(opened) != {"payload", "salt"} or len(salt) != 64 or not payload:
            raise ValueError("not an opening")
        if hmac.digest(of_hex(salt), inner, "sha256").hex() != commitment:
            raise Fault(f"{name}: not what its entry commits to")
    return payload


def ed25519_holds(public: bytes, signature: bytes, message: bytes) -> None:
    """Raises `InvalidSignature`, `ValueError`."""
    ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


def kid_of(duty: str, public: bytes) -> str:
    """What names a key of the service: 16 hex digits."""
    return sha256(f"consentry/{duty}/v1\0".encode() + public).hexdigest()[:16]


def _key_id(name: str, blob: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + blob).digest()[:4]


def _climb(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """The root above a leaf: RFC 9162 section 2.1.3.2."""
    fn, sn, root = index, size - 1, leaf
    if not 0 <= index < size or any(len(one) != 32 for one in path):
        raise ValueError("no such leaf")
    for one in path:
        if sn == 0:
            raise ValueError("too long a path")
        odd = fn & 1 or fn == sn
        root = sha256(b"\1" + (one + root if odd else root + one)).digest()
        while odd and fn and not fn & 1:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ValueError("too short a path")
    return root


@dataclass
class Trust:
    """Whom the verifier trusts."""

    notes: dict[int, set[tuple[str, bytes]]] = field(default_factory=lambda: {1: set(), 4: set()})
    """Names and keys of logs (1) and of witnesses (4)."""
    quorum: int = 0
    """How many of the witnesses must have seen a checkpoint; 0: each."""
    keys: dict[tuple[str, str], bytes] = field(default_factory=dict)
    sites: dict[bytes, list[str]] = field(default_factory=dict)
    """Origins, by SHA-256 of the RP id."""
    until: dict[str, int] = field(default_factory=dict)
    """By kid: from which place of the log on nothing holds that a key signed."""
    authorities: list[x509.Certificate] = field(default_factory=list)
    """Whose time stamps count, or those of whom they certify."""

    @classmethod
    def parse(cls, text: str) -> "Trust":
        """Read a trust file. Raises `Fault` with the line."""
        trust = cls()
        for number, line in enumerate(text.splitlines(), start=1):
            word, *rest = line.split() or ["#"]
            with reading(f"trust file, line {number}"):
                duty = re.fullmatch(r"consentry/(export|countersign)/v1", word)
                if duty:
                    trust.keys[duty[1], rest[0]] = of_base64(rest[1])
                    if kid_of(duty[1], of_base64(rest[1])) != rest[0]:
                        raise ValueError("the kid of another key")
                    trust.end(rest[0], rest[2:])
                elif word in {"log", "witness"}:
                    name, key_id, text = rest[0].split("+", 2)
                    blob = of_base64(text)
                    if _key_id(name, blob).hex() != key_id or blob[0] != (1 if word == "log" else 4):
                        raise ValueError("not a vkey of this kind")
                    if word == "witness" and any(name == one[0] or blob == one[1] for one in trust.notes[4]):
                        raise ValueError("a witness twice")  # It would be two of a quorum.
                    trust.notes[blob[0]].add((name, blob))
                    trust.end(trust.log_kid((name, blob)), rest[1:] if word == "log" else [])
                elif word == "quorum":
                    if trust.quorum or not re.fullmatch(r"[1-9][0-9]?", " ".join(rest)):
                        raise ValueError("expected one number")
                    trust.quorum = int(rest[0])
                elif word == "compromised":
                    if not re.fullmatch("[0-9a-f]{16}", rest[0]):
                        raise ValueError("no kid: of a slip nobody would be told")
                    trust.end(rest[0], ["until", *rest[2:]] if rest[1] == "from" else rest)
                elif word == "rp":
                    trust.sites[sha256(rest[0].encode()).digest()] = rest[1:]
                elif word == "tsa":
                    trust.authorities.append(x509.load_der_x509_certificate(of_base64(rest[0])))
                elif not word.startswith("#"):
                    raise ValueError("no such statement")
        if trust.quorum > len(trust.notes[4]):
            raise Fault(f"trust file: a quorum of {trust.quorum}, and {len(trust.notes[4])} witnesses")
        return trust

    def end(self, kid: str, words: list[str]) -> None:
        """`until <index>`: the lowest that anybody names is the end. Raises `ValueError`."""
        if words:
            until, index = words
            if until != "until" or not re.fullmatch(r"[0-9]{1,19}", index):
                raise ValueError("expected `until <index>`")
            self.until[kid] = min(int(index), self.until.get(kid, int(index)))

    def less(self, ends: Mapping[str, int]) -> "Trust":
        """The same trust, or less: these keys end there, if not before."""
        return replace(
            self, until={**self.until, **{k: min(i, self.until.get(k, i)) for k, i in ends.items()}}
        )

    def exporter(self, where: str, signature: bytes, listed: bytes) -> str:
        """The kid of the export key you trust that signed a list of files. Raises `Fault`."""
        with reading(where):
            kid, text = signature.decode().split(" ")
            if ("export", kid) not in self.keys:
                raise Fault(f"{where}: by an export key you do not trust, {kid:.16}")
            message = b"consentry/export/v1\0" + listed
            ed25519_holds(self.keys["export", kid], of_hex(text.removesuffix("\n")), message)
            if not text.endswith("\n"):
                raise ValueError("not in its only form")
        return kid

    def void(self, kid: str, index: int) -> bool:
        """Whether a signature by this key over what stands at `index` is worth nothing."""
        return kid in self.until and index >= self.until[kid]

    def log_kid(self, note: tuple[str, bytes]) -> str:
        """The kid of a log's key."""
        return kid_of("log", note[1][1:])

    def checkpoint(self, note: bytes, *, seen_too: bool = True) -> tuple[int, bytes]:
        """Size and root of a checkpoint of a trusted log; `seen_too`: a quorum of its witnesses saw it."""
        text, _, lines = note.decode().rpartition("\n\n")
        (origin, size, root), body, seen = text.split("\n"), text.encode() + b"\n", set[tuple[str, bytes]]()
        if not re.fullmatch(r"[1-9][0-9]{0,18}", size) or len(of_base64(root)) != 32 or lines[-1:] != "\n":
            raise ValueError("size, root or end")
        # Over entries from a key's end on, its signature is nobody's.
        ours = {one for one in self.notes[1] if one[0] == origin}
        known = {one for one in ours if not self.void(self.log_kid(one), int(size) - 1)} | self.notes[4]
        for line in lines.removesuffix("\n").split("\n"):
            dash, name, text = line.split(" ")
            blob = of_base64(text)
            if dash != "\u2014":
                raise ValueError("not a signature line")
            for one in known:
                if name == one[0] and blob[:4] == _key_id(*one):
                    at, signature = b"", blob[4:]
                    if one[1][0] == 4:
                        at = b"cosignature/v1\ntime %d\n" % int.from_bytes(signature[:8])
                        signature = signature[8:]
                    ed25519_holds(one[1][1:], signature, at + body)
                    seen.add(one)
        if not seen & self.notes[1]:
            raise Fault("a checkpoint that no log you trust signed")
        saw, least = len(seen & self.notes[4]), self.quorum or len(self.notes[4])
        if seen_too and saw < least:
            raise Fault(f"{saw} of the witnesses you trust saw this checkpoint, and you ask for {least}")
        return int(size), of_base64(root)

    def proof(self, name: str, data: bytes, index: int, leaf_hash: str, *, seen_too: bool = True) -> bytes:
        """The checkpoint under which a tlog-proof puts an entry, verbatim. Raises `Fault`."""
        with reading(name):
            head, _, note = data.decode().partition("\n\n")
            heading, place, *path = head.split("\n")
            size, root = self.checkpoint(note.encode(), seen_too=seen_too)
            up = _climb(bytes.fromhex(leaf_hash), index, size, [of_base64(one) for one in path])
            if (heading, place, up) != ("c2sp.org/tlog-proof@v1", f"index {index}", root):
                raise Fault(f"{name}: does not put entry {index} into the tree")
        return note.encode()

    def person(self, where: str, shown: Mapping[str, str], message: bytes) -> None:
        """Check her signature, with an Ed25519 key or a passkey. Raises `Fault`."""
        with reading(where):
            key, signature = of_hex(shown["key"]), of_hex(shown["signature"])
            if shown["method"] == "ed25519":
                ed25519_holds(key, signature, message)
                return
            client, data = of_hex(shown["client_data"]), of_hex(shown["authenticator_data"])
            asked = json.loads(client)
            if asked["origin"] not in self.sites.get(data[:32], ()):
                raise Fault(f"{where}: a passkey of a site that is not in your trust file")
            challenge = urlsafe_b64encode(sha256(message).digest()).rstrip(b"=").decode()
            # 5: the user was present, and was verified.
            if (asked["type"], asked["challenge"], data[32] & 5) != ("webauthn.get", challenge, 5):
                raise Fault(f"{where}: signed something else, or without verifying the user")
            if asked.get("crossOrigin", False) is not False or "topOrigin" in asked:
                raise Fault(f"{where}: signed inside another site's page")
            _passkey(key)(signature, data + sha256(client).digest())


def as_signed(note: bytes) -> bytes:
    """A checkpoint as its log signed it: without the lines of witnesses, which may have come later."""
    text, _, lines = note.decode().rpartition("\n\n")
    own = [line for line in lines.splitlines() if line.startswith(f"\u2014 {text.partition(chr(10))[0]} ")]
    return "\n".join([text, "", *own, ""]).encode()


def _passkey(key: bytes) -> Callable[[bytes, bytes], None]:
    """How a COSE key verifies: ES256, EdDSA or RS256, each in its canonical CBOR (RFC 9052, 9053, 8230)."""
    if found := re.fullmatch(_ES256, key, re.S):
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + found[1] + found[2])
        return lambda signature, message: point.verify(signature, message, ec.ECDSA(SHA256()))
    if found := re.fullmatch(_EDDSA, key, re.S):
        public = found[1]
        return lambda signature, message: ed25519_holds(public, signature, message)
    if found := re.fullmatch(_RS256, key, re.S):
        n, e = (int.from_bytes(one) for one in found.groups())
        whole = rsa.RSAPublicNumbers(e, n).public_key()
        return lambda signature, message: whole.verify(signature, message, padding.PKCS1v15(), SHA256())
    raise ValueError("a key of another kind")


def plain(text: str) -> str:
    """A text from a bundle for a terminal: it may hold lines that look like ours, or move the cursor."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
