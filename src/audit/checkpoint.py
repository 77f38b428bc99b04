"""Checkpoints (c2sp.org/tlog-checkpoint v1.0.0): "this log had this root at this size", signed."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Self

from audit import note, tree
from audit.canonical import NotCanonical
from audit.errors import BadInput
from audit.keys import BadSignature, SigningKey
from audit.note import NoteVerifier
from audit.spelling import of_base64, of_decimal, to_base64


class CheckpointMalformed(BadInput):
    """A signed note whose text is not a checkpoint, or is one of another log."""

    code = "CHECKPOINT_MALFORMED"
    zh = "检查点格式无效，或属于其他日志。"
    hint = "Pass the checkpoint on unchanged, and check it with the key of the log it comes from."
    hint_zh = "请原样传递检查点，并使用其所属日志的公钥进行核验。"


class RootImpossible(CheckpointMalformed):
    """A checkpoint of no entries has the one root that no entries have."""

    code = "ROOT_IMPOSSIBLE"
    zh = "检查点的根哈希不可能成立。"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head that its log signed. Made by `sign` or by `parse`, so its signature held."""

    origin: str
    size: int
    root: str
    """64 lower-case hex digits."""

    text: str
    """The whole note, signatures included."""

    @property
    def plain(self) -> str:
        """The note with its log's own line and without witnesses', which may come later."""
        text, _, lines = self.text.rpartition("\n\n")
        own = [line for line in lines.splitlines(keepends=True) if line.startswith(f"— {self.origin} ")]
        return f"{text}\n\n{''.join(own)}"

    @property
    def digest(self) -> str:
        """SHA-256 of the note as its log signed it: what a later entry embeds to prove it came later."""
        return sha256(self.plain.encode()).hexdigest()

    @classmethod
    def sign(cls, origin: str, size: int, root: bytes, key: SigningKey) -> Self:
        """Sign a tree head. The key's name is the origin, as the specification advises.

        Raises `NoteMalformed` for an origin that is no key's name, `RootImpossible`.
        """
        if len(root) != tree.HASH_SIZE or (size == 0 and root != tree.EMPTY_ROOT):
            raise RootImpossible("a root that no tree of this size has")
        body = f"{origin}\n{size}\n{to_base64(root)}\n"
        return cls(origin, size, root.hex(), note.sign(body, origin, key))

    @classmethod
    def parse(cls, text: str, verifier: NoteVerifier) -> Self:
        """The checkpoint of a note, signed by `verifier`, which is also its origin.

        Raises `NoteMalformed`, `audit.keys.BadSignature` or `CheckpointMalformed`. Extension lines
        are refused: no monitor could audit what they say.
        """
        origin, size, root = _parse(text, verifier)
        return cls(origin, size, root.hex(), text)


@lru_cache(maxsize=1024)
def _parse(text: str, verifier: NoteVerifier) -> tuple[str, int, bytes]:
    # Remembered: a pure function of its arguments. A publisher asks the same thing five times, and each
    # proof of an entry needs the same one.
    lines = note.verify(note.parse(text), verifier).split("\n")
    try:
        origin, size_text, root_text, end = lines
        size, root = of_decimal(size_text), of_base64(root_text)
    except (ValueError, NotCanonical):
        raise CheckpointMalformed("a checkpoint is three lines: origin, size, root") from None
    if end or origin != verifier.name:
        raise CheckpointMalformed(f"a checkpoint of another log than {verifier.name}")
    if len(root) != tree.HASH_SIZE:
        raise CheckpointMalformed("a root is 32 bytes")
    if verifier.until is not None and size > verifier.until:
        raise BadSignature(f"the key of {verifier.name} had ended before there were {size} entries")
    if size == 0 and root != tree.EMPTY_ROOT:
        raise RootImpossible("a root that no empty tree has")
    return origin, size, root
