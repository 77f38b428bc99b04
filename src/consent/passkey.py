r"""A passkey's signature, checked offline from stored bytes: W3C Web Authentication 3, section 7.2.

    challenge = SHA-256(message)        message = b"consentry/authorization/v1\0" + SHA-256(document)
    signed    = authenticator data || SHA-256(client data)

Both are kept as the browser handed them over, never written anew. Which origins, RP id and algorithms
are right is the verifier's own knowledge (`RelyingParty`): evidence that brought its own would prove
that somebody signed something somewhere. The signature counter is no part of this: it is looked at once,
when she signs (`consent.passkeys`), and years later every archived signature has fallen behind it.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from audit.errors import BadInput, Unready
from consent.cose import EDDSA, ES256, RS256, CoseKey
from consent.errors import SignatureWrong

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
"""Flags of authenticator data (6.1): present, verified, backup possible, backed up, key, extensions."""
HEAD = 37
"""Bytes: RP id hash, flags, counter."""


class RelyingPartyWrong(BadInput):
    """An RP id and origins that no browser would sign for."""

    code = "RELYING_PARTY_WRONG"
    zh = "通行密钥的 RP ID 与来源不相符。"
    hint = "The origin is https://HOST (or http://localhost), and HOST is the RP id or ends in it."
    hint_zh = "来源须为 https://主机名（或 http://localhost），且主机名等于 RP ID 或以其结尾。"


class PasskeysUnready(Unready):
    """Passkeys are not set up here: nobody has said for which site they sign."""

    code = "PASSKEYS_UNREADY"
    zh = "尚未配置通行密钥（passkey）。"
    hint = "Set rp_id and signing_origin in consentry.toml; to verify files, give --rp-id and --origin."
    hint_zh = "请在 consentry.toml 中设置 rp_id 与 signing_origin；离线核验时请给出 --rp-id 与 --origin。"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom a passkey signs, as the verifier knows it. Raises `RelyingPartyWrong`."""

    rp_id: str
    """A domain that stays for ever: with it every key would go."""
    origins: frozenset[str]
    """Where the signing page may be, exactly as browsers write it: `https://sign.example`."""
    algorithms: frozenset[int] = frozenset({ES256, EDDSA, RS256})
    """COSE numbers."""

    def __post_init__(self) -> None:
        if not self.origins or not all(_signs_for(origin, self.rp_id) for origin in self.origins):
            raise RelyingPartyWrong("the origins are not such as sign for this RP id")


@dataclass(frozen=True, slots=True)
class Assertion:
    """What `navigator.credentials.get()` answered, and the key it must be by."""

    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    key: bytes
    """COSE_Key, as it was enrolled."""


def check_assertion(assertion: Assertion, message: bytes, party: RelyingParty) -> None:
    """Raise `SignatureWrong` unless the key signed `message` for `party`, with its user verified."""
    check_client_data(assertion.client_data, "webauthn.get", challenge_of(message), party)
    data = assertion.authenticator_data
    if len(data) < HEAD or data[:32] != sha256(party.rp_id.encode()).digest():
        raise SignatureWrong("the authenticator signed for another RP id")
    flags = data[32]
    if not flags & UP or not flags & UV:
        raise SignatureWrong("the authenticator did not verify its user")
    if (flags & BS and not flags & BE) or flags & AT or (len(data) > HEAD) is not bool(flags & ED):
        raise SignatureWrong("the authenticator's data contradict themselves")
    key = CoseKey.parse(assertion.key)
    if key.algorithm not in party.algorithms:
        raise SignatureWrong("the key's algorithm is not accepted here")
    if not key.verifies(assertion.signature, data + sha256(assertion.client_data).digest()):
        raise SignatureWrong("the signature does not verify over these bytes with this key")


def check_client_data(data: bytes, kind: str, challenge: bytes, party: RelyingParty) -> None:
    """What the browser says it was asked, by whom (section 5.8.1). Raises `SignatureWrong`."""
    try:
        said = json.loads(data.decode("utf-8"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise SignatureWrong("the client data can't be read") from None
    if not isinstance(said, dict) or said.get("type") != kind:
        raise SignatureWrong(f"the client data are not of a {kind}")
    if said.get("challenge") != _base64url(challenge):
        raise SignatureWrong("signed over another challenge: another text, or another act")
    # `is False` and not falsy: an empty list says nothing about where she was.
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise SignatureWrong("signed inside another site's page")
    if said.get("origin") not in tuple(party.origins):
        raise SignatureWrong("signed on a page of another origin")


def challenge_of(message: bytes) -> bytes:
    """The challenge an authenticator is given for `message`: 32 bytes."""
    return sha256(message).digest()


def device_bound(authenticator_data: bytes) -> bool:
    """Whether the key can't leave its authenticator. A synced one may be shared within a family."""
    return len(authenticator_data) >= HEAD and not authenticator_data[32] & BE


def _signs_for(origin: object, rp_id: str) -> bool:
    try:
        parts = urlsplit(str(origin))
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return False
    written = f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")
    secure = parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")
    return bool(rp_id) and written == origin and secure and (host == rp_id or host.endswith(f".{rp_id}"))


def _each_once(pairs: Collection[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
