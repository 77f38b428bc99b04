"""A passkey's public key as its authenticator wrote it: COSE_Key (RFC 9052 7, RFC 9053 2 and 7, RFC 8230 4).

One key has one written form here: CTAP2's canonical CBOR (CTAP 2.1, 8) with just the members its type
needs. A second spelling of the same point would be a second enrolment of one key, for another person.
"""

from dataclasses import dataclass
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as EcKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as EdKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey as RsaKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from audit import cbor
from audit.canonical import NotCanonical
from consent.errors import SignatureWrong

ES256, EDDSA, RS256 = -7, -8, -257
LARGEST = 1200
"""Bytes: RSA with 8192 bits and room for its CBOR."""
SMALLEST_RSA = 2048
LARGEST_RSA = 8192

_Key: TypeAlias = EcKey | EdKey | RsaKey


@dataclass(frozen=True, slots=True)
class CoseKey:
    """A public key and the one algorithm it signs with."""

    algorithm: int
    _public: _Key

    @classmethod
    def parse(cls, data: bytes) -> "CoseKey":
        """Read a key. Raises `SignatureWrong` for an unknown algorithm, or a key badly written."""
        try:
            found = _read(cbor.decode(data)) if len(data) <= LARGEST else None
        except (NotCanonical, ValueError):
            found = None
        # Written again from what was understood: `true` for 1 or -7.0 for -7 would be the same key.
        if found is None or cbor.encode(found[0]) != data:
            raise SignatureWrong("the key is no COSE key of ES256, EdDSA or RS256 in canonical CBOR")
        members, public = found
        return cls(int(members[3]), public)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's over `message`."""
        try:
            match self._public:
                case EcKey():
                    self._public.verify(signature, message, ECDSA(SHA256()))
                case EdKey():
                    self._public.verify(signature, message)
                case RsaKey():
                    self._public.verify(signature, message, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


def _read(value: object) -> tuple[dict[int, int | bytes], _Key] | None:
    """Dispatches on type, algorithm and curve together: the key says how it signs."""
    match value:
        case {1: 2, 3: -7, -1: 1, -2: bytes(x), -3: bytes(y)} if len(x) == len(y) == 32:
            numbers = EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1())
            return {1: 2, 3: ES256, -1: 1, -2: x, -3: y}, numbers.public_key()  # ValueError off the curve
        case {1: 1, 3: -8, -1: 6, -2: bytes(x)} if len(x) == 32:
            return {1: 1, 3: EDDSA, -1: 6, -2: x}, EdKey.from_public_bytes(x)
        case {1: 3, 3: -257, -1: bytes(n), -2: bytes(e)} if n[:1] > b"\0" < e[:1]:
            public = RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()
            fits = SMALLEST_RSA <= public.key_size <= LARGEST_RSA
            return ({1: 3, 3: RS256, -1: n, -2: e}, public) if fits else None
        case _:
            return None
