"""The client that waits for its answers."""

import time
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

import httpx

from service.client import again, errors
from service.client.call import Answer, Call, Follow, Steps
from service.client.events import Events, Tell, untold
from service.client.saving import Saving


class Client:
    """Close it, or use it in a `with`."""

    def __init__(
        self,
        base: str,
        token: str | None = None,
        *,
        verify: SSLContext | bool = True,
        tries: int = again.TRIES,
    ) -> None:
        self.http = httpx.Client(
            base_url=base, headers=again.bearer(token), timeout=again.TIMEOUT, verify=verify
        )
        self._tries = tries

    def send(self, call: Call[Answer]) -> Answer:
        """The answer. Raises `Refused`, `Problem`, `Unreachable`."""
        for pause in again.pauses(self._tries):
            try:
                response = self.http.request(
                    call.method,
                    call.path,
                    content=call.body,
                    params=dict(call.query),
                    headers=call.all_headers(),
                )
            except httpx.TransportError as error:
                _sleep(pause, error)
                continue
            wait = again.wait(response, pause)
            if wait is None:
                return again.answer(call, response)
            time.sleep(wait)
        raise AssertionError("the last try ends above")

    def run(self, steps: Steps[Answer]) -> Answer:
        """Send calls that belong together, one after the other. Raises as `send`."""
        sending: Call[Any] = next(steps)
        while True:
            try:
                try:
                    said = self.send(sending)
                except errors.Problem as problem:
                    sending = steps.throw(problem)
                else:
                    sending = steps.send(said)
            except StopIteration as end:
                done: Answer = end.value
                return done

    def save(self, call: Call[bytes], path: Path) -> None:
        """Save an answer as a file, whole or not at all; goes on after breaks.

        Raises `Refused`, `Problem` (also in the midst of it: what is withdrawn is not sent on), `Damaged`,
        `Unreachable`.
        """
        with Saving(path) as saving:
            pauses = again.pauses(self._tries)
            for pause in pauses:
                try:
                    with self.http.stream("GET", call.path, headers=saving.headers(call)) as response:
                        if response.is_success:
                            saving.begin(response)
                            for chunk in response.iter_bytes():
                                saving.write(chunk)
                            return saving.finish()
                        response.read()
                except httpx.TransportError as error:
                    _sleep(pause, error)
                    continue
                wait = again.wait(response, pause)
                if wait is None:
                    raise errors.read(response.status_code, response.content)
                time.sleep(wait)
        raise AssertionError("the last try ends above")

    def wait_for(self, follow: Follow[Answer], tell: Tell = untold) -> Answer:
        """What it came to, however long that takes. Raises `Problem`, `Unreachable`."""
        pauses = again.pauses(self._tries)
        while True:
            events = Events(tell)
            try:
                with self.http.stream("GET", follow.path) as response:
                    if response.is_success:
                        for line in response.iter_lines():
                            pauses = again.pauses(self._tries)
                            if (end := events.line(line)) is not None:
                                return follow.read(end)
                        continue
                    response.read()
            except httpx.TransportError as error:
                _sleep(next(pauses), error)
                continue
            wait = again.wait(response, next(pauses))
            if wait is None:
                raise errors.read(response.status_code, response.content)
            time.sleep(wait)

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


def _sleep(pause: float | None, error: httpx.TransportError) -> None:
    if pause is None:
        raise errors.Unreachable(type(error).__name__) from error
    time.sleep(pause)
