"""One soak from beginning to end: a town, a crowd, a killer; then drain, look, stop, and add it up."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from service.database import Database
from service.settings import load
from soak import afterwards
from soak.actor import Actor
from soak.books import Books, Published
from soak.clients import at_work, closing, crowd, opening
from soak.journal import Journal
from soak.market import Market
from soak.outcome import Outcome, Plan
from soak.promises import broken
from soak.scenery import Scenery
from soak.town import Town
from soak.vitals import Vitals, passing

DRAIN_SECONDS = 180.0
DUTIES_SECONDS = 90.0
"""Within which a worker comes by, also one that has to wait for its slot."""
FAULT = re.compile(r"^\S+ (error|critical) |^Traceback")
"""A line of a process's log that says that something went wrong in it."""


def run(plan: Plan, folder: Path, database: str | None) -> Outcome:
    """A soak in an empty folder. What is not kept is told, not raised."""
    town = Town.founded(folder, database, plan.workers, uploads_open="500")
    try:
        return asyncio.run(_run(plan, town))
    finally:
        town.close()


async def _run(plan: Plan, town: Town) -> Outcome:
    dice, journal, vitals = random.Random(plan.seed), Journal(), Vitals()
    scenery = Scenery.make(town.shell.folder / "scenery", plan.clips)
    market = Market(scenery, most_jobs=8 * plan.workers + 4)
    outcome = Outcome(plan, journal, vitals)
    token = town.shell("key", "issue", "--role", "operator", "--name", "first")["token"]
    town.open()
    begun = time.monotonic()
    looking = [
        asyncio.create_task(town.looked_after()),
        asyncio.create_task(vitals.taken(town, begun, plan.sample_every)),
    ]
    actors: Sequence[Actor] = ()
    try:
        await town.ready()
        actors = await crowd(town.base, token, plan.clients, dice, market, journal)
        await opening(actors)
        start = time.monotonic()
        until = start + plan.seconds
        looking.append(asyncio.create_task(_killing(plan, town, random.Random(dice.random()), start)))
        await at_work(actors, until, plan.think)
        await town.ready()
        await closing(actors[0])
        outcome.seconds = time.monotonic() - start
        if not await afterwards.settled(town.base, token, DRAIN_SECONDS):
            outcome.broken["drained"] = ["swaps are left after the time to drain"]
        seen = await afterwards.faults(town.base, token, journal, town.shell.folder, dice)
        if seen:
            outcome.broken["seen from outside"] = seen
        await _duties_done(town)
    finally:
        for task in looking:
            task.cancel()
        ended = await asyncio.gather(*looking, return_exceptions=True)
        for actor in actors:
            await actor.client.close()
    assert not [one for one in ended if isinstance(one, Exception)], ended
    outcome.exits = town.stop()
    _account(town, outcome, actors)
    return outcome


async def _killing(plan: Plan, town: Town, dice: random.Random, start: float) -> None:
    async with asyncio.TaskGroup() as group:
        until = start + plan.seconds * (1 - plan.calm)
        group.create_task(town.killing(dice, plan.kill_every, plan.kills, until))
        if plan.serve_dies_at is not None:
            await asyncio.sleep(plan.seconds * plan.serve_dies_at)
            town.kill(town.serve)


async def _duties_done(town: Town) -> None:
    """A worker's last turns: what is owed for the last withdrawals. What stays is found in the books."""
    until = time.monotonic() + DUTIES_SECONDS
    database = Database(load(town.shell.data).database_url)
    try:
        while time.monotonic() < until and _owed(database):
            await asyncio.sleep(0.5)
    finally:
        database.close()


def _owed(database: Database) -> int:
    with database.read() as session:
        query = "SELECT count(*) FROM duty WHERE done_at IS NULL"
        return int(session.connection().exec_driver_sql(query).scalar_one())


def _account(town: Town, outcome: Outcome, actors: Sequence[Actor]) -> None:
    data, found = town.shell.data, outcome.broken
    vkey = (data / "keys" / "log.vkey").read_text().strip()
    database = Database(load(data).database_url)
    try:
        books = Books.read(database, Published.read(data / "log", vkey))
    finally:
        database.close()
    found |= broken(outcome.journal, books)
    found |= {name: faults for name, faults in _of_processes(town, outcome).items() if faults}
    if town.shell("log", "audit")["findings"]:
        found["audit"] = ["`consentry log audit` finds the log edited"]
    outcome.killed, outcome.left = town.killed, passing(town)
    outcome.did = dict(sum((Counter(actor.done) for actor in actors), Counter()))
    outcome.kinds = Counter(books.log.kinds)
    outcome.jobs = Counter(job.state for job in books.jobs)


def _of_processes(town: Town, outcome: Outcome) -> dict[str, list[str]]:
    # Lines of ours name their level; what else is there was printed by whoever crashed.
    loud = [f"{name}: {line}" for name, line in town.said() if FAULT.search(line)]
    stopped = [f"{name} left with {code}" for name, code in outcome.exits.items() if code != 0]
    return {"processes": town.faults, "stopping": stopped, "said": loud}
