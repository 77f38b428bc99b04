"""What serving over HTTP costs: a range of an output, a swap asked for. `serve` in a process of its own."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fastapi import APIRouter
from fastapi.responses import FileResponse

from audit.ids import fresh
from bench.house import House, house
from bench.meter import ROUNDS
from bench.row import Bound, Promise, Row
from bench.served import CONNECTIONS, served, together
from bench.shoot import Shoot, permitted
from consent.shape import to_json
from service.api.access import Operator
from service.api.house import House as Served
from service.api.house import TheHouse
from service.api.route import Route
from service.apikeys import KeyRole
from service.demo import portraits
from service.demo.story import OPERATOR, USE
from service.shapes.swaps import AskSwap
from swap import duties, library, orders, outputs
from swap.duties import Kind
from swap.finishing import Finisher, Made
from swap.quarantine import in_chunks
from swap.store import SETTLED_NS

RANGE, SIZE = 1 << 20, 16 << 20
RANGES = 2 * SIZE // RANGE
ASKED = 12
STEADY = 4
"""Times as many rounds of decisions: one round's wall time varies by a fifth, with fsync."""
_MAKE = Finisher.make
_BOTH = (
    f"`serve` in a process of its own, on SQLite and this machine's disk; {CONNECTIONS} keep-alive "
    "connections of threads of the bench. Both handlers in one application, in turn. By the clock, medians "
    "of the rounds. "
)
RANGES_SERVED = Promise(
    name="serve-range",
    what="1 MiB ranges of a 16 MiB output",
    unit="MiB/s",
    bound=Bound(">=", 0.7),
    how=_BOTH
    + f"{RANGES} ranges a connection and round, in order, twice through the file. Reference: Starlette's "
    "FileResponse, asked by anybody. Ours: key, role, and the serving gate for each range (rows, consents, "
    "deny journal), the copy counted in a write session at its first range, the file known as checked.",
)
DECIDED = Promise(
    name="decision-endpoint",
    what="POST /v1/swaps, answered with a permit",
    unit="requests/s",
    bound=Bound(">=", 0.5),
    how=_BOTH
    + f"{ASKED} requests a connection and round, each with a key of its own. Reference: the same route with "
    "key, role, idempotency, template and donor read, job and duty written and committed. Ours: besides "
    "these the gate's decision about three people, its entry, permit, and a checkpoint over it before the "
    "answer. ",
)


def rows() -> Iterator[Row]:
    """A range, then a decision."""
    with house() as place:
        set_ = Set.prepared(place)
        with set_.served() as port:
            yield _ranges(set_, port)
            yield _decisions(set_, port)


@dataclass(frozen=True, slots=True)
class Set:
    """A released output, made 16 MiB long, a published template with a donor, and an operator's key."""

    place: House
    output: str
    template: str
    donor: str
    token: str

    @classmethod
    def prepared(cls, place: House) -> "Set":
        shoot, record = Shoot.prepared(place), place.record
        tenant = record.settings.tenant
        with patch.object(Finisher, "make", _padded):
            shoot.take()
        with record.database.read() as session:
            (job,) = orders.page(session, tenant, None, 1)
            released = outputs.of_job(session, tenant, job.id)
        if released is None:
            raise RuntimeError("nothing was released")
        donor = shoot.cast["hopper"]
        received = place.studio.donors.receive(
            OPERATOR,
            job.template,
            donor.person,
            donor.authorization or "",
            in_chunks(portraits.path("hopper")),
            is_self=False,
        )
        permitted(received.decision)
        with record.database.write() as session:
            keys = Served(record, place.studio).keys
            issued = keys.issue(session, KeyRole.OPERATOR, OPERATOR, now=record.clock())
        return cls(place, released.id, job.template, received.donor or "", issued.token)

    @contextmanager
    def served(self) -> Iterator[int]:
        """Served by another process; its port."""
        record = self.place.record
        with record.database.read() as session:
            file = outputs.get(session, record.settings.tenant, self.output).digest
        with served(record.settings.data, _references, record.delivery.media.path(file)) as port:
            yield port


