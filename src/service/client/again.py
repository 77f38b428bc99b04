"""When a request is sent again, and after what pause. The same for both clients."""

from collections.abc import Iterator
from http import HTTPStatus

import httpx

from service.client import errors
from service.client.call import Answer, Call, Reply

TRIES = 4
TIMEOUT = httpx.Timeout(60, connect=10)
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 8.0
_AGAIN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_AT_WORK = (b"REQUEST_AT_WORK", b"UPLOAD_AT_WORK")


def pauses(tries: int) -> Iterator[float | None]:
    """What to wait after each try; None after the last."""
    for number in range(tries - 1):
        yield min(_FIRST_PAUSE * 2**number, _LONGEST_PAUSE)
    yield None


def wait(response: httpx.Response, pause: float | None) -> float | None:
    """How long to wait before a request is sent again; None: this is the answer. Its body must be read."""
    if pause is None or response.is_success:
        return None
    busy = response.status_code == HTTPStatus.CONFLICT and any(code in response.content for code in _AT_WORK)
    if response.status_code not in _AGAIN and not busy:
        return None
    asked = response.headers.get("Retry-After", "")
    return min(max(pause, float(asked) if asked.isdecimal() else 0), _LONGEST_PAUSE)


def answer(call: Call[Answer], response: httpx.Response) -> Answer:
    """What was answered. Raises `Refused`, `Problem`."""
    if response.is_success:
        return call.read(Reply(response.headers, response.content))
    raise errors.read(response.status_code, response.content)


def bearer(token: str | None) -> dict[str, str]:
    """The header that says who asks."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}
