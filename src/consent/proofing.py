r"""What a proofing service says of somebody, signed: who she is to it, it knows; who she is to us, it says.

    {v, tenant, service, person | handle, level, method, age_band, fourteen_from?, adult_from?, evidence,
     nonce, issued_at, expires_at}

in RFC 8785 form; `b"consentry/attestation/v1\0" + SHA-256(of it)` is signed with Ed25519. On the wire it is
`{attestation, key, signature}`, canonical too. No name and no number of a document: `evidence` is the
digest of what the service keeps about the check (PIPL art. 6: no more than is needed).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from audit import instant
from audit.canonical import Json, canonical
from audit.errors import BadInput, ConsentryError
from consent.age import Ages
from consent.errors import DocumentMalformed
from consent.signature import ED25519, Evidence, check_evidence, sign
from consent.strict import Fields, load
from consent.words import AgeBand, ProofLevel

DOMAIN = b"consentry/attestation/v1\0"
VERSION = 1
LARGEST = 16_384
"""Bytes of a signed attestation."""

LONGEST = timedelta(days=7)
"""How long an attestation may be good for being handed in. What it proved does not end with it."""


class AttestationRefused(BadInput):
    """An attestation is not what it says, is for somebody else, came too late, or came before."""

    code = "ATTESTATION_REFUSED"
    zh = "身份核验证明无效：签名、对象、期限不符，或已被使用。"
    hint = "The message says why; ask the proofing service for a fresh one, for this person and tenant."
    hint_zh = "错误信息会说明原因；请向身份核验服务重新申请针对本人及本租户的证明。"


class Method(StrEnum):
    """How the service knows. The words are in signed documents: they never change meaning."""

    DOCUMENT = "document"
    ACCOUNT = "account"
    NATIONAL_NETWORK_IDENTITY = "national-network-identity"
    IN_PERSON = "in-person"


MOST: Mapping[Method, ProofLevel] = {
    Method.DOCUMENT: ProofLevel.VERIFIED_IDENTITY,
    Method.ACCOUNT: ProofLevel.VERIFIED_ACCOUNT,
    Method.NATIONAL_NETWORK_IDENTITY: ProofLevel.VERIFIED_IDENTITY,
    Method.IN_PERSON: ProofLevel.VERIFIED_IDENTITY,
}
"""The highest level a method gives. A face before a camera is measured here, and never attested."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a service says. Of one who is enrolled it names `person`, of a newcomer a `handle` it made."""

    tenant: str
    service: str
    person: str | None
    handle: str | None
    level: ProofLevel
    method: Method
    ages: Ages
    evidence: str
    nonce: str
    issued_at: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        if (self.person is None) == (self.handle is None):
            raise DocumentMalformed("attestation: expected a person or a handle, and not both")
        if not ProofLevel.SELF_ASSERTED.rank < self.level.rank <= MOST[self.method].rank:
            raise DocumentMalformed(f"attestation.level: {self.method} gives at most {MOST[self.method]}")
        if not timedelta(0) < self.expires_at - self.issued_at <= LONGEST:
            raise DocumentMalformed(
                f"attestation: expected to expire within {LONGEST.days} days of its issue"
            )

    @property
    def encoded(self) -> bytes:
        """What is signed."""
        return canonical(self.json())

    def json(self) -> dict[str, Json]:
        """As it is signed: what is not known is left out."""
        value: dict[str, Json] = {
            "v": VERSION,
            "tenant": self.tenant,
            "service": self.service,
            "person": self.person,
            "handle": self.handle,
            "level": str(self.level),
            "method": str(self.method),
            "age_band": str(self.ages.band),
            "fourteen_from": _exact(self.ages.fourteen_from),
            "adult_from": _exact(self.ages.adult_from),
            "evidence": self.evidence,
            "nonce": self.nonce,
            "issued_at": instant.exact(self.issued_at),
            "expires_at": instant.exact(self.expires_at),
        }
        return {name: each for name, each in value.items() if each is not None}

    @classmethod
    def from_json(cls, value: object) -> "Attestation":
        """Read one. Raises `DocumentMalformed`."""
        f = Fields(value, "attestation")
        if f.count("v") != VERSION:
            raise DocumentMalformed(f"attestation.v: expected {VERSION}")
        attestation = cls(
            tenant=f.text("tenant"),
            service=f.text("service"),
            person=f.identifier("person") if f.has("person") else None,
            handle=f.identifier("handle") if f.has("handle") else None,
            level=f.word("level", ProofLevel),
            method=f.word("method", Method),
            ages=Ages(
                f.word("age_band", AgeBand),
                f.instant("fourteen_from") if f.has("fourteen_from") else None,
                f.instant("adult_from") if f.has("adult_from") else None,
            ),
            evidence=f.digest("evidence"),
            nonce=f.identifier("nonce"),
            issued_at=f.instant("issued_at"),
            expires_at=f.instant("expires_at"),
        )
        f.end()
        return attestation


@dataclass(frozen=True, slots=True)
class Signed:
    """An attestation whose signature holds, and by which key. Whether the key counts is another question."""

    attestation: Attestation
    key: str


@dataclass(frozen=True, slots=True)
class KeyedService:
    """The proofing service's side with a key in a file: what an own desk, and the tests, run."""

    private_pem: bytes

    def attest(self, attestation: Attestation) -> bytes:
        """The attestation, signed as `read_signed` reads it.

        Raises `SignatureWrong` when the PEM holds no Ed25519 key.
        """
        evidence = sign(self.private_pem, to_attest(attestation.encoded))
        return canonical(
            {"attestation": attestation.json(), "key": evidence.key, "signature": evidence.signature}
        )


def to_attest(encoded: bytes) -> bytes:
    """What the service signs. The domain keeps it apart from whatever people and we sign."""
    return DOMAIN + sha256(encoded).digest()


def read_signed(data: bytes) -> Signed:
    """An attestation from its signed bytes, with its signature checked. Raises `AttestationRefused`."""
    try:
        f = Fields(load(data[: LARGEST + 1]), "signed")
        attestation = Attestation.from_json(f.take("attestation"))
        evidence = Evidence(ED25519, f.digest("key"), f.text("signature"))
        f.end()
        check_evidence(evidence, to_attest(attestation.encoded))
    except ConsentryError as error:
        raise AttestationRefused(f"it can't be relied on: {error}") from None
    return Signed(attestation, evidence.key)


def _exact(at: datetime | None) -> str | None:
    return None if at is None else instant.exact(at)
