"""One client: its keys, its dice, and what it writes down of every answer."""

import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from service.client import AsyncClient, Call, Problem, Refused, Unreachable
from service.client.call import Answer
from soak.journal import Answered, Journal
from soak.market import Market

_ID = re.compile(r"[0-9a-f]{64}|[0-9a-f]{32}")
_TILE = re.compile(r"/log/tile/.*")


class Lost(Exception):
    """No answer that says what happened: the connection was lost, or the service was not ready for long."""


@dataclass(slots=True)
class Actor:
    """Who acts. All that it is answered goes into the journal."""

    name: str
    base: str
    dice: random.Random
    market: Market
    journal: Journal
    client: AsyncClient
    """With an operator's key of its own."""
    done: dict[str, int] = field(default_factory=dict)
    """How often it did what."""

    @classmethod
    def of(
        cls, name: str, base: str, token: str, dice: random.Random, market: Market, journal: Journal
    ) -> "Actor":
        """An actor with a key."""
        return cls(name, base, dice, market, journal, watched(base, token, name, journal))

    async def send(self, call: Call[Answer], client: AsyncClient | None = None) -> Answer:
        """The answer, its entry noted. Raises `Refused`, `Problem`, and `Lost` where nobody knows."""
        try:
            said = await (client or self.client).send(call)
        except Refused as no:
            self.note(no.said.entry)
            raise
        except Problem as problem:
            if unknown(problem):
                raise Lost(problem.code) from None
            raise
        except Unreachable as error:
            raise Lost(str(error)) from None
        self.note(getattr(said, "entry", None))
        return said

    def note(self, entry: str | None) -> None:
        """An entry that was named to us must be in the log for good."""
        if entry:
            self.journal.entries.add(entry)

    def count(self, what: str) -> None:
        """One more of what it did."""
        self.done[what] = self.done.get(what, 0) + 1

    def expects(self, problem: Problem, *codes: str) -> None:
        """Anything but these codes is a surprise."""
        if problem.code not in codes:
            self.journal.surprises.append(f"{problem.said.status} {problem.code}: {problem.said.detail}")

    @asynccontextmanager
    async def as_creator(self, token: str) -> AsyncIterator[AsyncClient]:
        """With somebody's own key."""
        async with watched(self.base, token, self.name, self.journal) as client:
            yield client

    def now(self) -> float:
        """The journal's clock."""
        return time.monotonic()


Behaviour = Callable[[Actor], Awaitable[None]]


def unknown(problem: Problem) -> bool:
    """Whether this answer leaves open what became of the request."""
    return problem.said.status in {429, 503} or problem.code in {"REQUEST_AT_WORK", "REQUEST_UNFINISHED"}


def watched(base: str, token: str | None, name: str, journal: Journal) -> AsyncClient:
    """A client whose every HTTP answer is written down."""
    client = AsyncClient(base, token)
    # Each comes from an address of its own, as behind a proxy: wrong keys are counted by address.
    client.http.headers["X-Forwarded-For"] = address(name)

    async def asked(request: httpx.Request) -> None:
        request.extensions["begun"] = time.monotonic()

    async def answered(response: httpx.Response) -> None:
        request = response.request
        journal.answers.append(
            Answered(
                operation(request.method, request.url.path),
                response.status_code,
                request.extensions["begun"],
                time.monotonic(),
                "Retry-After" in response.headers,
            )
        )

    client.http.event_hooks = {"request": [asked], "response": [answered]}
    return client


def address(name: str) -> str:
    """An address for a client."""
    number = sum(name.encode()) * 31 + len(name)
    return f"10.0.{number // 250 % 250}.{number % 250 + 1}"


def operation(method: str, path: str) -> str:
    """The route, without ids."""
    return f"{method} {_TILE.sub('/log/tile/*', _ID.sub('*', path))}"
