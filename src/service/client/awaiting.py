"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

import httpx

from service.client import again, errors
from service.client.call import Answer, Call, Follow, Part, Steps
from service.client.events import Events, Tell, untold
from service.client.saving import Saving


class AsyncClient:
    """As `Client`, with `await`. Files are read and written in threads."""

    def __init__(
        self,
        base: str,
        token: str | None = None,
        *,
        verify: SSLContext | bool = True,
        tries: int = again.TRIES,
    ) -> None:
        self.http = httpx.AsyncClient(
            base_url=base, headers=again.bearer(token), timeout=again.TIMEOUT, verify=verify
        )
        self._tries = tries

    async def send(self, call: Call[Answer]) -> Answer:
        """The answer. Raises `Refused`, `Problem`, `Unreachable`."""
        tries = again.Tries(self._tries)
        while True:
            try:
                response = await self.http.request(
                    call.method,
                    call.path,
                    content=_read(call.body) if isinstance(call.body, Part) else call.body,
                    params=dict(call.query),
                    headers=call.all_headers(),
                )
                wait = tries.wait(response)
            except httpx.TransportError as error:
                wait = tries.lost(error)
            else:
                if wait is None:
                    return again.answer(call, response)
            await asyncio.sleep(wait)

    async def run(self, steps: Steps[Answer]) -> Answer:
        """Send calls that belong together, one after the other. Raises as `send`."""
        sending: Call[Any] = next(steps)
        while True:
            try:
                try:
                    said = await self.send(sending)
                except errors.Problem as problem:
                    sending = steps.throw(problem)
                else:
                    sending = steps.send(said)
            except StopIteration as end:
                done: Answer = end.value
                return done

    async def save(self, call: Call[bytes], path: Path) -> None:
        """Save an answer as a file, whole or not at all; goes on after breaks. Raises as `Client.save`."""
        tries = again.Tries(self._tries)
        with Saving(path) as saving:
            while True:
                headers, query = saving.headers(call), dict(call.query)
                try:
                    async with self.http.stream("GET", call.path, params=query, headers=headers) as response:
                        if response.is_success:
                            saving.begin(response)
                            async for chunk in response.aiter_bytes():
                                if await asyncio.to_thread(saving.write, chunk):
                                    tries.afresh()
                            return await asyncio.to_thread(saving.finish)
                        await response.aread()
                        wait = tries.wait(response)
                except httpx.TransportError as error:
                    wait = tries.lost(error)
                else:
                    if wait is None:
                        raise errors.of(response)
                await asyncio.sleep(wait)

    async def wait_for(self, follow: Follow[Answer], tell: Tell = untold) -> Answer:
        """What it came to, however long that takes. Raises `Problem`, `Unreachable`."""
        tries = again.Tries(self._tries)
        while True:
            events, wait = Events(tell), None
            try:
                async with self.http.stream("GET", follow.path, headers=again.STREAM) as response:
                    if again.streams(response):
                        async for text in response.aiter_text():
                            tries.afresh()
                            if (end := events.take(text)) is not None:
                                return again.read(follow.read, end)
                        # The service ends each stream after a while.
                        wait = tries.lost()
                    else:
                        await response.aread()
                        wait = tries.wait(response)
            except httpx.TransportError as error:
                wait = tries.lost(error)
            if wait is None:
                raise errors.of(response)
            await asyncio.sleep(wait)

    async def close(self) -> None:
        """Give connections back."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()


async def _read(part: Part) -> AsyncIterator[bytes]:
    chunks = iter(part)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk
