"""The way out to addresses that others name: https, to one public address, once, bounded; nothing is read.

Whoever registers a hook could make us ask things of our own network (SSRF). So a name is resolved once,
every address it has must be public, and the connection goes to one that was looked at: a name that
answers differently a second time is never asked a second time. No redirect is followed, no proxy or
credentials are taken from the environment, and of the answer only the status is looked at.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import httpx

from audit.errors import BadInput, Unready

SECONDS = 10.0
"""For one attempt as a whole, resolving included: whoever drips bytes is left."""
LONGEST_URL = 2000
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_UNICAST6 = ip_network("2000::/3")
_EMBEDDING = (ip_network("2002::/16"), ip_network("2001::/23"), ip_network("2001:db8::/32"))
"""6to4, Teredo and its neighbours: what they carry is another address."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(BadInput):
    """An address that nothing is sent to: no https, or not on the public internet."""

    code = "HOOK_ADDRESS"
    zh = "该地址不可用作回调：须为 https 且位于公网。"
    hint = "Name an https address without user, password or fragment, whose host has public addresses only."
    hint_zh = "请提供不含用户名、密码和片段的 https 地址，且主机仅解析到公网地址。"


class NotDelivered(Unready):
    """Nobody answered, in time and with a 2xx."""

    code = "HOOK_UNANSWERED"
    zh = "回调地址未在限定时间内以 2xx 应答。"
    hint = "The receiver answers 2xx within ten seconds, without a redirect, and works afterwards."
    hint_zh = "接收方须在十秒内直接返回 2xx（不得重定向），再行处理。"


async def by_system(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as this machine resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def allowed(url: str, *, demo: bool) -> SplitResult:
    """The address, if it is written as one may be. `demo`: http to this very machine too.

    Raises `AddressRefused`. Whether its host is public is asked at each sending.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressRefused("not an address") from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not plain or len(url) > LONGEST_URL or not host or parts.username is not None or "@" in parts.netloc:
        raise AddressRefused("expected https://host/path")
    if parts.fragment or port == 0:
        raise AddressRefused("expected no fragment, and a port that is one")
    here = demo and host in _HERE
    if parts.scheme != "https" and not (here and parts.scheme == "http"):
        raise AddressRefused("expected https")
    try:
        literal = ip_address(host)
    except ValueError:
        return parts
    if not (public(literal) or here):
        raise AddressRefused("expected a public address")
    return parts


def public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is of the public internet: not private, local or multicast, nor wrapping such."""
    if isinstance(address, IPv6Address) and (
        address not in _UNICAST6 or any(address in net for net in _EMBEDDING)
    ):
        # Mapped, compatible and translated (64:ff9b::/96) IPv4 lie outside 2000::/3.
        return False
    return address.is_global and not address.is_multicast


@dataclass(frozen=True, slots=True)
class Outbound:
    """Sends to others' addresses."""

    demo: bool
    """Whether this very machine may be named, and without TLS."""
    resolve: Resolve = by_system
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    seconds: float = SECONDS

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send it. Raises `AddressRefused`, `NotDelivered`; messages name no address."""
        asyncio.run(self._within(url, body, headers))

    async def _within(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await self._post(url, body, headers)
        except TimeoutError:
            raise NotDelivered("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise NotDelivered(f"no answer: {type(error).__name__}") from None

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        parts = allowed(url, demo=self.demo)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = self._chosen(host, await self.resolve(host, port))
        # To the address that was looked at, under the name that was asked for: the certificate is the name's.
        shown = f"[{address}]" if ":" in address else address
        target = httpx.URL(url).copy_with(host=shown.strip("[]"))
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(
                verify=self.tls, trust_env=False, follow_redirects=False, timeout=self.seconds, limits=limits
            ) as client,
            client.stream(
                "POST",
                target,
                content=body,
                headers={**headers, "host": parts.netloc},
                extensions={"sni_hostname": host},
            ) as answer,
        ):
            if not answer.is_success:
                raise NotDelivered(f"answered {answer.status_code}")

    def _chosen(self, host: str, found: Sequence[str]) -> str:
        addresses = [ip_address(each.partition("%")[0]) for each in found]
        if not addresses:
            raise NotDelivered("the host has no address")
        here = self.demo and host in _HERE
        for address in addresses:
            if not (address.is_loopback if here else public(address)):
                raise AddressRefused("the host has an address that is not public")
        return str(addresses[0])
