"""The code on a receipt: 160 random bits that end or pause a consent without a key. Only its hash is kept."""

import hmac
from base64 import b32encode
from hashlib import sha256

from audit.ids import Entropy
from consent.errors import RecoveryCodeWrong


def fresh(entropy: Entropy) -> str:
    """A new code, in groups of four for whoever copies it by hand."""
    code = b32encode(entropy(20)).decode()
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def stored(authorization: str, code: str) -> str:
    """What is kept of it: a hash under the authorization's id. Case and dashes don't matter."""
    plain = code.strip().upper().replace("-", "")
    return sha256(f"consentry/recovery/v1\0{authorization}\0{plain}".encode()).hexdigest()


def check(kept: str, authorization: str, code: str) -> None:
    """Raises `RecoveryCodeWrong`."""
    if not hmac.compare_digest(kept, stored(authorization, code)):
        raise RecoveryCodeWrong("not the recovery code of this authorization")
