"""Seal and open one part of an entry (`leaf`): commitment in public, payload for the key's holder.

Erasing a key erases the payload for good, and every proof over the leaf still holds. AES-GCM does
not commit to its key; the commitment in the leaf closes that: a ciphertext opens to one payload only.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.canonical import Json, NotCanonical, canonical
from audit.errors import Diverged
from audit.ids import Entropy
from audit.leaf import LeafPart
from audit.spelling import of_json

SALT_SIZE = 32
NONCE_SIZE = 12
_BUCKET = 256


class SealBroken(Diverged):
    """A ciphertext is not the one its leaf names, or the key is not the one that sealed it."""

    code = "SEAL_BROKEN"
    zh = "密文与日志条目不符，或密钥不匹配。"
    hint = (
        "The stored ciphertext or the key store was changed. Restore it; the leaf still proves the payload."
    )
    hint_zh = "已存密文或密钥库曾被更改，请恢复；日志条目仍可证明原始内容。"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is public of a part, and its ciphertext: nonce, then AES-256-GCM."""

    part: LeafPart
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """What convinces a stranger that a leaf's commitment is to this payload."""

    salt: bytes
    payload: Mapping[str, Json]

    def holds(self, part: LeafPart) -> bool:
        """Whether `part` commits to exactly this payload."""
        return len(self.salt) == SALT_SIZE and hmac.compare_digest(
            part.com, _commitment(self.salt, canonical(self.payload))
        )

    @classmethod
    def parse(cls, plaintext: bytes) -> Self:
        """Undo the padding. Raises `audit.canonical.NotCanonical`."""
        salt, padded = plaintext[:SALT_SIZE], plaintext[SALT_SIZE:]
        payload = of_json(unpad(padded))
        if not isinstance(payload, Mapping):
            raise NotCanonical("a payload is an object")
        return cls(salt, payload)


def handle(link: bytes, eid: str) -> str:
    """How the subject with this link key is known in the entry `eid`, and in no other: 32 hex digits."""
    return hmac.digest(link, eid.encode(), "sha256")[:16].hex()


def seal(
    payload: Mapping[str, Json], *, link: bytes, key: bytes, eid: str, t: str, entropy: Entropy
) -> Sealed:
    """Commit to `payload` and encrypt it with a key of this entry's own, derived from `key` (32 bytes).

    Raises `audit.canonical.NotCanonical` for a payload without canonical form.
    """
    data = canonical(payload)
    salt, nonce = entropy(SALT_SIZE), entropy(NONCE_SIZE)
    h = handle(link, eid)
    box = AESGCM(derive(key, eid.encode()))
    ciphertext = nonce + box.encrypt(nonce, salt + pad(data), _bound_to(eid, t, h))
    return Sealed(LeafPart(h, _commitment(salt, data), sha256(ciphertext).hexdigest()), ciphertext)


def unseal(ciphertext: bytes, part: LeafPart, *, key: bytes, eid: str, t: str) -> Opening:
    """Open what `seal` made. Raises `SealBroken` if anything disagrees with the leaf."""
    if sha256(ciphertext).hexdigest() != part.ct:
        raise SealBroken(f"the ciphertext of entry {eid} is not the one its leaf names")
    nonce, rest = ciphertext[:NONCE_SIZE], ciphertext[NONCE_SIZE:]
    try:
        opening = Opening.parse(
            AESGCM(derive(key, eid.encode())).decrypt(nonce, rest, _bound_to(eid, t, part.h))
        )
    except (InvalidTag, NotCanonical, ValueError):
        raise SealBroken(f"entry {eid} was sealed with another key") from None
    if not opening.holds(part):
        raise SealBroken(f"entry {eid} commits to another payload")
    return opening


def derive(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) without salt: its first block, 32 bytes."""
    extracted = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def _commitment(salt: bytes, data: bytes) -> str:
    # Salted: a payload has few likely values, and a bare hash of it could be guessed.
    return hmac.digest(salt, data, "sha256").hex()


def _bound_to(eid: str, t: str, h: str) -> bytes:
    return f"{eid}|{t}|{h}".encode()


def pad(data: bytes) -> bytes:
    """ISO/IEC 7816-4 to buckets of 256 bytes: the length of a ciphertext tells little of a payload's."""
    return data + b"\x80" + bytes(-(len(data) + 1) % _BUCKET)


def unpad(padded: bytes) -> bytes:
    """What was padded. Raises `audit.canonical.NotCanonical`."""
    data = padded.rstrip(b"\x00")[:-1]
    if pad(data) != padded:
        raise NotCanonical("padding that is not in its only form")
    return data
