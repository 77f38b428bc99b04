"""What a hook is sent: a CloudEvents 1.0 body under the signatures of Standard Webhooks 1.0. Pure.

`webhook-signature` holds two, separated by a space: `v1` is HMAC-SHA256 with the hook's secret, `v1a` is
Ed25519 by our webhook key, which anybody can check. Both are over `<id>.<timestamp>.<body>`.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime

from audit import instant
from audit.canonical import Json, canonical
from audit.keys import SigningKey, VerifyingKey
from swap.tidings import Tiding

TYPE_PREFIX = "consentry."
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_SECRET, _PUBLIC = "whsec_", "whpk_"


def secret(key: SigningKey, hook: str) -> str:
    """A hook's secret, as it is shown once: derived, so that no table holds it."""
    return _SECRET + b64encode(key.derive(f"hook/{hook}")).decode()


def public(key: VerifyingKey) -> str:
    """Our public key as Standard Webhooks spells it."""
    return _PUBLIC + b64encode(key.public).decode()


def body(tiding: Tiding, origin: str) -> bytes:
    """The event: ids and codes, never what names a person."""
    event: dict[str, Json] = {
        "specversion": "1.0",
        "id": tiding.event,
        "source": f"//{origin}",
        "type": f"{TYPE_PREFIX}{tiding.type}",
        "subject": tiding.subject,
        "time": instant.exact(tiding.at),
        "datacontenttype": "application/json",
        "data": {**tiding.data, **({} if tiding.entry is None else {"entry": tiding.entry})},
    }
    return canonical(event)


def headers(tiding: Tiding, sent: bytes, key: SigningKey, *, now: datetime) -> Mapping[str, str]:
    """The headers of one attempt: the id stays, the timestamp is of now."""
    stamp = int(now.timestamp())
    text = f"{tiding.event}.{stamp}.".encode() + sent
    shared = b64decode(secret(key, tiding.hook).removeprefix(_SECRET))
    signatures = (
        "v1," + b64encode(hmac.digest(shared, text, "sha256")).decode(),
        "v1a," + b64encode(key.sign_text(text)).decode(),
    )
    return {
        "webhook-id": tiding.event,
        "webhook-timestamp": str(stamp),
        "webhook-signature": " ".join(signatures),
        "content-type": CONTENT_TYPE,
        "user-agent": "consentry-hooks/1",
    }
