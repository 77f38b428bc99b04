r"""How a person's signature is made and checked. The service holds public keys only.

    message = b"consentry/authorization/v1\0" + SHA-256(document bytes)
    message = b"consentry/reconfirmation/v1\0" + the suspension's leaf hash + SHA-256(document bytes)

Evidence is `{method, key, signature}` in RFC 8785 form, stored as it came; a passkey's has the bytes its
browser and authenticator gave beside it, `{client_data, authenticator_data}`. All of them are in hex.
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
from audit.canonical import Json, canonical
from audit.errors import ConsentryError
from audit.ids import Entropy
from consent.cose import CoseKey
from consent.errors import DocumentMalformed, SignatureWrong
from consent.passkey import Assertion, PasskeysUnready, RelyingParty, check_assertion, device_bound
from consent.strict import Fields, load

AUTHORIZATION = b"consentry/authorization/v1\0"
RECONFIRMATION = b"consentry/reconfirmation/v1\0"
ED25519 = "ed25519"
PASSKEY = "passkey"
LARGEST_EVIDENCE = 16_384


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that a person signed."""

    method: str
    key: str
    """The public key: 32 bytes of ed25519, a passkey's COSE_Key. Whose it is stands in the enrolment."""
    signature: str
    client_data: str | None = None
    authenticator_data: str | None = None
    """Of a passkey alone."""

    @classmethod
    def parse(cls, data: bytes) -> "Evidence":
        """Read stored evidence. Raises `SignatureWrong`."""
        try:
            f = Fields(load(data[: LARGEST_EVIDENCE + 1]), "evidence")
            method = f.text("method")
            names = ("key", "signature", *(_PASSKEYS_OWN if method == PASSKEY else ()))
            evidence = cls(method, *(f.text(name, at_most=8192) for name in names))
            f.end()
        except ConsentryError as error:
            raise SignatureWrong(f"evidence can't be read: {error}") from None
        return evidence

    @property
    def encoded(self) -> bytes:
        """As it is stored."""
        value: dict[str, Json] = {"method": self.method, "key": self.key, "signature": self.signature}
        if self.client_data is not None:
            value["client_data"] = self.client_data
        if self.authenticator_data is not None:
            value["authenticator_data"] = self.authenticator_data
        return canonical(value)

    @property
    def assertion(self) -> Assertion:
        """A passkey's own bytes. Raises `SignatureWrong`."""
        texts = (self.client_data, self.authenticator_data, self.signature, self.key)
        return Assertion(*(_bytes(text or "") for text in texts))

    @property
    def device_bound(self) -> bool:
        """Whether a passkey signed that can't leave its authenticator."""
        return self.method == PASSKEY and device_bound(self.assertion.authenticator_data)


def check_evidence(evidence: Evidence, message: bytes, party: RelyingParty | None = None) -> None:
    """Raise `SignatureWrong` unless `evidence` signs `message`. Whose key it is, is another question.

    `party` is the verifier's own: for whom a passkey must have signed. Raises `PasskeysUnready` without.
    """
    check = METHODS.get(evidence.method)
    if check is None:
        raise SignatureWrong(f"evidence.method: expected one of {', '.join(METHODS)}")
    check(evidence, message, party)


def check_key(method: str, key: str) -> None:
    """Raise `DocumentMalformed` unless `key` is a public key for `method`, in its one spelling."""
    try:
        match method:
            case "ed25519":
                fits = len(_bytes(key)) == 32
            case "passkey":
                fits = bool(CoseKey.parse(_bytes(key)))
            case _:
                fits = False
    except SignatureWrong:
        fits = False
    if not fits:
        raise DocumentMalformed(
            "key: expected an ed25519 public key as 64 lower-case hex digits, or a passkey's COSE key in hex"
        )


def to_sign(document: bytes) -> bytes:
    """What she signs to grant `document`."""
    return AUTHORIZATION + sha256(document).digest()


def to_reconfirm(head: str, document: str) -> bytes:
    """What she signs to re-confirm a suspended authorization: its `head`, and its document's digest, in hex.

    The suspension's own entry, so that it can't be replayed after the next one; and the document, so that
    what she was shown is what comes back: of a head alone nobody can tell whose it is.
    """
    return RECONFIRMATION + bytes.fromhex(head) + bytes.fromhex(document)


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


def _bytes(text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    # Upper case or blanks would be a second spelling of the same key, and pass `person_key` by.
    if not data or data.hex() != text:
        raise SignatureWrong("evidence: expected lower-case hex")
    return data


def _check_ed25519(evidence: Evidence, message: bytes, _: RelyingParty | None) -> None:
    public, signature = _bytes(evidence.key), _bytes(evidence.signature)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (ValueError, InvalidSignature):
        raise SignatureWrong("the signature does not verify over these bytes with this key") from None


def _check_passkey(evidence: Evidence, message: bytes, party: RelyingParty | None) -> None:
    if party is None:
        raise PasskeysUnready("no rp_id and origin to hold a passkey's signature against")
    check_assertion(evidence.assertion, message, party)


_PASSKEYS_OWN = ("client_data", "authenticator_data")

METHODS: Mapping[str, Callable[[Evidence, bytes, RelyingParty | None], None]] = {
    ED25519: _check_ed25519,
    PASSKEY: _check_passkey,
}
"""Method of evidence to its check, which raises `SignatureWrong`."""
