"""How it is known who somebody is: services, attestations, kin, deaths, captures."""

from base64 import b64encode
from typing import Self

from pydantic import Base64Bytes, Field

from consent.kinship import Office, Relation
from consent.pose import Side
from consent.words import ProofLevel
from service.shapes.people import PublicKey
from service.shapes.shape import Digest, Id, Instant, Label, Shape


class AdoptService(Shape):
    """A proofing service's public key. Make sure whose it is, by another way than it came."""

    service: Label
    key: PublicKey


class Compromise(Shape):
    """From when on nothing of it is believed, by our clock."""

    since: Instant


class ProofService(Shape):
    """An adopted key, and what became of it."""

    key: str
    service: str
    adopted_at: Instant
    retired_at: Instant | None
    compromised_from: Instant | None
    entry: Digest


class Attest(Shape):
    """A signed attestation, exactly as the service gave it out."""

    attestation: Base64Bytes = Field(max_length=24_000)

    @classmethod
    def of(cls, signed: bytes) -> Self:
        """Of the bytes themselves."""
        return cls(attestation=b64encode(signed))


class RecordKin(Shape):
    """Who may act for her, and the SHA-256 of the paper that shows it. The paper stays with you."""

    representative: Id
    office: Office
    relation: Relation
    evidence: Digest


class Kin(Shape):
    """One who may act for her, or might."""

    id: Id
    representative: Id
    office: Office
    relation: Relation
    evidence: Digest
    since: Instant
    until: Instant | None


class Paper(Shape):
    """The SHA-256 of the paper that shows it."""

    evidence: Digest


class Cosign(Shape):
    """Her signature beside her guardian's."""

    evidence: Base64Bytes = Field(max_length=40_000)

    @classmethod
    def of(cls, evidence: bytes) -> Self:
        """Of the bytes themselves."""
        return cls(evidence=b64encode(evidence))


class Challenge(Shape):
    """Look into the camera, turn to each side in order (her own), and back each time; then send the clip."""

    capture: Id
    person: Id
    turns: list[Side]
    until: Instant


class Clip(Shape):
    """The clip, base64; MP4 or WebM, at most a minute and 32 MiB. It is looked at in a sandbox, not kept."""

    clip: Base64Bytes = Field(max_length=48 << 20)

    @classmethod
    def of(cls, clip: bytes) -> Self:
        """Of the bytes themselves."""
        return cls(clip=b64encode(clip))


class Captured(Shape):
    """What came of a capture. A virtual camera, a swap in real time, a cut recording may pass."""

    person: Id
    outcome: str = Field(description="`shown`, or why it is no answer.")
    proof: ProofLevel
