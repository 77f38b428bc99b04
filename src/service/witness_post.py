"""The way out to witnesses: https, or http to this very machine."""

import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address

from audit.errors import BadInput
from audit.witness import LONGEST_REQUEST, Answer, of_origin
from audit.witnessed import WitnessUnready
from service import posting
from service.posting import NoAnswer

_PATH = "/add-checkpoint"


class AddressUnfit(BadInput):
    """An address at which no witness is asked."""

    code = "WITNESS_ADDRESS"
    zh = "见证方地址无效：须为 https，或本机 http。"
    hint = "Name an https URL without user, query or fragment; http is for a witness on this very machine."
    hint_zh = "请提供不含用户名、查询参数和片段的 https 地址；http 仅限本机见证服务。"


def allowed(url: str) -> str:
    """The URL without a final slash, if a witness may be asked there. Raises `AddressUnfit`."""
    parts = posting.parts(url)
    if parts is None:
        raise AddressUnfit(f"expected https://host/path, not {url[:80]!r}")
    if parts.scheme != "https" and not (parts.scheme == "http" and _here(parts.hostname or "")):
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
        return self._answer(_PATH, data)

    def seen(self, origin: str) -> str:
        """The note that it says it cosigned last of this log. Raises `WitnessUnready`, also for none."""
        answer = self._answer(f"/{of_origin(origin)}/checkpoint", None)
        if answer.status != 200:
            raise WitnessUnready(f"{self.name} shows no checkpoint: {answer.status}")
        return answer.body

    def _answer(self, path: str, data: bytes | None) -> Answer:
        try:
            found = posting.ask(
                self.url + path, data, {}, most=LONGEST_REQUEST, until=self.until, tls=self.tls
            )
            return Answer(found.status, found.body.decode(), found.kind)
        except NoAnswer as error:
            raise WitnessUnready(f"{self.name} {error}") from None
        except UnicodeError:
            raise WitnessUnready(f"{self.name} answers what is no text") from None


def _here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
