"""Progress as server-sent events (HTML Living Standard, 9.2), of whatever has a state and an end.

What is told comes from the database: what makes it may run in another process, on another host.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from audit.errors import Unready
from service.shapes.shape import Shape

PAUSE_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
"""Proxies close a connection on which nothing is said."""
LONGEST_SECONDS = 300.0
"""Then the client asks again, with a key that must still be good."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How far something is."""

    state: str
    done: int
    total: int | None
    final: bool
    body: Shape
    """The whole of it, told at the end."""


def events(look: Callable[[], Moment]) -> StreamingResponse:
    """`event: progress` whenever something changed, `event: end` with the final object.

    `look` is called in a thread, now first: what it raises is answered as by any other route.
    """
    return StreamingResponse(_told(look, look()), media_type="text/event-stream")


async def _told(look: Callable[[], Moment], moment: Moment) -> AsyncIterator[str]:
    begun = said = time.monotonic()
    told: str | None = None
    while True:
        progress = _progress(moment)
        if progress != told:
            yield f"event: progress\ndata: {progress}\n\n"
            told, said = progress, time.monotonic()
        if moment.final:
            yield f"event: end\ndata: {moment.body.model_dump_json()}\n\n"
            return
        if time.monotonic() - begun >= LONGEST_SECONDS:
            return
        if time.monotonic() - said >= HEARTBEAT_SECONDS:
            yield ": still here\n\n"
            said = time.monotonic()
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            moment = await run_in_threadpool(look)
        except Unready:
            # A database that restarts: what was told still stands, and it is looked at again.
            continue


def _progress(moment: Moment) -> str:
    return json.dumps({"state": moment.state, "done": moment.done, "total": moment.total})
