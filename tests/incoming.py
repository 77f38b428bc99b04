"""Templates on their way in over HTTP: what an operator sends."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from callers import Caller, Outside
from waiting import LONG
from worlds import ROLES, USE, World, small_clip

NOBODY = "0" * 32
USE_JSON = {
    "purpose": USE.purpose,
    "platform": USE.platform,
    "recipient": USE.recipient,
    "territories": list(USE.territories),
    "audience": USE.audience,
    "monetisation": USE.monetisation,
    "modifications": [],
    "intimate": False,
    "voice_kept": False,
    "engine": USE.engine,
}


def the_source(**changes: object) -> dict[str, object]:
    return {
        "supplier": "a studio",
        "kind": "COMMISSIONED",
        "acquired_how": "contract 7",
        "acquired_at": "2026-11-01T00:00:00Z",
        "copyright_licence": "ab" * 32,
        "original": True,
        **changes,
    }


def the_cast(world: World, *names: str) -> list[dict[str, object]]:
    return [
        {
            "person": world.people[name].person,
            "role": ROLES[name],
            "authorization": world.people[name].authorization,
        }
        for name in names or ("astronaut", "cameraman")
    ]


def announcement(world: World, received: str | None = None, **source: object) -> dict[str, object]:
    return {
        "source": the_source(**source),
        "cast": the_cast(world),
        "received": received or small_clip().digest,
    }


def announced(there: Outside, received: str | None = None) -> str:
    answer = there.operator.post("/v1/templates", announcement(there.world, received))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["template"])


def clip() -> bytes:
    return small_clip().path.read_bytes()


def begun(there: Outside, template: str, size: int | None = None, caller: Caller | None = None) -> str:
    asked = {"size": len(clip()) if size is None else size}
    answer = (caller or there.operator).post(f"/v1/templates/{template}/uploads", asked)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"/v1/uploads/{answer.json()['upload']}"
    return str(answer.json()["upload"])


def sent(caller: Caller, upload: str, offset: int, data: bytes | Iterator[bytes], **headers: str):
    return caller.ask(
        "PATCH", f"/v1/uploads/{upload}", content=data, headers={"Upload-Offset": str(offset), **headers}
    )


class Wire:
    """A connection by hand: what a client with a bad network, or bad manners, does."""

    def __init__(self, caller: Caller, method: str, path: str, length: int, **headers: str) -> None:
        base = urlsplit(str(caller.client.base_url))
        self.socket = socket.create_connection((base.hostname, base.port), timeout=LONG)
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {base.netloc}",
            f"Authorization: Bearer {caller.token}",
            f"Content-Length: {length}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> str:
        """All that is answered, until the server hangs up."""
        data = b""
        while chunk := self.socket.recv(1 << 16):
            data += chunk
        self.socket.close()
        return data.decode()

    def hang_up(self) -> None:
        self.socket.close()
