"""One soak from beginning to end: a town, a crowd, a killer; then drain, look, stop, and hold all of it to account."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit.canonical import Json
from service.database import Database
from soak import afterwards
from soak.actor import Actor
from soak.books import Books, Published
from soak.clients import at_work, crowd, opening
from soak.journal import Journal
from soak.market import Market
from soak.promises import broken
from soak.scenery import Scenery
from soak.town import Town
from soak.vitals import Vitals, passing

DRAIN_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how many, how rough."""

    seconds: float
    clients: int
    workers: int
    kill_every: float
    """Seconds between two kills of a worker, on average."""
    calm: float = 0.4
    """The last part of the time, in which nobody is killed: so that a worker lives to be looked at."""
    serve_dies_at: float | None = 0.1
    """The part of the time after which the API is killed, once."""
    think: float = 1.0
    """Seconds that a client waits between two things, on average."""
    sample_every: float = 5.0
    seed: int = 20261122


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    journal: Journal
    vitals: Vitals
    seconds: float = 0.0
    broken: dict[str, list[str]] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    exits: Mapping[str, int | None] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    """Files in passing folders, at the end."""
    did: dict[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, Json] = field(default_factory=dict)


def run(plan: Plan, folder: Path, database: str | None) -> Outcome:
    """A soak in an empty folder. What is not kept is told, not raised."""
    town = Town.founded(folder, database, plan.workers, uploads_open="500")
    try:
        return asyncio.run(_run(plan, town))
    finally:
        town.close()


async def _run(plan: Plan, town: Town) -> Outcome:
    dice, journal, vitals = random.Random(plan.seed), Journal(), Vitals()
    scenery = Scenery.make(town.shell.folder / "scenery")
    market = Market(scenery, most_jobs=8 * plan.workers + 4)
    outcome = Outcome(plan, journal, vitals)
    token = town.shell("key", "issue", "--role", "operator", "--name", "first")["token"]
    town.open()
    begun = time.monotonic()
    looking = [
        asyncio.create_task(town.looked_after()),
        asyncio.create_task(vitals.taken(town, begun, plan.sample_every)),
    ]
    try:
        await town.ready()
        actors = await crowd(town.base, token, plan.clients, dice, market, journal)
        await opening(actors)
        start = time.monotonic()
        until = start + plan.seconds
        looking.append(asyncio.create_task(_killing(plan, town, random.Random(dice.random()), start)))
        await at_work(actors, until, plan.think)
        if not await afterwards.settled(town.base, token, DRAIN_SECONDS):
            outcome.broken["drained"] = ["swaps are left after the time to drain"]
        outcome.seconds = time.monotonic() - start
        seen = await afterwards.faults(town.base, token, journal, town.shell.folder, dice)
        if seen:
            outcome.broken["seen from outside"] = seen
        await _duties_done(town)
    finally:
        for task in looking:
            task.cancel()
        ended = await asyncio.gather(*looking, return_exceptions=True)
    assert not [one for one in ended if isinstance(one, Exception)], ended
    outcome.exits = town.stop()
    _account(town, outcome, actors)
    return outcome


async def _killing(plan: Plan, town: Town, dice: random.Random, start: float) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(town.killing(dice, plan.kill_every, start + plan.seconds * (1 - plan.calm)))
        if plan.serve_dies_at is not None:
            await asyncio.sleep(plan.seconds * plan.serve_dies_at)
            town.kill(town.serve)


async def _duties_done(town: Town) -> None:
    """A worker's last turns: what is owed for the last withdrawals."""
    for _ in range(60):
        found = town.shell.folder / "settled"
        database = Database(_url(town))
        try:
            with database.read() as session:
                owed = session.connection().exec_driver_sql(
                    "SELECT count(*) FROM duty WHERE done_at IS NULL"
                ).scalar_one()
        finally:
            database.close()
        if not owed:
            found.touch()
            return
        await asyncio.sleep(1)


def _url(town: Town) -> str:
    from service.settings import load

    return load(town.shell.data).database_url


def _account(town: Town, outcome: Outcome, actors: Sequence[Actor]) -> None:
    data = town.shell.data
    vkey = (data / "keys" / "log.vkey").read_text().strip()
    database = Database(_url(town))
    try:
        books = Books.read(database, Published.read(data / "log", vkey))
    finally:
        database.close()
    outcome.broken |= broken(outcome.journal, books)
    if town.faults:
        outcome.broken["processes"] = town.faults
    wrong = {name: code for name, code in outcome.exits.items() if code != 0}
    if wrong:
        outcome.broken["stopping"] = [f"{name} left with {code}" for name, code in wrong.items()]
    faults = [f"{name}: {line}" for name, line in town.said() if " error " in line or " critical " in line
              or line.startswith("Traceback")]
    if faults:
        outcome.broken["said"] = faults
    if town.shell("log", "audit")["findings"]:
        outcome.broken["audit"] = ["`consentry log audit` finds the log edited"]
    outcome.killed, outcome.left = town.killed, passing(town)
    for actor in actors:
        for what, count in actor.done.items():
            outcome.did[what] = outcome.did.get(what, 0) + count
    kinds: dict[str, int] = {}
    for kind in books.log.kinds:
        kinds[kind] = kinds.get(kind, 0) + 1
    states: dict[str, int] = {}
    for job in books.jobs:
        states[job.state] = states.get(job.state, 0) + 1
    outcome.kinds, outcome.rows = kinds, {"jobs": states, "outputs": len(books.outputs)}
