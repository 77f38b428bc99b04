"""Callers of the API in tests: each with a key of a role, over a real socket."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import httpx
from fastapi import FastAPI

from service.api.app import build
from service.api.house import House
from service.api.server import serving
from service.apikeys import KeyRole
from service.worker import working
from swap import outputs
from swap.finishing import Finisher, Made
from swap.orders import Progress
from waiting import LONG
from worlds import World

PIECE = b"".join(sha256(number.to_bytes(4)).digest() for number in range(1 << 15))
"""1 MiB that compresses to nothing."""


@dataclass
class Caller:
    """Somebody with a key, or without."""

    client: httpx.Client
    token: str | None = None
    key: str | None = None

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers: dict[str, str] = dict(more.pop("headers", {}))
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if method == "POST":
            headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def head(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("HEAD", path, **more)

    def put(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("PUT", path, **more)

    def post(self, path: str, json: object = None, **more: Any) -> httpx.Response:
        return self.ask("POST", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("DELETE", path, **more)


@dataclass
class Outside:
    """A world and its API."""

    world: World
    house: House
    app: FastAPI
    client: httpx.Client
    stack: ExitStack
    callers: dict[str, Caller] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> "Outside":
        house = House(world.record, world.studio)
        stack = ExitStack()
        app = build(house)
        base = stack.enter_context(serving(app))
        client = stack.enter_context(httpx.Client(base_url=base, timeout=LONG))
        return cls(world, house, app, client, stack)

    def close(self) -> None:
        self.stack.close()

    def release(self, padding: int = 0) -> str:
        """The job that was asked for, worked off: its output, with so many MiB more at its end."""
        with padded(padding), working(self.world.record, self.world.studio) as worker:
            job = worker.wait_for(self.world.known["job"], lambda _done, _total: None)
        assert job.progress is Progress.RELEASED, job.outcome
        with self.world.record.database.read() as session:
            output = outputs.of_job(session, self.world.tenant, job.id)
        assert output is not None
        return output.id

    def whole(self, output: str) -> bytes:
        """The file as it lies here."""
        delivery = self.world.record.delivery
        return delivery.media.path(delivery.find(output).digest).read_bytes()

    @property
    def nobody(self) -> Caller:
        """Without a key."""
        return Caller(self.client)

    def caller(self, role: KeyRole, name: str = "", person: str | None = None, days: float = 1) -> Caller:
        """With a fresh key."""
        with self.world.record.database.write() as session:
            issued = self.house.keys.issue(
                session,
                role,
                name or f"{role}-1",
                person=person,
                lifetime=timedelta(days=days),
                now=self.world.record.clock(),
            )
        return Caller(self.client, issued.token, issued.key.id)

    @property
    def operator(self) -> Caller:
        return self._once("operator", KeyRole.OPERATOR)

    @property
    def auditor(self) -> Caller:
        return self._once("auditor", KeyRole.AUDITOR)

    @property
    def engine(self) -> Caller:
        return self._once("engine", KeyRole.ENGINE)

    def creator(self, name: str) -> Caller:
        person = self.world.people[name].person
        return self._once(name, KeyRole.CREATOR, person)

    def _once(self, name: str, role: KeyRole, person: str | None = None) -> Caller:
        if name not in self.callers:
            self.callers[name] = self.caller(role, person=person)
        return self.callers[name]


@contextmanager
def padded(pieces: int) -> Iterator[None]:
    """Files that are finished meanwhile end in a box of so many MiB: the log says so, as of any file."""
    make = Finisher.make

    def making(finisher: Finisher, *given: Any, **more: Any) -> Made:
        made = make(finisher, *given, **more)
        with made.path.open("ab") as file:
            file.write((8 + pieces * len(PIECE)).to_bytes(4) + b"free")
            for _ in range(pieces):
                file.write(PIECE)
        data = made.path.read_bytes()
        return replace(made, digest=sha256(data).hexdigest(), size=len(data))

    with patch.object(Finisher, "make", making) if pieces else nullcontext():
        yield
