r"""How a person's signature is made and checked. The service holds public keys only.

    message = b"consentry/authorization/v1\0" + SHA-256(document bytes)

Evidence is `{method, key, signature}` in RFC 8785 form, stored as it came. `METHODS` dispatches on
the method; a passkey is one more line in it, with its own evidence fields behind the same key name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from audit import instant
from audit.canonical import canonical
from audit.errors import ConsentryError
from audit.ids import Entropy
from consent.errors import SignatureWrong
from consent.strict import Fields, load

AUTHORIZATION = b"consentry/authorization/v1\0"
RECONFIRMATION = b"consentry/reconfirmation/v1\0"
ED25519 = "ed25519"
LARGEST_EVIDENCE = 16_384


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that a person signed."""

    method: str
    key: str
    """The public key: for ed25519 its 32 bytes in hex. Whose it is stands in the enrolment, not here."""
    signature: str

    @classmethod
    def parse(cls, data: bytes) -> "Evidence":
        """Read stored evidence. Raises `SignatureWrong`."""
        try:
            f = Fields(load(data[: LARGEST_EVIDENCE + 1]), "evidence")
            evidence = cls(*(f.text(name, at_most=8192) for name in ("method", "key", "signature")))
            f.end()
        except ConsentryError as error:
            raise SignatureWrong(f"evidence can't be read: {error}") from None
        return evidence

    @property
    def encoded(self) -> bytes:
        """As it is stored."""
        return canonical({"method": self.method, "key": self.key, "signature": self.signature})


def check_evidence(evidence: Evidence, message: bytes) -> None:
    """Raise `SignatureWrong` unless `evidence` signs `message`. Whose key it is, is another question."""
    check = METHODS.get(evidence.method)
    if check is None:
        raise SignatureWrong(f"evidence.method: expected one of {', '.join(METHODS)}")
    check(evidence, message)


def to_sign(document: bytes) -> bytes:
    """What she signs to grant `document`."""
    return AUTHORIZATION + sha256(document).digest()


def to_reconfirm(head: str) -> bytes:
    """What she signs to re-confirm a suspended authorization.

    It names the suspension's own entry, so a re-confirmation can't be replayed after the next one.
    """
    return RECONFIRMATION + bytes.fromhex(head)


def to_countersign(document: str, evidence: bytes, received_at: datetime) -> bytes:
    """What the service signs: this document, this evidence, arrived then."""
    return canonical(
        {
            "document": document,
            "evidence": sha256(evidence).hexdigest(),
            "received_at": instant.exact(received_at),
        }
    )


def keygen(entropy: Entropy) -> tuple[bytes, str]:
    """A key pair for a person, made on her side: private PEM (PKCS 8, unencrypted) and public hex."""
    private = Ed25519PrivateKey.from_private_bytes(entropy(32))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, _public(private)


def sign(private_pem: bytes, message: bytes) -> Evidence:
    """Sign on the person's side. Raises `SignatureWrong` when the PEM holds no Ed25519 key."""
    try:
        private = load_pem_private_key(private_pem, password=None)
    except (ValueError, TypeError):
        raise SignatureWrong("not a private key in PEM") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise SignatureWrong("expected an Ed25519 key")
    return Evidence(ED25519, _public(private), private.sign(message).hex())


def _public(private: Ed25519PrivateKey) -> str:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def _check_ed25519(evidence: Evidence, message: bytes) -> None:
    try:
        public, signature = bytes.fromhex(evidence.key), bytes.fromhex(evidence.signature)
        # Upper case or blanks would be a second spelling of the same key, and pass `person_key` by.
        if (public.hex(), signature.hex()) != (evidence.key, evidence.signature):
            raise SignatureWrong("evidence: expected lower-case hex")
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (ValueError, InvalidSignature):
        raise SignatureWrong("the signature does not verify over these bytes with this key") from None


METHODS: Mapping[str, Callable[[Evidence, bytes], None]] = {ED25519: _check_ed25519}
"""Method of evidence to its check, which raises `SignatureWrong`."""
