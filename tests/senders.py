"""What is tried with either client: sent by one that waits, and by one that awaits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from service.client import AsyncClient, Client

Act: TypeAlias = Callable[[Any], Any]


def waiting(base: str, token: str | None, act: Act, tries: int = 4) -> Any:
    with Client(base, token, tries=tries) as client:
        return act(client)


def awaiting(base: str, token: str | None, act: Callable[[Any], Awaitable[Any]], tries: int = 4) -> Any:
    async def acting() -> Any:
        async with AsyncClient(base, token, tries=tries) as client:
            return await act(client)

    return asyncio.run(acting())


EITHER = pytest.mark.parametrize("sent_by", [waiting, awaiting])
