"""All clients at once, each doing one thing after another, chosen by its own dice."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence

from consent.words import Role
from service.apikeys import KeyRole
from service.client import AsyncClient, Problem, Refused, Unreachable, keys
from service.shapes.keys import IssueKey
from soak.actor import Actor, Behaviour, Lost
from soak.bringing import brings_a_donor, brings_a_video, signs
from soak.journal import Journal
from soak.leaving import leaves, takes_consent_back
from soak.looking import is_a_stranger, reads_her_inbox, reads_the_log
from soak.market import Market
from soak.swapping import fetches_something, swaps_a_face, uses_a_key_again

MIX: Mapping[Behaviour, int] = {
    brings_a_video: 10,
    brings_a_donor: 4,
    swaps_a_face: 30,
    fetches_something: 25,
    takes_consent_back: 4,
    reads_her_inbox: 10,
    reads_the_log: 8,
    is_a_stranger: 5,
    uses_a_key_again: 4,
}
"""How often what is done, of a hundred."""
OFFERS = 4
PATIENCE = 400.0
"""Seconds for what was begun when the time is over: a swap may wait for an heir, and for others before it."""


async def crowd(
    base: str, token: str, count: int, dice: random.Random, market: Market, journal: Journal
) -> Sequence[Actor]:
    """So many clients, each with an operator's key of its own."""
    actors = []
    async with AsyncClient(base, token) as first:
        for number in range(count):
            name = f"desk-{number}"
            issued = await first.send(keys.issue(IssueKey(role=KeyRole.OPERATOR, name=name, days=1)))
            own = random.Random(dice.random())
            actors.append(Actor.of(name, base, issued.token, own, market, journal))
    return actors


async def opening(actors: Sequence[Actor]) -> None:
    """A donor for each clip and a few templates: who comes first finds something to do."""
    first, market = actors[0], actors[0].market
    for clip in market.scenery.clips:
        photo = first.dice.choice(market.scenery.donors)
        market.donors.append(await signs(first, Role.DONOR, clip, photo))
    await asyncio.gather(*(brings_a_video(actor) for actor in actors[:OFFERS]))


async def at_work(actors: Sequence[Actor], until: float, think: float) -> None:
    """All of them, until an instant; then what they have begun is ended."""
    async with asyncio.timeout(max(0.0, until - time.monotonic()) + PATIENCE), asyncio.TaskGroup() as group:
        for actor in actors:
            group.create_task(_goes_about(actor, until, think))


async def _goes_about(actor: Actor, until: float, think: float) -> None:
    behaviours, weights = list(MIX), list(MIX.values())
    await asyncio.sleep(actor.dice.random() * think)
    while time.monotonic() < until:
        act = actor.dice.choices(behaviours, weights)[0]
        try:
            await act(actor)
        except (Lost, Unreachable):
            actor.count(f"{act.__name__}, lost")
        except Refused as no:
            actor.count(f"{act.__name__}, refused")
            actor.note(no.said.entry)
        except Problem as problem:
            # Ways are crossed by whoever withdraws meanwhile. Everything else is looked at.
            actor.expects(problem, "WRONG_STATE", "AUTHORIZATION_REFUSED", "NOT_IN_FORCE")
        else:
            actor.count(act.__name__)
        await asyncio.sleep(actor.dice.expovariate(1 / think))


async def closing(actor: Actor) -> None:
    """A performer and a donor leave, however short the soak was."""
    for leavers in ([offer.performer for offer in actor.market.offers], actor.market.donors):
        if leavers:
            await leaves(actor, leavers[0])
