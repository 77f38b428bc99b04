"""Sending calls, waiting for the answer or not. Both are the same few lines around httpx."""

import asyncio
import time
from collections.abc import Iterator
from http import HTTPStatus
from ssl import SSLContext
from types import TracebackType
from typing import Self

import httpx

from service.client import errors
from service.client.call import Answer, Call

TRIES = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0
TIMEOUT = httpx.Timeout(60, connect=10)
_AGAIN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_AT_WORK = "REQUEST_AT_WORK"


class Client:
    """A client that waits. Close it, or use it in a `with`."""

    def __init__(
        self, base: str, token: str | None = None, *, verify: SSLContext | bool = True, tries: int = TRIES
    ) -> None:
        self.http = httpx.Client(base_url=base, headers=_bearer(token), timeout=TIMEOUT, verify=verify)
        self._tries = tries

    def send(self, call: Call[Answer]) -> Answer:
        """The answer. Raises `Refused`, `Problem`, `Unreachable`."""
        for pause in _pauses(self._tries if call.repeatable else 1):
            try:
                response = self.http.request(
                    call.method,
                    call.path,
                    content=call.body,
                    params=dict(call.query),
                    headers=call.all_headers(),
                )
            except httpx.TransportError as error:
                if pause is None:
                    raise errors.Unreachable(type(error).__name__) from error
                time.sleep(pause)
                continue
            wait = _wait(response, pause)
            if wait is None:
                return _answer(call, response)
            time.sleep(wait)
        raise AssertionError("the last try ends above")

    def close(self) -> None:
        """Give connections back."""
        self.http.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class AsyncClient:
    """The same, for asyncio."""

    def __init__(
        self, base: str, token: str | None = None, *, verify: SSLContext | bool = True, tries: int = TRIES
    ) -> None:
        self.http = httpx.AsyncClient(base_url=base, headers=_bearer(token), timeout=TIMEOUT, verify=verify)
        self._tries = tries

    async def send(self, call: Call[Answer]) -> Answer:
        """The answer. Raises `Refused`, `Problem`, `Unreachable`."""
        for pause in _pauses(self._tries if call.repeatable else 1):
            try:
                response = await self.http.request(
                    call.method,
                    call.path,
                    content=call.body,
                    params=dict(call.query),
                    headers=call.all_headers(),
                )
            except httpx.TransportError as error:
                if pause is None:
                    raise errors.Unreachable(type(error).__name__) from error
                await asyncio.sleep(pause)
                continue
            wait = _wait(response, pause)
            if wait is None:
                return _answer(call, response)
            await asyncio.sleep(wait)
        raise AssertionError("the last try ends above")

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


def _bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _pauses(tries: int) -> Iterator[float | None]:
    """What to wait after each try; None after the last."""
    for number in range(tries - 1):
        yield min(FIRST_PAUSE * 2**number, LONGEST_PAUSE)
    yield None


def _wait(response: httpx.Response, pause: float | None) -> float | None:
    """How long to wait before it is sent again; None: this is the answer."""
    if pause is None:
        return None
    busy = response.status_code == HTTPStatus.CONFLICT and _AT_WORK.encode() in response.content
    if response.status_code not in _AGAIN and not busy:
        return None
    asked = response.headers.get("Retry-After", "")
    return min(max(pause, float(asked) if asked.isdecimal() else 0), LONGEST_PAUSE)


def _answer(call: Call[Answer], response: httpx.Response) -> Answer:
    if response.is_success:
        return call.read(response.content)
    raise errors.read(response.status_code, response.content)
