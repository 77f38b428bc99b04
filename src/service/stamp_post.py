"""The way out to time stamp authorities: RFC 3161 over HTTP (3.4), with or without TLS.

What is sent is a digest that says nothing, and what comes back is signed: many authorities have no https.
"""

import time
from dataclasses import dataclass

from audit.errors import BadInput
from audit.stamp import LONGEST, StampUnready
from service import posting
from service.posting import NoAnswer

_ASKS, _ANSWERS = "application/timestamp-query", "application/timestamp-reply"


class TsaAddressUnfit(BadInput):
    """An address at which no authority is asked."""

    code = "TSA_ADDRESS"
    zh = "时间戳机构地址无效：须为 http 或 https。"
    hint = "Name an http or https URL without user, query or fragment, and each host once."
    hint_zh = "请提供不含用户名、查询参数和片段的 http 或 https 地址，每个主机仅列一次。"


def host(url: str) -> str:
    """The name an authority goes by here: its host, with the port if it has one. Raises `TsaAddressUnfit`."""
    parts = posting.parts(url)
    if parts is None or parts.scheme not in {"http", "https"}:
        raise TsaAddressUnfit(f"expected http(s)://host/path, not {url[:80]!r}")
    return parts.netloc


@dataclass(frozen=True, slots=True)
class StampPost:
    """Asks one authority."""

    name: str
    url: str
    seconds: float

    def __call__(self, request: bytes) -> bytes:
        """Its answer, which nobody has looked at. Raises `StampUnready` where there is none."""
        try:
            found = posting.ask(
                self.url,
                request,
                {"content-type": _ASKS},
                most=LONGEST,
                until=time.monotonic() + self.seconds,
            )
        except NoAnswer as error:
            raise StampUnready(f"{self.name} {error}") from None
        if found.status != 200:
            raise StampUnready(f"{self.name} answers {found.status}")
        if found.kind.partition(";")[0].strip().lower() != _ANSWERS:
            raise StampUnready(f"{self.name} answers what is no time stamp")
        return found.body
