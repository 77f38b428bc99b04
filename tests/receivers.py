"""Somebody who is told of events: an HTTP server of his own, and his own reading of Standard Webhooks."""

import hmac
import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from loopback import served


@dataclass(frozen=True)
class Letter:
    """What came."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.body)
        return said

    def is_signed(self, secret: str, public: str) -> bool:
        """As the specification has it: `v1` with the secret, `v1a` with the public key."""
        head = self.headers
        text = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + self.body
        given = dict(one.split(",", 1) for one in head["webhook-signature"].split(" "))
        shared = b64decode(secret.removeprefix("whsec_"))
        Ed25519PublicKey.from_public_bytes(b64decode(public.removeprefix("whpk_"))).verify(
            b64decode(given["v1a"]), text
        )
        return hmac.compare_digest(b64decode(given["v1"]), hmac.digest(shared, text, "sha256"))


@dataclass
class Receiver:
    """Answers with what it is told to."""

    url: str = ""
    status: int = 204
    location: str | None = None
    silent: threading.Event = field(default_factory=threading.Event)
    """Set: answers go out. Cleared by a test that wants none."""
    letters: list[Letter] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on this machine."""
    receiver = Receiver()
    receiver.silent.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.letters.append(Letter({k.lower(): v for k, v in self.headers.items()}, body))
            receiver.silent.wait()
            self.send_response(receiver.status)
            if receiver.location is not None:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with served(Handler) as port:
        receiver.url = f"http://localhost:{port}/hook?token=secret"
        try:
            yield receiver
        finally:
            receiver.silent.set()
