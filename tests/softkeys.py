"""An authenticator in software and the browser before it: passkeys as bytes, each part open to be wrong."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from consent.ceremony import Registration
from consent.passkey import RelyingParty
from consent.signature import PASSKEY, Evidence

RP_ID, ORIGIN = "sign.example", "https://sign.example"
PARTY = RelyingParty(RP_ID, frozenset({ORIGIN}))
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def es256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def eddsa() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def rs256(size: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, size)


Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def members(private: Private) -> dict[int, Any]:
    """The public half as COSE writes it, not yet bytes."""
    public = private.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
    numbers = public.public_numbers()
    return {1: 3, 3: -257, -1: numbers.n.to_bytes(public.key_size // 8), -2: numbers.e.to_bytes(3)}


@dataclass
class Softkey:
    """One passkey. `counts`: its authenticator counts signatures; a synced one does not."""

    private: Private = field(default_factory=es256)
    credential: bytes = b""
    count: int = 0
    counts: bool = False
    flags: int = UP | UV
    rp_id: str = RP_ID
    origin: str = ORIGIN

    def __post_init__(self) -> None:
        self.credential = self.credential or sha256(self.key).digest()[:20]

    @property
    def key(self) -> bytes:
        return cbor2.dumps(members(self.private), canonical=True)

    def registers(self, asked: bytes, /, **said: Any) -> Registration:
        """What `create()` answers."""
        data = self._head(self.flags | AT)
        data += bytes(16) + len(self.credential).to_bytes(2) + self.credential + self.key
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        client = self._client("webauthn.create", asked, said)
        return Registration(client, cbor2.dumps(attestation))

    def signs(self, message: bytes, /, **said: Any) -> Evidence:
        """What `get()` answers over `message`, as evidence. `said`: other words in the client data."""
        if self.counts:
            self.count += 1
        data = self._head(self.flags)
        client = self._client("webauthn.get", sha256(message).digest(), said)
        signature = self._sign(data + sha256(client).digest())
        return Evidence(PASSKEY, self.key.hex(), signature.hex(), client.hex(), data.hex())

    def but(self, **changes: Any) -> "Softkey":
        return replace(self, **changes)

    def _client(self, kind: str, challenge: bytes, said: dict[str, Any]) -> bytes:
        value = {
            "type": kind,
            "challenge": base64url(challenge),
            "origin": self.origin,
            "crossOrigin": False,
            **said,
        }
        return json.dumps({name: one for name, one in value.items() if one is not ...}).encode()

    def _head(self, flags: int) -> bytes:
        return sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(data, ec.ECDSA(SHA256()))
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, PKCS1v15(), SHA256())
        return self.private.sign(data)
