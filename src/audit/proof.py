"""tlog-proof (c2sp.org/tlog-proof, commit 5ba5ee8): where an entry stands, the way up, the signed root."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from audit import tree
from audit.canonical import NotCanonical
from audit.checkpoint import Checkpoint
from audit.errors import BadInput
from audit.note import NoteVerifier
from audit.spelling import of_base64, of_decimal, to_base64

_HEADING = "c2sp.org/tlog-proof@v1"
_LONGEST_PATH = 63


class ProofMalformed(BadInput):
    """Text is not a tlog-proof, or not in the only form one has."""

    code = "PROOF_MALFORMED"
    zh = "日志证明（tlog-proof）格式无效。"
    hint = "Pass the proof on byte for byte."
    hint_zh = "请逐字节原样传递该证明。"


@dataclass(frozen=True, slots=True)
class Proof:
    """A parsed proof. Nothing is verified before `check`."""

    index: int
    path: tuple[bytes, ...]
    """Hashes from the leaf to the root."""

    checkpoint: str
    """The signed note, verbatim."""

    @property
    def text(self) -> str:
        """The proof as it is handed out."""
        path = "".join(f"{to_base64(each)}\n" for each in self.path)
        return f"{_HEADING}\nindex {self.index}\n{path}\n{self.checkpoint}"

    @classmethod
    def make(cls, index: int, path: Sequence[bytes], checkpoint: Checkpoint) -> Self:
        """The proof that the entry at `index` is under `checkpoint`."""
        return cls(index, tuple(path), checkpoint.text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take a proof apart. Raises `ProofMalformed`.

        The optional `extra` line is refused: nothing vouches for it, and we never write one.
        """
        head, empty, checkpoint = text.partition("\n\n")
        try:
            heading, index, *path = head.split("\n")
            proof = cls(of_decimal(index.removeprefix("index ")), tuple(map(of_base64, path)), checkpoint)
        except (ValueError, NotCanonical):
            raise ProofMalformed("a proof is a heading, an index and hashes in base64") from None
        if heading != _HEADING or not empty or proof.text != text:
            raise ProofMalformed(f"not a {_HEADING} in its only form")
        if len(path) > _LONGEST_PATH or any(len(each) != tree.HASH_SIZE for each in proof.path):
            raise ProofMalformed("a proof has at most 63 hashes of 32 bytes")
        return proof

    def check(self, leaf: bytes, verifier: NoteVerifier) -> Checkpoint:
        """The checkpoint that the entry with bytes `leaf` is provably under.

        Raises `audit.tree.ProofInvalid`, `audit.keys.BadSignature`, `audit.note.NoteMalformed`
        or `audit.checkpoint.CheckpointMalformed`.
        """
        checkpoint = Checkpoint.parse(self.checkpoint, verifier)
        root = bytes.fromhex(checkpoint.root)
        tree.check_inclusion(tree.leaf_hash(leaf), self.index, checkpoint.size, self.path, root)
        return checkpoint
