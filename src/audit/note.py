"""C2SP signed notes (c2sp.org/signed-note v1.0.0): text, an empty line, signature lines.

Strict where strictness costs nobody: a note that parses is written back to the very same bytes.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Self

from audit.canonical import NotCanonical
from audit.errors import BadInput
from audit.keys import BadSignature, Duty, SigningKey, VerifyingKey
from audit.spelling import of_base64, of_decimal, to_base64

_ED25519 = b"\x01"
_SIGNATURE_LINE = re.compile(r"— ([^ ]+) ([A-Za-z0-9+/]+={0,2})")
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_LIMIT = 64 * 1024
_MOST_SIGNATURES = 64


class NoteMalformed(BadInput):
    """Text is not a signed note, or not in the only form a note has."""

    code = "NOTE_MALFORMED"
    zh = "签名文本（signed note）格式无效。"
    hint = "Pass the note on byte for byte: no editor, no changed line ends."
    hint_zh = "请逐字节原样传递该文本，不要经编辑器改动或转换换行符。"


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A vkey: who signs, and with what. Trusted because the verifier brought it, never as it came along."""

    name: str
    key: VerifyingKey
    until: int | None = None
    """Of a log's key: over a tree of more entries than this its signature is worth nothing."""

    @property
    def key_id(self) -> bytes:
        """4 bytes: SHA-256 over name, LF, algorithm and public key."""
        return key_id(self.name, _ED25519 + self.key.public)

    @property
    def text(self) -> str:
        """`<name>+<key id>+<base64 of algorithm and key>`, and ` until <index>` where it ends."""
        line = vkey(self.name, _ED25519 + self.key.public)
        return line if self.until is None else f"{line} until {self.until}"

    @classmethod
    def parse(cls, text: str, duty: Duty = Duty.LOG) -> Self:
        """The verifier of such a line (a final LF may stay), trusted for `duty`. Raises `NoteMalformed`."""
        line, until, index = text.removesuffix("\n").partition(" until ")
        name, public = read_vkey(line, _ED25519)
        if not until:
            return cls(name, VerifyingKey(duty, public))
        try:
            return cls(name, VerifyingKey(duty, public), of_decimal(index))
        except NotCanonical:
            raise NoteMalformed("expected `until` and the index of an entry") from None


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line. `blob` is the key id and then whatever the algorithm wrote."""

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        """The line as it stands in the note."""
        return f"— {self.name} {to_base64(self.key_id + self.blob)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. `text` ends in LF and is what the signatures are over. Nothing is verified yet."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @property
    def serialised(self) -> str:
        """The note again, byte for byte."""
        return self.text + "\n" + "".join(each.line for each in self.signatures)


def key_id(name: str, blob: bytes) -> bytes:
    """4 bytes that name a key in signature lines; `blob` is its algorithm and its public half."""
    return sha256(name.encode() + b"\n" + blob).digest()[:4]


def vkey(name: str, blob: bytes) -> str:
    """`<name>+<key id>+<base64 of algorithm and key>`."""
    return f"{name}+{key_id(name, blob).hex()}+{to_base64(blob)}"


def read_vkey(text: str, algorithm: bytes) -> tuple[str, bytes]:
    """Name and 32 public bytes of a vkey of this algorithm. Raises `NoteMalformed`."""
    found = _VKEY.fullmatch(text)
    if not found or not _is_name(found[1]):
        raise NoteMalformed("not a vkey: <name>+<8 hex digits>+<base64>")
    blob = _bytes(found[3])
    if blob[:1] != algorithm or len(blob) != 33:
        raise NoteMalformed(f"a vkey of another algorithm than {algorithm[0]:02x}")
    if vkey(found[1], blob) != text:
        raise NoteMalformed("the key id of a vkey belongs to another name or key")
    return found[1], blob[1:]


def sign(text: str, name: str, key: SigningKey) -> str:
    """`text` as a note signed by `name`. Raises `NoteMalformed` if either can't stand in one."""
    # What `parse` asks of a text, as far as one line of ours can break it.
    if not text.endswith("\n") or len(text) > _LIMIT // 2 or _FORBIDDEN.search(text):
        raise NoteMalformed("a note's text is lines of UTF-8 without control characters, of at most 32 KiB")
    blob = key.sign_note(text.encode())
    return Note(text, (NoteSignature(name, _own_key_id(name, key.verifying), blob),)).serialised


@lru_cache(maxsize=16)
def _own_key_id(name: str, key: VerifyingKey) -> bytes:
    if not _is_name(name):
        raise NoteMalformed("a key name is not empty and has no space and no plus")
    return NoteVerifier(name, key).key_id


def parse(note: str) -> Note:
    """Take a note apart. Raises `NoteMalformed`."""
    if len(note) > _LIMIT or _FORBIDDEN.search(note):
        raise NoteMalformed("a note is UTF-8 text without control characters, of at most 64 KiB")
    # At the *last* empty line: the text itself may have some.
    text, empty, lines = note.rpartition("\n\n")
    if not empty or not lines.endswith("\n"):
        raise NoteMalformed("a note is text, an empty line and signature lines")
    signatures = tuple(parse_line(line) for line in lines[:-1].split("\n"))
    if len(signatures) > _MOST_SIGNATURES:
        raise NoteMalformed(f"more than {_MOST_SIGNATURES} signatures")
    return Note(text + "\n", signatures)


def verify(note: Note, verifier: NoteVerifier) -> str:
    """The text, vouched for by `verifier`. Raises `audit.keys.BadSignature`.

    Lines by keys we don't know are ignored, whatever name they carry; a line by the known key that
    does not hold spoils the note, however many others do.
    """
    known = [each for each in note.signatures if (each.name, each.key_id) == (verifier.name, verifier.key_id)]
    if not known:
        raise BadSignature(f"no signature by {verifier.name}")
    for each in known:
        verifier.key.check_raw(note.text.encode(), each.blob)
    return note.text


def parse_line(line: str) -> NoteSignature:
    """One signature line, without its LF. Raises `NoteMalformed`."""
    found = _SIGNATURE_LINE.fullmatch(line)
    if not found or not _is_name(found[1]):
        raise NoteMalformed("not a signature line: — <name> <base64>")
    blob = _bytes(found[2])
    if len(blob) < 5:
        raise NoteMalformed("a signature without bytes")
    return NoteSignature(found[1], blob[:4], blob[4:])


def _is_name(name: str) -> bool:
    return bool(name) and not any(c == "+" or c.isspace() or _FORBIDDEN.match(c) for c in name)


def _bytes(text: str) -> bytes:
    try:
        return of_base64(text)
    except NotCanonical as error:
        raise NoteMalformed(str(error)) from None
