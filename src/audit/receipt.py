"""Receipts: one entry, one opened part, the proof of its place. Checked with a public key alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from audit import note
from audit.canonical import Json, NotCanonical, canonical
from audit.checkpoint import Checkpoint
from audit.errors import BadInput
from audit.leaf import Leaf
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.quorum import Trust
from audit.sealing import Opening
from audit.spelling import is_hex, of_base64, of_json, to_base64

_LIMIT = 1024 * 1024
_FIELDS = {"v", "leaf", "open", "proof"}


class ReceiptMalformed(BadInput):
    """Bytes are not a receipt, or not in the only form one has."""

    code = "RECEIPT_MALFORMED"
    zh = "回执格式无效。"
    hint = "Use the receipt file as it was handed out, byte for byte."
    hint_zh = "请逐字节使用发放时的回执文件。"


class ReceiptWitnessed(ReceiptMalformed):
    """A receipt's checkpoint carries more lines than the log's, and the verifier knows no witness."""

    code = "RECEIPT_WITNESSED"
    zh = "回执的检查点带有见证方签名，而验证者未提供见证方名单。"
    hint = "Bring a tlog-policy that names the log and the witnesses: `consentry verify --witnesses FILE`."
    hint_zh = "请提供列明日志与见证方的 tlog-policy 文件：`consentry verify --witnesses FILE`。"


class ReceiptInvalid(BadInput):
    """A receipt's opened part is not what its entry commits to."""

    code = "RECEIPT_INVALID"
    zh = "回执所公开的内容与日志条目的承诺不符。"
    hint = "The opened part was changed, or belongs to another entry."
    hint_zh = "公开内容曾被更改，或属于其他条目。"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a receipt proves: this entry, this payload in it, under this checkpoint."""

    leaf: Leaf
    payload: Mapping[str, Json]
    checkpoint: Checkpoint
    index: int
    seen: Mapping[str, int] = field(default_factory=dict)
    """POSIX seconds by the name of each witness that the verifier knows and that cosigned."""
    unknown: int = 0
    """Signature lines by nobody whom the verifier knows: worth nothing, and not looked at."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parsed receipt. Nothing is verified before `check`."""

    leaf: bytes
    part: int
    """Position of the opened part in the leaf."""

    opening: Opening
    proof: str

    @property
    def data(self) -> bytes:
        """The receipt as it is handed out: canonical JSON."""
        return canonical(
            {
                "v": 1,
                "leaf": to_base64(self.leaf),
                "open": {
                    "part": self.part,
                    "salt": self.opening.salt.hex(),
                    "payload": self.opening.payload,
                },
                "proof": self.proof,
            }
        )

    @property
    def witnessed(self) -> bool:
        """Whether its checkpoint claims more signatures than the log's. Nothing is verified."""
        return self.proof.rpartition("\n\n")[2].count("\n") > 1

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take a receipt apart. Raises `ReceiptMalformed` unless it is byte for byte what `data` writes."""
        if len(data) > _LIMIT:
            raise ReceiptMalformed("a receipt of more than 1 MiB")
        try:
            value = of_json(data)
            if not isinstance(value, Mapping) or set(value) != _FIELDS:
                raise ReceiptMalformed("a receipt has the fields v, leaf, open and proof")
            leaf, opened, proof = value["leaf"], value["open"], value["proof"]
            if not isinstance(leaf, str) or not isinstance(proof, str) or not isinstance(opened, Mapping):
                raise ReceiptMalformed("a field of a receipt is of another type")
            receipt = cls(of_base64(leaf), *_opened(opened), proof)
            same = receipt.data == data
        except NotCanonical as error:
            raise ReceiptMalformed(str(error)) from None
        if not same:
            raise ReceiptMalformed(
                "a receipt of another version, or with fields that version 1 does not have"
            )
        return receipt

    def check(self, verifier: NoteVerifier, trust: Trust | None = None) -> Checked:
        """What this proves to somebody who trusts the log's key. Needs no database and no network.

        Who brings a `trust` asks for a quorum of its witnesses besides, and its log must be this one.
        Raises `ReceiptWitnessed`, `audit.quorum.QuorumMissing`, `ReceiptInvalid`,
        `audit.leaf.LeafMalformed`, `audit.tree.ProofInvalid`, `audit.keys.BadSignature`, or that a part is
        malformed: `ProofMalformed`, `NoteMalformed`, `CheckpointMalformed`.
        """
        leaf = Leaf.parse(self.leaf)
        if self.part >= len(leaf.parts) or not self.opening.holds(leaf.parts[self.part]):
            raise ReceiptInvalid("the opened part is not what the entry commits to")
        proof = Proof.parse(self.proof)
        checkpoint = proof.check(self.leaf, verifier)
        lines = len(note.parse(proof.checkpoint).signatures)
        if trust is None:
            if lines != 1:
                # Lines we can't verify would be room for changes that nobody notices.
                raise ReceiptWitnessed(f"a receipt's checkpoint has one signature, the log's; here {lines}")
            return Checked(leaf, self.opening.payload, checkpoint, proof.index)
        seen = trust.check(proof.checkpoint, verifier.name).at
        return Checked(
            leaf, self.opening.payload, checkpoint, proof.index, seen, max(0, lines - 1 - len(seen))
        )


def _opened(value: Mapping[str, Json]) -> tuple[int, Opening]:
    part, salt, payload = value.get("part"), value.get("salt"), value.get("payload")
    if not isinstance(part, int) or isinstance(part, bool) or part < 0:
        raise ReceiptMalformed("the opened part is named by its position")
    if not isinstance(salt, str) or not is_hex(salt, 32) or not isinstance(payload, Mapping):
        raise ReceiptMalformed("a part is opened by a salt of 32 bytes in hex and a payload")
    return part, Opening(bytes.fromhex(salt), payload)
