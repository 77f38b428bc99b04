"""One request to an address that is the operator's own: once, bounded in bytes and in time.

Private addresses are allowed, unlike a hook's (`service.outbound`). No redirect is followed: a server is
where the operator says it is, and a request names nothing that another could not read. No proxy and no
credentials are taken from the environment.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urlsplit

import httpx

LONGEST = 60.0
"""Seconds that nobody waits longer for, whatever the settings say."""


class NoAnswer(Exception):
    """Nothing came back that can be read. Says what instead, without the address."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An answer, whatever it says."""

    status: int
    body: bytes
    kind: str
    """Its Content-Type."""


def parts(url: str) -> SplitResult | None:
    """An address taken apart; None where it has user, query or fragment, or is none."""
    try:
        found = urlsplit(url)
        host, port = found.hostname, found.port
    except ValueError:
        return None
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\@?#")
    return found if plain and host and port != 0 else None


def ask(
    url: str,
    data: bytes | None,
    headers: Mapping[str, str],
    *,
    most: int,
    until: float,
    tls: ssl.SSLContext | None = None,
) -> Posted:
    """POST `data`, or GET without any; read at most so many bytes until then, on the monotonic clock.

    Raises `NoAnswer`. `tls`: the system's authorities when unset.
    """
    return asyncio.run(_within(url, data, headers, most, until, tls))


async def _within(
    url: str,
    data: bytes | None,
    headers: Mapping[str, str],
    most: int,
    until: float,
    tls: ssl.SSLContext | None,
) -> Posted:
    try:
        # As a whole: who drips bytes is left as who sends none.
        async with asyncio.timeout(until - time.monotonic()):
            return await _send(url, data, headers, most, tls)
    except TimeoutError:
        raise NoAnswer("does not answer in time") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise NoAnswer(f"can't be asked: {type(error).__name__}") from None


async def _send(
    url: str, data: bytes | None, headers: Mapping[str, str], most: int, tls: ssl.SSLContext | None
) -> Posted:
    async with (
        httpx.AsyncClient(
            verify=tls or _system(), trust_env=False, follow_redirects=False, timeout=LONGEST
        ) as client,
        # Not compressed: a small answer must not become a large one here.
        client.stream(
            "GET" if data is None else "POST",
            url,
            content=data,
            headers={**headers, "accept-encoding": "identity"},
        ) as answer,
    ):
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > most:
                raise NoAnswer(f"answers more than {most >> 10} KiB")
        return Posted(answer.status_code, bytes(body), answer.headers.get("content-type", ""))


@cache
def _system() -> ssl.SSLContext:
    return ssl.create_default_context()
