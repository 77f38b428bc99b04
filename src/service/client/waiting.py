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
    """Close it, or use it in a `with`. `tries`: how often in a row a request may come to nothing."""

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
        tries = again.Tries(self._tries)
        while True:
            try:
                response = self.http.request(
                    call.method,
                    call.path,
                    content=call.body,
                    params=dict(call.query),
                    headers=call.all_headers(),
                )
                wait = tries.wait(response)
            except httpx.TransportError as error:
                wait = tries.lost(error)
            else:
                if wait is None:
                    return again.answer(call, response)
            time.sleep(wait)

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
        tries = again.Tries(self._tries)
        with Saving(path) as saving:
            while True:
                headers, query = saving.headers(call), dict(call.query)
                try:
                    with self.http.stream("GET", call.path, params=query, headers=headers) as response:
                        if response.is_success:
                            saving.begin(response)
                            for chunk in response.iter_bytes():
                                if saving.write(chunk):
                                    tries.afresh()
                            return saving.finish()
                        response.read()
                        wait = tries.wait(response)
                except httpx.TransportError as error:
                    wait = tries.lost(error)
                else:
                    if wait is None:
                        raise errors.of(response)
                time.sleep(wait)

    def wait_for(self, follow: Follow[Answer], tell: Tell = untold) -> Answer:
        """What it came to, however long that takes. Raises `Problem`, `Unreachable`."""
        tries = again.Tries(self._tries)
        while True:
            events, wait = Events(tell), None
            try:
                with self.http.stream("GET", follow.path, headers=again.STREAM) as response:
                    if again.streams(response):
                        for text in response.iter_text():
                            tries.afresh()
                            if (end := events.take(text)) is not None:
                                return again.read(follow.read, end)
                        # The service ends each stream after a while.
                        wait = tries.lost()
                    else:
                        response.read()
                        wait = tries.wait(response)
            except httpx.TransportError as error:
                wait = tries.lost(error)
            if wait is None:
                raise errors.of(response)
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
