"""Taking consent back, in each of the ways, and trying at once to use what is no longer permitted."""

import asyncio
from collections.abc import Callable

from consent.words import Purpose
from service.client import AsyncClient, Call, Problem, Refused, authorizations, swaps, templates
from service.shapes.authorizations import Withdrawn as Said
from soak.actor import Actor, Lost, watched
from soak.bringing import USE
from soak.journal import Permitted, Withdrawn, stakes
from soak.market import SWAP, Offer, Signer
from soak.swapping import get

FEWEST = 8


async def takes_consent_back(actor: Actor) -> None:
    """Somebody does, once there is something to leave."""
    signers = actor.market.signers()
    if len(signers) < FEWEST or not actor.market.outputs:
        return
    await leaves(actor, actor.dice.choice(signers))


async def leaves(actor: Actor, leaver: Signer) -> None:
    """She takes her consent back; then others try to use it all the same."""
    offers = [offer for offer in actor.market.offers if offer.performer == leaver]
    only = [Purpose(SWAP)] if actor.dice.random() < 0.2 else None
    begun = actor.now()
    said = await withdraws(actor, leaver, only)
    done = Withdrawn(
        # What was named is in force as denied when this is answered, whoever ended it first.
        stakes(leaver.authorization, *(map(str, only) if only else leaver.purposes)),
        said.entry,
        begun,
        actor.now(),
    )
    actor.journal.withdrawals.append(done)
    actor.market.forget(leaver)
    await tries_all_the_same(actor, leaver, offers, said)


async def withdraws(actor: Actor, leaver: Signer, only: list[Purpose] | None) -> Said:
    """By code, by her key, or by an operator."""
    way = actor.dice.choice(["code", "key", "operator"])
    if way == "code":
        async with watched(actor.base, None, actor.name, actor.journal) as anybody:
            return await insists(
                actor,
                lambda: authorizations.withdraw_by_code(leaver.authorization, leaver.code, only),
                anybody,
            )
    if way == "key":
        async with actor.as_creator(leaver.token) as hers:
            return await insists(actor, lambda: authorizations.withdraw(leaver.authorization, only), hers)
    return await insists(actor, lambda: authorizations.withdraw(leaver.authorization, only), None)


async def insists(actor: Actor, call: Callable[[], Call[Said]], client: AsyncClient | None) -> Said:
    """Whoever withdraws does so until it is answered: where an answer was lost, with another key."""
    while True:
        try:
            return await actor.send(call(), client)
        except Lost:
            await asyncio.sleep(1)


async def tries_all_the_same(actor: Actor, leaver: Signer, offers: list[Offer], said: Said) -> None:
    """Each of these begins after the withdrawal was answered, so each must be a no."""
    for output in said.outputs[:3]:
        actor.journal.outputs.setdefault(output, leaver.rests(SWAP))
        await get(actor, output, (0, 1))
    for offer in offers[:2]:
        begun = actor.now()
        try:
            await actor.send(templates.publish(offer.template, USE))
        except Refused:
            pass
        except Problem as problem:
            actor.expects(problem, "WRONG_STATE")
        else:
            actor.journal.permits.append(Permitted("publish", leaver.rests(SWAP), begun))
    for donor in [each for each in actor.market.donors if offers and each.clip == leaver.clip][:1]:
        begun = actor.now()
        photo = actor.dice.choice(actor.market.scenery.donors)
        try:
            given = await actor.send(
                swaps.donate(offers[0].template, donor.person, donor.authorization, photo, is_self=False)
            )
            asked = await actor.send(swaps.ask(offers[0].template, given.donor, USE))
        except Refused:
            continue
        except Problem as problem:
            actor.expects(problem, "WRONG_STATE", "DONOR_PHOTO_GONE")
            continue
        actor.journal.surprises.append(f"swap {asked.job} was permitted on a template somebody left")
        actor.journal.permits.append(Permitted("swap", leaver.rests(SWAP), begun))
