"""The gate's answer as a value: permit, hold or refusal. And the permit as a signed document.

A permit is narrow: it names the bytes, the scan, the tracks, the donor, the consents with the heads
of their chains, the policy, the engine and its models, the channel and the territory. Whoever holds
one holds no leave, though: its row decides (`consent.permits`).
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from audit.canonical import NotCanonical, canonical
from audit.errors import BadInput
from audit.keys import BadSignature, SigningKey, VerifyingKey
from consent.errors import DocumentMalformed
from consent.objection import Objection, rules_of
from consent.question import Stage
from consent.shape import from_json, to_json
from consent.strict import Fields, load
from consent.words import Action, ProofLevel

VERSION = 1
LARGEST_TOKEN = 65_536
"""Bytes. More than a cast of sixteen and a donor need."""


class PermitForged(BadInput):
    """A permit was not signed by a key of ours, or is not in its one written form."""

    code = "PERMIT_FORGED"
    zh = "许可签名无效，或格式不符。"
    hint = "Present the permit exactly as the gate issued it."
    hint_zh = "请原样出示系统签发的许可。"


@dataclass(frozen=True, slots=True)
class Body:
    """What a permit says. Fields not known to its action are null."""

    v: int
    id: str
    tenant: str
    action: Action
    media_digest: str | None
    scan_digest: str | None
    tracks_digest: str | None
    donor_digest: str | None
    authorizations: tuple[tuple[str, str], ...]
    """(authorization, head of its chain when it was decided), by id."""
    policy_digest: str
    engine: str | None
    model_digests: tuple[str, ...]
    channel: str | None
    territory: tuple[str, ...]
    not_after: datetime
    """Bounds the first redemption: `[decision, not_after)`."""
    kid: str

    def encoded(self) -> bytes:
        """Canonical bytes: what is signed."""
        return _encoded(self)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What every answer says of itself."""

    id: str
    tenant: str
    action: Action
    stage: Stage
    at: datetime
    policy: str
    """Digest of the rules it was made by."""
    proof: ProofLevel | None
    """The lowest proof level among the people it rests on. None when it rests on nobody's authorization."""
    entry: str
    """Leaf hash of the log entry that records it."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes, to exactly this."""

    ruling: Ruling
    body: Body
    signature: bytes

    @property
    def id(self) -> str:
        """The permit's id, which is its decision's."""
        return self.body.id

    @property
    def token(self) -> bytes:
        """The signed document, as it is stored and presented."""
        return _token(self.body, self.signature)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Nothing stands against it."""
        return ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Not yet: two people must look, before `until`. Then it is a refusal."""

    ruling: Ruling
    objections: tuple[Objection, ...]
    until: datetime

    @property
    def reasons(self) -> tuple[str, ...]:
        """The rules that hold it."""
        return rules_of(self.objections)


@dataclass(frozen=True, slots=True)
class Refusal:
    """No, and why. Returned, never raised: raising would roll its own record back."""

    ruling: Ruling
    objections: tuple[Objection, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The rules that stand against it, or the code of a refused redemption."""
        return rules_of(self.objections)


Decision: TypeAlias = Permit | Hold | Refusal


def sign(ruling: Ruling, body: Body, key: SigningKey) -> Permit:
    """Sign `body` with the permit key."""
    return Permit(ruling, body, key.sign(body.encoded()))


def read(token: bytes, trusted: Mapping[str, VerifyingKey]) -> tuple[Body, bytes]:
    """Body and signature of a presented permit, checked. `trusted`: permit keys valid now, by kid.

    Raises `PermitForged`, whatever is wrong with it.
    """
    try:
        if len(token) > LARGEST_TOKEN:
            raise PermitForged("a permit is shorter than that")
        f = Fields(load(token), "token")
        body = from_json(Body, f.take("permit"), "permit")
        signature = binascii.unhexlify(f.text("signature"))
        f.end()
        # One body, one token: what is read is written again and must be what came.
        if body.v != VERSION or _token(body, signature) != token:
            raise PermitForged("a permit of another version or in another spelling")
        if body.kid not in trusted:
            raise PermitForged("a permit by a key that is not trusted")
        trusted[body.kid].check(body.encoded(), signature)
    except (NotCanonical, DocumentMalformed, BadSignature, ValueError):
        raise PermitForged("not a permit signed by a trusted key") from None
    return body, signature


@lru_cache(maxsize=256)
def _encoded(body: Body) -> bytes:
    # By its value: it is signed, and becomes a token, in one decision; and is read so at each redemption.
    return canonical(to_json(body))


def _token(body: Body, signature: bytes) -> bytes:
    # What RFC 8785 makes of the two: a member's canonical bytes stand in those of the whole as they are.
    return b'{"permit":' + body.encoded() + b',"signature":"' + signature.hex().encode() + b'"}'
