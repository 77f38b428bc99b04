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
        for pause in again.pauses(self._tries):
            try:
                response = await self.http.request(
                    call.method,
                    call.path,
                    content=_read(call.body) if isinstance(call.body, Part) else call.body,
                    params=dict(call.query),
                    headers=call.all_headers(),
                )
            except httpx.TransportError as error:
                await _sleep(pause, error)
                continue
            wait = again.wait(response, pause)
            if wait is None:
                return again.answer(call, response)
            await asyncio.sleep(wait)
        raise AssertionError("the last try ends above")

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
        with Saving(path) as saving:
            for pause in again.pauses(self._tries):
                try:
                    async with self.http.stream("GET", call.path, headers=saving.headers(call)) as response:
                        if response.is_success:
                            saving.begin(response)
                            async for chunk in response.aiter_bytes():
                                await asyncio.to_thread(saving.write, chunk)
                            return saving.finish()
                        await response.aread()
                except httpx.TransportError as error:
                    await _sleep(pause, error)
                    continue
                wait = again.wait(response, pause)
                if wait is None:
                    raise errors.read(response.status_code, response.content)
                await asyncio.sleep(wait)
        raise AssertionError("the last try ends above")

    async def wait_for(self, follow: Follow[Answer], tell: Tell = untold) -> Answer:
        """What it came to, however long that takes. Raises `Problem`, `Unreachable`."""
        pauses = again.pauses(self._tries)
        while True:
            events = Events(tell)
            try:
                async with self.http.stream("GET", follow.path) as response:
                    if response.is_success:
                        async for line in response.aiter_lines():
                            pauses = again.pauses(self._tries)
                            if (end := events.line(line)) is not None:
                                return follow.read(end)
                        continue
                    await response.aread()
            except httpx.TransportError as error:
                await _sleep(next(pauses), error)
                continue
            wait = again.wait(response, next(pauses))
            if wait is None:
                raise errors.read(response.status_code, response.content)
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


async def _sleep(pause: float | None, error: httpx.TransportError) -> None:
    if pause is None:
        raise errors.Unreachable(type(error).__name__) from error
    await asyncio.sleep(pause)


async def _read(part: Part) -> AsyncIterator[bytes]:
    chunks = iter(part)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk
