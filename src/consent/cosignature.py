r"""The second signature under one document: from 14 to 17 she signs too, beside her guardian.

    message = b"consentry/co-signature/v1\0" + SHA-256(document bytes)

A domain of its own, so that a guardian's signature can never stand where hers is due, nor hers for a
consent of her own. PIPL art. 31 asks for the guardian up to 14; Civil Code art. 19 lets a minor from 8 on
act with the guardian's agreement: neither alone is enough here.
"""

from hashlib import sha256

from consent.capacity import Capacity
from consent.errors import SignatureWrong
from consent.passkey import RelyingParty
from consent.signature import Evidence, check_evidence, to_sign
from consent.words import AgeBand

COSIGNATURE = b"consentry/co-signature/v1\0"


def to_cosign(document: bytes) -> bytes:
    """What she signs beside her guardian."""
    return COSIGNATURE + sha256(document).digest()


def needs_cosigner(capacity: Capacity) -> bool:
    """Whether the guardian's signature is not enough."""
    return capacity.guardian is not None and capacity.age is AgeBand.FROM_14_TO_17


def check_both(
    document: bytes, guardian: bytes, hers: bytes, party: RelyingParty | None = None
) -> tuple[str, str]:
    """The guardian's public key and hers, if both signed `document`. Needs no database and no time.

    `party` is for whom a passkey must have signed, as in `check_evidence`.
    Raises `SignatureWrong`; also where one key signed twice, for then nobody was beside the other.
    """
    first, second = Evidence.parse(guardian), Evidence.parse(hers)
    check_evidence(first, to_sign(document), party)
    check_evidence(second, to_cosign(document), party)
    if first.key == second.key:
        raise SignatureWrong("one key signed in both places")
    return first.key, second.key
