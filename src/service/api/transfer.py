"""Bytes of a released file on their way to a client, for as long as the serving gate says yes.

A yes is good for a second of sending or 8 MiB, whichever ends first. A client that reads slowly does not
prolong it: while the connection takes nothing the gate is asked as well, and after a no not one byte more
is passed on. The connection is broken off then, before its stated length: there is no other way to say it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from audit.errors import ConsentryError
from service.api.ranges import Span
from service.logs import LOG
from swap.store import Opened

CHUNK = 1 << 20
ASK_SECONDS = 1.0
ASK_BYTES = 8 << 20
STALL_SECONDS = 60.0
"""For which a client may take nothing at all."""


class Transfer(Response):
    """A span of an opened file. Made by a route in a thread; closes the file, whatever happens."""

    def __init__(
        self,
        opened: Opened,
        span: Span,
        still: Callable[[], bool],
        *,
        status: HTTPStatus,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(status_code=status, headers={**headers, "Content-Length": str(span.length)})
        self._opened, self._span, self._still = opened, span, still
        # Made in a thread of its own already: the first bytes cost no second trip.
        self._first = opened.read(span.begin, min(CHUNK, span.length))

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        leaving = asyncio.ensure_future(_left(receive))
        try:
            start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            await send(start)
            await self._pass_on(send, leaving)
        finally:
            leaving.cancel()
            self._opened.close()

    async def _pass_on(self, send: Send, leaving: asyncio.Future[None]) -> None:
        at, asked_at, since = self._span.begin, time.monotonic(), 0
        while at < self._span.end:
            if time.monotonic() - asked_at >= ASK_SECONDS or since >= ASK_BYTES:
                if not await self._may():
                    return
                asked_at, since = time.monotonic(), 0
            size = min(CHUNK, self._span.end - at)
            chunk, self._first = self._first, b""
            if not chunk:
                chunk = await run_in_threadpool(self._opened.read, at, size)
            if len(chunk) < size:
                return
            at, since = at + size, since + size
            body = {"type": "http.response.body", "body": chunk, "more_body": at < self._span.end}
            sending = asyncio.ensure_future(_sent(send, body))
            try:
                asked_at = await self._sent_in_time(sending, leaving, asked_at)
            except _BrokenOff:
                return
            finally:
                sending.cancel()

    async def _sent_in_time(
        self, sending: asyncio.Future[None], leaving: asyncio.Future[None], asked_at: float
    ) -> float:
        """Wait until a chunk was passed on; when the gate was asked last."""
        until = time.monotonic() + STALL_SECONDS
        while True:
            wait = max(0.0, asked_at + ASK_SECONDS - time.monotonic())
            await asyncio.wait({sending, leaving}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
                return asked_at
            # Not written yet, and it must not be on the strength of an old yes.
            if leaving.done() or time.monotonic() >= until or not await self._may():
                raise _BrokenOff
            asked_at = time.monotonic()

    async def _may(self) -> bool:
        try:
            yes = await run_in_threadpool(self._still)
        except ConsentryError as error:
            LOG.warning("a delivery was broken off", extra={"code": error.code})
            return False
        if not yes:
            LOG.info("a delivery was broken off")
        return yes


class _BrokenOff(Exception):
    """Nothing more is passed on."""


async def _sent(send: Send, message: dict[str, object]) -> None:
    await send(message)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
