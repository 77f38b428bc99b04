"""An answer to a request whose body was not read: sent, then listened on for a moment before hanging up.

Closed at once with bytes unread, the kernel resets the connection, and a client that is still sending may
never see why (RFC 9112, 9.6).
"""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

SECONDS = 2.0
MOST = 64 << 20


class Lingering(Response):
    """`answer`, and the rest of the body to nowhere, for `SECONDS` and `MOST` bytes at most."""

    def __init__(self, answer: Response) -> None:
        super().__init__(status_code=answer.status_code)
        self._answer = answer
        answer.headers["Connection"] = "close"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def sending(message: Message) -> None:
            # Said in full, by its length; not ended, for then nothing more would be received.
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        await self._answer(scope, receive, sending)
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                await _drained(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def unread(request: Request) -> bool:
    """Whether there is a body that was not read to its end."""
    headers = request.headers
    comes = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return comes and not request._stream_consumed


async def _drained(receive: Receive) -> None:
    size, more = 0, True
    while more and size < MOST:
        message = await receive()
        size += len(message.get("body", b""))
        more = bool(message.get("more_body", False))
