"""COSE receipts (RFC 9942) over our proofs: for whoever keeps SCITT statements (RFC 9943) and no C2SP tools.

The same tree and path; what is signed is the root alone, by the key for exports. A receipt says that an entry
is under it. That the root is the log's, and of how many entries, the log's own checkpoint says: nothing here
binds a size that leads through the same turns.
"""

from dataclasses import dataclass
from typing import Self

from audit import cbor, tree
from audit.canonical import NotCanonical
from audit.errors import BadInput
from audit.keys import SigningKey, VerifyingKey

ALG, KID, VDS, VDP, INCLUSION = 1, 4, 395, 396, -1
"""Header labels: RFC 9052 3.1 and RFC 9942 2."""
EDDSA, RFC9162_SHA256 = -8, 1
_SIGN1 = 18
TAGGED = bytes([0xC0 | _SIGN1])
"""How a receipt begins. Tag 18 in one byte: major type 6 (RFC 8949 3.4)."""
_LARGEST = 16 * 1024


class CoseReceiptMalformed(BadInput):
    """Bytes are no COSE receipt of an RFC 9162 tree, or not in their only form."""

    code = "COSE_RECEIPT_MALFORMED"
    zh = "COSE 回执格式无效。"
    hint = "Use the receipt as it was handed out, byte for byte."
    hint_zh = "请逐字节使用发放时的回执。"


@dataclass(frozen=True, slots=True)
class CoseReceipt:
    """A parsed receipt: one inclusion proof, its payload detached. Nothing is verified before `check`."""

    kid: bytes
    size: int
    index: int
    path: tuple[bytes, ...]
    signature: bytes

    @property
    def data(self) -> bytes:
        """The receipt as it is handed out: a tagged COSE_Sign1."""
        proof = cbor.encode([self.size, self.index, list(self.path)])
        body = [_protected(self.kid), {VDP: {INCLUSION: [proof]}}, None, self.signature]
        return TAGGED + cbor.encode(body)

    @classmethod
    def sign(cls, key: SigningKey, size: int, index: int, path: tuple[bytes, ...], root: bytes) -> Self:
        """The receipt of entry `index` under `root`. Raises `audit.keys.KeyMalformed` for another duty."""
        kid = key.kid.encode()
        return cls(kid, size, index, path, key.sign_cose(_structure(kid, root)))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Take a receipt apart. Raises `CoseReceiptMalformed` unless it is just what `data` writes."""
        if len(data) > _LARGEST or data[:1] != TAGGED:
            raise CoseReceiptMalformed("no tagged COSE_Sign1")
        try:
            receipt = cls._read(cbor.decode(data[1:]))
        except NotCanonical as error:
            raise CoseReceiptMalformed(str(error)) from None
        if receipt.data != data:
            raise CoseReceiptMalformed("a receipt with members that it has no place for")
        return receipt

    @classmethod
    def _read(cls, value: object) -> Self:
        match value:
            case [bytes(protected), {396: {-1: [bytes(proof)]}}, None, bytes(signature)]:
                headers, inside = cbor.decode(protected), cbor.decode(proof)
            case _:
                raise NotCanonical("expected protected and unprotected headers, no payload, a signature")
        match headers, inside:
            case {1: -8, 4: bytes(kid), 395: 1}, [int(size), int(index), list(path)] if all(
                isinstance(each, bytes) and len(each) == tree.HASH_SIZE for each in path
            ):
                return cls(kid, size, index, tuple(path), signature)
            case _:
                raise NotCanonical("expected EdDSA, a kid, RFC9162_SHA256 and one inclusion proof")

    def check(self, leaf_hash: bytes, key: VerifyingKey) -> bytes:
        """The root that `key` signed and the entry of this hash is under.

        Raises `audit.tree.ProofInvalid` or `audit.keys.BadSignature`.
        """
        root = tree.inclusion_root(leaf_hash, self.index, self.size, self.path)
        key.check_raw(_structure(self.kid, root), self.signature)
        return root


def _protected(kid: bytes) -> bytes:
    return cbor.encode({ALG: EDDSA, KID: kid, VDS: RFC9162_SHA256})


def _structure(kid: bytes, root: bytes) -> bytes:
    return cbor.encode(["Signature1", _protected(kid), b"", root])
