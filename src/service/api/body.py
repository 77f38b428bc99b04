"""A body as it comes, into a file: of a bounded size, and not for ever."""

import asyncio
import hashlib
import time

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from service.api.route import BodyStalled, BodyTooLarge
from swap.draft import Draft

STALL_SECONDS = 30.0
LONGEST_SECONDS = 1800.0


async def to_file(request: Request, file: Draft, *, most: int) -> str:
    """Write the body to `file`; its SHA-256. Raises `BodyTooLarge`, `BodyStalled`, `StorageFull`."""
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated) > most:
        raise BodyTooLarge(f"expected at most {most} bytes")
    seen, size, until = hashlib.sha256(), 0, time.monotonic() + LONGEST_SECONDS
    chunks = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(min(STALL_SECONDS, until - time.monotonic())):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise BodyStalled("the body stopped coming") from None
        if chunk is None:
            return seen.hexdigest()
        size += len(chunk)
        if size > most:
            raise BodyTooLarge(f"expected at most {most} bytes")
        await run_in_threadpool(_write, file, chunk, seen)


def _write(file: Draft, chunk: bytes, seen: "hashlib._Hash") -> None:
    file.write(chunk)
    seen.update(chunk)
