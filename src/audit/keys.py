"""Signing keys, one per duty. A signature made for one duty is worth nothing for another."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from audit import durable, secretfile
from audit.errors import BadInput
from audit.ids import Entropy


class Duty(StrEnum):
    """What a key signs. The words are in every signed message: they never change meaning."""

    LOG = "log"
    PERMIT = "permit"
    COUNTERSIGN = "countersign"
    MANIFEST = "manifest"
    EXPORT = "export"
    WEBHOOK = "webhook"
    POLICY = "policy"
    WITNESS = "witness"


class BadSignature(BadInput):
    """A signature was not made by this key, for this duty, over these bytes."""

    code = "BAD_SIGNATURE"
    zh = "签名无效。"
    hint = "The data was changed, or signed with another key or for another purpose."
    hint_zh = "数据已被更改，或由其他密钥、为其他用途签署。"


class KeyMalformed(BadInput):
    """A key is not what its place asks for: other bytes, another duty, another algorithm."""

    code = "KEY_MALFORMED"
    zh = "密钥内容无效，或用途不符。"
    hint = "Use the key file made for this duty, unchanged."
    hint_zh = "请使用为该用途生成的、未经改动的密钥文件。"


@dataclass(frozen=True)
class VerifyingKey:
    """The public half: 32 raw Ed25519 bytes and the duty they are trusted for."""

    duty: Duty
    public: bytes

    @cached_property
    def kid(self) -> str:
        """Names the key: 16 hex digits."""
        return sha256(_domain(self.duty) + self.public).hexdigest()[:16]

    @property
    def text(self) -> str:
        """One line to hand out: `consentry/<duty>/v1 <kid> <base64>`."""
        return f"consentry/{self.duty}/v1 {self.kid} {b64encode(self.public).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of such a line, which must be exactly what `text` writes. Raises `KeyMalformed`."""
        try:
            head, _kid, public = text.removesuffix("\n").split(" ")
            key = cls(Duty(head.removeprefix("consentry/").removesuffix("/v1")), b64decode(public))
        except ValueError:
            raise KeyMalformed("not a public key line: consentry/<duty>/v1 <kid> <base64>") from None
        if len(key.public) != 32 or key.text != text:
            raise KeyMalformed(
                "a public key line that is not in its only form, or whose kid is of another key"
            )
        return key

    def check(self, message: bytes, signature: bytes) -> None:
        """Raise `BadSignature` unless `signature` is this key's over `message` for this duty."""
        self.check_raw(_domain(self.duty) + message, signature)

    def check_raw(self, message: bytes, signature: bytes) -> None:
        """As `check`, without our domain prefix: for formats that are a domain of their own, as notes are."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise BadSignature(f"not a signature by {self.duty} key {self.kid}") from None


@dataclass(frozen=True)
class SigningKey:
    """The private half. Signs for its duty only."""

    duty: Duty
    private: Ed25519PrivateKey

    @classmethod
    def generate(cls, duty: Duty, entropy: Entropy) -> Self:
        """A new key from 32 random bytes."""
        return cls(duty, Ed25519PrivateKey.from_private_bytes(entropy(32)))

    @cached_property
    def verifying(self) -> VerifyingKey:
        """The public half."""
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VerifyingKey(self.duty, public)

    @property
    def kid(self) -> str:
        """Names the key: 16 hex digits."""
        return self.verifying.kid

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519 over `consentry/<duty>/v1`, a zero byte and `message`."""
        return self.private.sign(_domain(self.duty) + message)

    def sign_note(self, text: bytes) -> bytes:
        """64 bytes of Ed25519 over a C2SP note's text, which knows no prefix.

        Safe beside `sign`: a note's text has no control character but LF, and our prefix has a zero.
        """
        if self.duty not in {Duty.LOG, Duty.POLICY, Duty.WITNESS}:
            raise KeyMalformed(f"a {self.duty} key does not sign notes")
        return self.private.sign(text)

    def sign_text(self, text: bytes) -> bytes:
        """64 bytes of Ed25519 over a text that others verify as it is: a JWS's (RFC 7515), a webhook's.

        Safe beside `sign`, as a note is: our prefix has a zero, and such a text has none. Each of the two
        duties signs one form of text, so neither can be taken for the other. Raises `KeyMalformed`.
        """
        if self.duty not in {Duty.COUNTERSIGN, Duty.WEBHOOK} or b"\0" in text:
            raise KeyMalformed(f"a {self.duty} key does not sign this")
        return self.private.sign(text)

    def sign_cose(self, structure: bytes) -> bytes:
        """64 bytes of Ed25519 over a COSE Sig_structure (RFC 9052, 4.4). Raises `KeyMalformed`.

        Safe beside `sign`: such a structure begins with the head of a CBOR array, our prefix with a letter.
        """
        if self.duty is not Duty.EXPORT or structure[:1] != b"\x84":
            raise KeyMalformed(f"a {self.duty} key does not sign this")
        return self.private.sign(structure)

    def derive(self, purpose: str) -> bytes:
        """32 bytes that only the holder of this key can make, another for each purpose (HKDF-SHA256)."""
        info = _domain(self.duty) + b"derive\0" + purpose.encode()
        return HKDF(SHA256(), length=32, salt=None, info=info).derive(self.private.private_bytes_raw())


def save_private(key: SigningKey, path: Path) -> None:
    """Write the key once, for its owner alone. Raises `audit.secretfile.KeyExists`."""
    secretfile.write(path, _private(key))


def replace_private(key: SigningKey, path: Path) -> None:
    """Put the key in the place of the one at `path`, which is then gone for good. Durable on return.

    Raises `audit.secretfile.KeyMissing`, `KeyFileExposed`.
    """
    secretfile.refuse_exposed(path.parent)
    secretfile.refuse_exposed(path)
    durable.replace(path, _private(key), mode=0o600)


def load_private(path: Path, duty: Duty) -> SigningKey:
    """Read the key for `duty`. Raises `KeyMissing`, `KeyFileExposed` or `KeyMalformed`."""
    data = secretfile.read(path)
    # The duty stands in the file so that a key put in the wrong place is noticed before it signs.
    if not data.startswith(_heading(duty)):
        raise KeyMalformed(f"{path.name} is not a {duty} key")
    try:
        private = load_pem_private_key(data.removeprefix(_heading(duty)), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyMalformed(f"{path.name} holds no readable key") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyMalformed(f"{path.name} is not an Ed25519 key")
    return SigningKey(duty, private)


def _private(key: SigningKey) -> bytes:
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return _heading(key.duty) + pem


def _domain(duty: Duty) -> bytes:
    return f"consentry/{duty}/v1\0".encode()


def _heading(duty: Duty) -> bytes:
    return f"consentry/{duty}/v1 private key\n".encode()
