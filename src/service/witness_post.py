"""The way out to witnesses: https, or http to this very machine; once, bounded in bytes and in time.

Their addresses are the operator's own, so that private ones are allowed, unlike a hook's
(`service.outbound`). No redirect is followed: a witness is where the operator says it is, and a request
names nothing that another could not read. No proxy or credentials are taken from the environment.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from audit.errors import BadInput
from audit.witness import LONGEST_REQUEST, Answer, of_origin
from audit.witnessed import WitnessUnready

LONGEST = 60.0
"""Seconds that nobody waits longer for, whatever the settings say."""
_PATH = "/add-checkpoint"


class AddressUnfit(BadInput):
    """An address at which no witness is asked."""

    code = "WITNESS_ADDRESS"
    zh = "见证方地址无效：须为 https，或本机 http。"
    hint = "Name an https URL without user, query or fragment; http is for a witness on this very machine."
    hint_zh = "请提供不含用户名、查询参数和片段的 https 地址；http 仅限本机见证服务。"


def allowed(url: str) -> str:
    """The URL without a final slash, if a witness may be asked there. Raises `AddressUnfit`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressUnfit("not an address") from None
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\@?#")
    if not plain or not host or port == 0:
        raise AddressUnfit(f"expected https://host/path, not {url[:80]!r}")
    if parts.scheme != "https" and not (parts.scheme == "http" and _here(host)):
        raise AddressUnfit(f"expected https, or http on this machine, not {url:.80}")
    return url.rstrip("/")


@dataclass(frozen=True, slots=True)
class WitnessPost:
    """Asks one witness until its time is over. An `audit.witnessed.Post`."""

    name: str
    url: str
    """As `allowed` gives it."""
    until: float
    """On the monotonic clock, for all requests together."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """The system's authorities when unset."""

    def __call__(self, data: bytes) -> Answer:
        """The answer, whatever it says. Raises `WitnessUnready` where there is none that can be read."""
        return asyncio.run(self._within("POST", _PATH, data))

    def seen(self, origin: str) -> str:
        """The note that it says it cosigned last of this log. Raises `WitnessUnready`, also for none."""
        answer = asyncio.run(self._within("GET", f"/{of_origin(origin)}/checkpoint", None))
        if answer.status != 200:
            raise WitnessUnready(f"{self.name} shows no checkpoint: {answer.status}")
        return answer.body

    async def _within(self, method: str, path: str, data: bytes | None) -> Answer:
        try:
            # As a whole: who drips bytes is left as who sends none.
            async with asyncio.timeout(self.until - time.monotonic()):
                return await self._send(method, path, data)
        except TimeoutError:
            raise WitnessUnready(f"{self.name} does not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise WitnessUnready(f"{self.name} can't be asked: {type(error).__name__}") from None
        except UnicodeError:
            raise WitnessUnready(f"{self.name} answers what is no text") from None

    async def _send(self, method: str, path: str, data: bytes | None) -> Answer:
        async with (
            httpx.AsyncClient(
                verify=self.tls or _system(), trust_env=False, follow_redirects=False, timeout=LONGEST
            ) as client,
            # Not compressed: a small answer must not become a large one here.
            client.stream(
                method, self.url + path, content=data, headers={"accept-encoding": "identity"}
            ) as answer,
        ):
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > LONGEST_REQUEST:
                    raise WitnessUnready(f"{self.name} answers more than {LONGEST_REQUEST >> 10} KiB")
            kind = answer.headers.get("content-type", "")
            return Answer(answer.status_code, body.decode(), kind)


@cache
def _system() -> ssl.SSLContext:
    return ssl.create_default_context()


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
