"""Leaf format v1: the bytes the tree is made of. Final: an entry once written is never written again.

A leaf says what kind of thing happened, in which minute, and about how many; nothing in it names
or links anybody. Payloads lie sealed elsewhere; the leaf holds a commitment to each, the digest of
its ciphertext, and a handle that only the subject's own key can recognise.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from audit.canonical import NotCanonical
from audit.errors import BadInput
from audit.spelling import is_hex, of_json
from audit.tile import LONGEST_ENTRY

_KIND = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,63}")
_MINUTE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\dZ", re.ASCII)


class LeafMalformed(BadInput):
    """Bytes are not leaf format v1, or a fact can't be written in it."""

    code = "LEAF_MALFORMED"
    zh = "日志条目格式无效。"
    hint = "Entries are canonical JSON of leaf format v1, at most 65535 bytes; pass them on unchanged."
    hint_zh = "条目须为 leaf v1 规范 JSON，且不超过 65535 字节；请原样传递。"


@dataclass(frozen=True, slots=True, order=True)
class LeafPart:
    """What is public of one sealed part: three hex strings."""

    h: str
    """Handle, 16 bytes: `HMAC(link key of the subject, eid)`, cut. Another one in every entry."""

    com: str
    """Commitment, 32 bytes: `HMAC-SHA256(salt, canonical payload)`."""

    ct: str
    """SHA-256 of the ciphertext."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of the log, as its public part. A value that exists can be written: its maker checked it."""

    t: str
    """Kind of fact."""

    ts: str
    """Minute, UTC: `2026-11-22T12:00Z`."""

    eid: str
    """128 random bits in hex."""

    parts: tuple[LeafPart, ...]
    """Ascending by handle, then commitment. One subject may have two: one for each of its seals."""

    ref: tuple[str, ...] = ()
    """Leaf hashes of earlier entries."""

    cp: str | None = None
    """Digest of a checkpoint that existed before this entry."""

    def __post_init__(self) -> None:
        if not (_KIND.fullmatch(self.t) and _MINUTE.fullmatch(self.ts) and is_hex(self.eid, 16)):
            raise LeafMalformed("a leaf has a kind, a minute in UTC and an id of 32 hex digits")
        if not self.parts or any(
            not (is_hex(part.h, 16) and is_hex(part.com, 32) and is_hex(part.ct, 32)) for part in self.parts
        ):
            raise LeafMalformed("a leaf has parts, each with handle, commitment and ciphertext digest")
        if any(one >= other for one, other in zip(self.parts, self.parts[1:], strict=False)):
            raise LeafMalformed("the parts of a leaf ascend by handle, and none is there twice")
        if not all(is_hex(each, 32) for each in self.ref) or len(set(self.ref)) != len(self.ref):
            raise LeafMalformed("references are leaf hashes, each named once")
        if self.cp is not None and not is_hex(self.cp, 32):
            raise LeafMalformed("a checkpoint is named by its digest")

    @property
    def data(self) -> bytes:
        """The bytes that are hashed. Raises `LeafMalformed` beyond 65535 of them.

        Canonical JSON written by hand: every value above is ASCII without anything to escape, and
        this is where each transaction that logs spends its time. A property test holds it equal
        to `audit.canonical`.
        """
        parts = ",".join(f'{{"com":"{p.com}","ct":"{p.ct}","h":"{p.h}"}}' for p in self.parts)
        ref = '"ref":[' + ",".join(f'"{each}"' for each in self.ref) + "]," if self.ref else ""
        cp = f'"cp":"{self.cp}",' if self.cp else ""
        text = f'{{{cp}"eid":"{self.eid}","parts":[{parts}],{ref}"t":"{self.t}","ts":"{self.ts}","v":1}}'
        if len(text) > LONGEST_ENTRY:
            raise LeafMalformed(f"a leaf of {len(text)} bytes; {LONGEST_ENTRY} fit")
        return text.encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The leaf of exactly these bytes. Raises `LeafMalformed`."""
        if len(data) > LONGEST_ENTRY:
            raise LeafMalformed(f"a leaf of {len(data)} bytes; {LONGEST_ENTRY} fit")
        try:
            value = of_json(data)
        except NotCanonical as error:
            raise LeafMalformed(str(error)) from None
        if not isinstance(value, Mapping) or value.get("v") != 1 or isinstance(value.get("v"), bool):
            raise LeafMalformed("not a leaf of format v1")
        leaf = cls(
            t=_text(value.get("t")),
            ts=_text(value.get("ts")),
            eid=_text(value.get("eid")),
            parts=tuple(_part(each) for each in _list(value.get("parts"))),
            ref=tuple(_text(each) for each in _list(value.get("ref", []))),
            cp=None if "cp" not in value else _text(value["cp"]),
        )
        # Whatever else the bytes say, a second spelling or one field too many, they are not this leaf's.
        if leaf.data != data:
            raise LeafMalformed("a leaf with fields that format v1 does not have")
        return leaf


def _part(value: object) -> LeafPart:
    if not isinstance(value, Mapping):
        raise LeafMalformed("a part is an object")
    return LeafPart(_text(value.get("h")), _text(value.get("com")), _text(value.get("ct")))


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise LeafMalformed("a field that should be a list is none")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise LeafMalformed("a field that should be text is none")
    return value
