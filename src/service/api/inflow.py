"""A body on its way from the event loop to a thread that takes it in: a block at work, one coming, no more.

The thread asks for the next block when it has written the last. A client that sends faster waits, by TCP;
one that sends nothing for a while, or too slowly to come to an end, is given up on.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import ClassVar, TypeVar

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from audit.errors import BadInput
from service.api.route import BodyStalled, UploadsBusy

BLOCK = 1 << 20
SLOWEST = 8 << 10
"""Bytes a second that a client has to send in the long run: a drop a minute would hold a place for a day."""

Value = TypeVar("Value")


class UploadBroken(BadInput):
    """The connection ended before the body did."""

    code = "UPLOAD_BROKEN"
    zh = "连接在上传完成前中断。"
    hint = "Send it again; an upload in parts goes on where it broke off."
    hint_zh = "请重新发送；分段上传可从中断处继续。"
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST


class Inflow:
    """The body of one request, as blocks for a thread to iterate.

    Raises, in that thread, `BodyStalled` after `patience` seconds without a byte, and `UploadBroken`.
    """

    def __init__(self, request: Request, patience: float) -> None:
        self._chunks, self._patience = aiter(request.stream()), patience
        self._ahead: asyncio.Task[bytes] | None = None
        self._ended = False
        self._broken: BadInput | None = None

    def __iter__(self) -> Iterator[bytes]:
        while block := anyio.from_thread.run(self._block):
            yield block

    async def _block(self) -> bytes:
        coming = self._ahead or asyncio.create_task(self._gathered())
        block = await coming
        self._ahead = asyncio.create_task(self._gathered()) if block else None
        return block

    async def _gathered(self) -> bytes:
        if self._broken is not None:
            raise self._broken
        pieces: list[bytes] = []
        size, clock = 0, asyncio.get_running_loop().time
        until = clock() + self._patience + BLOCK / SLOWEST
        while size < BLOCK and not self._ended:
            try:
                async with asyncio.timeout(min(self._patience, until - clock())):
                    piece = await anext(self._chunks, None)
            except TimeoutError:
                self._broken = BodyStalled("the body stopped coming, or comes too slowly")
            except ClientDisconnect:
                self._broken = UploadBroken("the connection ended before the body did")
            if self._broken is not None:
                if not size:
                    raise self._broken
                # First what came: an upload in parts keeps it.
                break
            self._ended = piece is None
            pieces.append(piece or b"")
            size += len(pieces[-1])
        return b"".join(pieces)

    async def close(self) -> None:
        """Read no more."""
        if self._ahead is not None:
            self._ahead.cancel()
            # Whatever it came to: who asked for it has ended.
            with suppress(asyncio.CancelledError, BadInput):
                await self._ahead


def stated(request: Request) -> int:
    """How long the body says it is; 0 where it does not say."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


async def taken_in(request: Request, act: Callable[[Inflow], Value]) -> Value:
    """`act` in a thread of its own on the request's body. Raises `UploadsBusy`, and what `act` raises."""
    places: anyio.CapacityLimiter = request.app.state.uploads
    if places.available_tokens < 1:
        # A queue of films would be films on hold: their senders can wait better than we.
        raise UploadsBusy("too many uploads at once")
    inflow = Inflow(request, request.app.state.house.settings.upload_stall)
    try:
        # Threads of their own: slow senders must not take those that all other routes work in.
        return await anyio.to_thread.run_sync(partial(act, inflow), limiter=places)
    finally:
        await inflow.close()
