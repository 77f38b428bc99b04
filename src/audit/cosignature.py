"""Cosignatures (c2sp.org/tlog-cosignature v1.0.1): a witness saw this tree head, at this second.

It has checked that the tree grew out of every one it cosigned before. Who asks for so many of them that any
two quorums share an honest witness can't be shown another history than anybody else.
"""

from dataclasses import dataclass
from typing import Self

from audit import note
from audit.keys import BadSignature, Duty, KeyMalformed, SigningKey, VerifyingKey
from audit.note import Note, NoteMalformed, NoteSignature

_COSIGNATURE_V1 = b"\x04"
_LATEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness's name and key, trusted because the verifier brought it.

    One key, one name: what it signs does not say its name.
    """

    name: str
    key: VerifyingKey

    @property
    def key_id(self) -> bytes:
        """4 bytes that name it in signature lines."""
        return note.key_id(self.name, _COSIGNATURE_V1 + self.key.public)

    @property
    def text(self) -> str:
        """Its vkey."""
        return note.vkey(self.name, _COSIGNATURE_V1 + self.key.public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The witness of a vkey. Raises `NoteMalformed`."""
        name, public = note.read_vkey(text, _COSIGNATURE_V1)
        return cls(name, VerifyingKey(Duty.WITNESS, public))

    def signed(self, line: NoteSignature) -> bool:
        """Whether a line claims to be its. Nothing is verified yet."""
        return (line.name, line.key_id) == (self.name, self.key_id)

    def check(self, text: str, line: NoteSignature) -> int:
        """When it saw the note with this text: POSIX seconds by its own clock. Raises `BadSignature`."""
        if not self.signed(line):
            raise BadSignature(f"not a cosignature by {self.name}")
        at = int.from_bytes(line.blob[:8])
        if len(line.blob) != 72 or at >= _LATEST:
            raise BadSignature(f"a cosignature by {self.name} is 8 bytes of time and 64 of signature")
        self.key.check_raw(_message(text, at), line.blob[8:])
        return at

    def saw(self, parsed: Note) -> int | None:
        """When it saw a note; None if no line is its. Raises `BadSignature`: a false line spoils the note."""
        times = [self.check(parsed.text, line) for line in parsed.signatures if self.signed(line)]
        return max(times, default=None)


def cosign(text: str, name: str, key: SigningKey, at: int) -> NoteSignature:
    """The line of witness `name` over a checkpoint's text, at POSIX second `at`.

    The caller has checked that the tree is consistent with every one it cosigned before, and has written down
    that it cosigns this one. Raises `KeyMalformed` for a key of another duty.
    """
    if key.duty is not Duty.WITNESS:
        raise KeyMalformed(f"a {key.duty} key does not cosign")
    if not text.endswith("\n") or not 0 <= at < _LATEST:
        raise NoteMalformed("a note's text ends in LF, and a time is a count of seconds")
    signature = key.sign_note(_message(text, at))
    return NoteSignature(name, Witness(name, key.verifying).key_id, at.to_bytes(8) + signature)


def _message(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()
