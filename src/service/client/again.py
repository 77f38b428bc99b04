"""When a request is sent again, and after what pause. The same for both clients."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import httpx

from service.client import errors
from service.client.call import Answer, Call, Reply

TRIES = 4
TIMEOUT = httpx.Timeout(60, connect=10)
STREAM = {"Accept": "text/event-stream, application/problem+json", "Accept-Encoding": "identity"}
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 8.0
_AGAIN = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}

Said = TypeVar("Said")


class Tries:
    """The tries of one call: `most` in a row that came to nothing are the end of it."""

    def __init__(self, most: int) -> None:
        self._most, self._failed = most, 0

    def afresh(self) -> None:
        """Something came of this one: that it broke off then does not count."""
        self._failed = -1

    def lost(self, error: httpx.TransportError | None = None) -> float:
        """What to wait after a connection that broke or ended too early. Raises `Unreachable`."""
        pause = self._pause()
        if pause is None:
            name = "the stream ended before its end" if error is None else type(error).__name__
            raise errors.Unreachable(name) from error
        return pause

    def wait(self, response: httpx.Response) -> float | None:
        """What to wait before it is sent again; None: this is the answer. Its body must be read."""
        if not _passing(response) or (pause := self._pause()) is None:
            return None
        asked = response.headers.get("Retry-After", "")
        return min(max(pause, float(asked) if asked.isdecimal() else 0), _LONGEST_PAUSE)

    def _pause(self) -> float | None:
        self._failed += 1
        if self._failed >= self._most:
            return None
        return min(_FIRST_PAUSE * (1 << max(0, self._failed - 1)), _LONGEST_PAUSE)


def answer(call: Call[Answer], response: httpx.Response) -> Answer:
    """What was answered. Raises `Refused`, `Problem`."""
    if response.is_success:
        return read(call.read, Reply(response.headers, response.content))
    raise errors.of(response)


def read(reader: Callable[[Said], Answer], said: Said) -> Answer:
    """What `said` says. Raises `Problem` for what is none of our answers, whatever its status."""
    try:
        return reader(said)
    except (ValueError, KeyError):
        # Without its words: they quote what came.
        raise errors.unknown(HTTPStatus.OK) from None


def streams(response: httpx.Response) -> bool:
    """Whether events follow."""
    kind: str = response.headers.get("Content-Type", "")
    return response.is_success and kind.startswith("text/event-stream")


def bearer(token: str | None) -> dict[str, str]:
    """The header that says who asks."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _passing(response: httpx.Response) -> bool:
    """Whether the same request may well be answered otherwise in a moment."""
    if response.status_code == HTTPStatus.CONFLICT:
        # A film is not sent again to hear that somebody else is sending it.
        light = response.request.headers.get("Content-Length", "0") == "0"
        return b"REQUEST_AT_WORK" in response.content or (light and b"UPLOAD_AT_WORK" in response.content)
    return response.status_code in _AGAIN