def _padded(finisher: Finisher, *arguments: Any, **more: Any) -> Made:
    """As finished, with a box of air at the end: the gate asks about consents, not about lengths."""
    made = _MAKE(finisher, *arguments, **more)
    air = SIZE - made.size
    with made.path.open("ab") as file:
        file.write(air.to_bytes(4) + b"free" + os.urandom(air - 8))
    with made.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return replace(made, digest=digest, size=SIZE)


def _references(file: Path) -> APIRouter:
    router = APIRouter(prefix="/reference", route_class=Route)

    @router.get("/file")
    def whole() -> FileResponse:
        return FileResponse(file, media_type="video/mp4")

    @router.post("/swaps", status_code=HTTPStatus.ACCEPTED)
    def swaps(place: TheHouse, _: Operator, asked: AskSwap) -> dict[str, str]:
        tenant, now, entropy = place.tenant, place.clock(), place.record.entropy
        job = fresh(entropy)
        with place.database.write() as session:
            library.get(session, tenant, asked.template)
            orders.donor(session, tenant, asked.donor)
            orders.add_job(
                session,
                tenant,
                job,
                template=asked.template,
                donor_id=asked.donor,
                permit=fresh(entropy),
                now=now,
            )
            duties.owe(session, tenant, Kind.RUN_JOB, job, now=now, entropy=entropy)
        return {"job": job}

    return router


def _ranges(set_: Set, port: int) -> Row:
    def fetch(path: str) -> Callable[[HTTPConnection, int], None]:
        def one(line: HTTPConnection, number: int) -> None:
            begin = number * RANGE % SIZE
            asked = {"Range": f"bytes={begin}-{begin + RANGE - 1}", "Authorization": f"Bearer {set_.token}"}
            line.request("GET", path, headers=asked)
            answer = line.getresponse()
            if len(answer.read()) != RANGE or answer.status != HTTPStatus.PARTIAL_CONTENT:
                raise RuntimeError(f"{path}: {answer.status}")

        return one

    ours, theirs = fetch(f"/v1/outputs/{set_.output}/content"), fetch("/reference/file")
    # A file that was just written is hashed for each range, until it has been left alone for a while.
    threading.Event().wait(SETTLED_NS / 1e9)
    mine, others = [], []
    for number in range(ROUNDS + 1):
        seconds = [together(port, RANGES, one)[0] for one in (ours, theirs)]
        if number:  # the first round warms up
            mine.append(CONNECTIONS * RANGES / seconds[0])
            others.append(CONNECTIONS * RANGES / seconds[1])
    return RANGES_SERVED.kept(mine, others)


def _decisions(set_: Set, port: int) -> Row:
    body = json.dumps({"template": set_.template, "donor": set_.donor, "use": to_json(USE)})

    def ask(path: str) -> Callable[[HTTPConnection, int], None]:
        def one(line: HTTPConnection, _number: int) -> None:
            headers = {
                "Authorization": f"Bearer {set_.token}",
                "Idempotency-Key": fresh(os.urandom),
                "Content-Type": "application/json",
            }
            line.request("POST", path, body, headers)
            answer = line.getresponse()
            said = answer.read()
            if answer.status != HTTPStatus.ACCEPTED:
                raise RuntimeError(f"{path}: {answer.status} {said[:200]!r}")

        return one

    mine, others, waits = [], [], []
    for number in range(STEADY * ROUNDS + 1):
        seconds, took = together(port, ASKED, ask("/v1/swaps"))
        reference, _ = together(port, ASKED, ask("/reference/swaps"))
        if number:
            mine.append(CONNECTIONS * ASKED / seconds)
            others.append(CONNECTIONS * ASKED / reference)
            waits += took
    p99 = 1000 * sorted(waits)[int(0.99 * len(waits))]
    said = f"99 of 100 were answered within {p99:.0f} ms."
    return replace(DECIDED, how=DECIDED.how + said).kept(mine, others)
