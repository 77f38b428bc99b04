"""Asking for swaps, following them, calling them off, and fetching what they came to."""

import asyncio
from hashlib import sha256

import httpx

from service.client import Call, Problem, Refused, outputs, swaps, verifications
from service.shapes.swaps import Asked as Said
from service.shapes.swaps import Job
from soak.actor import Actor, Lost
from soak.bringing import USE
from soak.journal import Asked, Permitted, Served, Stake
from soak.market import SWAP, Offer, Signer

HEARD_OF = 400


async def swaps_a_face(actor: Actor) -> None:
    """A donor's photo, perhaps a dry run, the question, the wait, the file."""
    found = actor.market.pair(actor.dice)
    if found is None or actor.market.busy:
        return
    offer, donor = found
    photo = await hands_in(actor, offer, donor)
    if photo is None:
        return
    if actor.dice.random() < 0.3:
        await try_it(actor, swaps.check(offer.template, photo, USE))
    rests_on = offer.performer.rests(SWAP) | donor.rests(SWAP)
    actor.market.jobs += 1
    try:
        job = await asks(actor, swaps.ask(offer.template, photo, USE), rests_on)
        if job is not None:
            await goes_on(actor, job, rests_on)
    finally:
        actor.market.jobs -= 1


async def hands_in(actor: Actor, offer: Offer, donor: Signer) -> str | None:
    """The donor's photo, for one template."""
    photo = actor.dice.choice(actor.market.scenery.donors)
    begun = actor.now()
    try:
        given = await actor.send(
            swaps.donate(offer.template, donor.person, donor.authorization, photo, is_self=False)
        )
    except Refused:
        return None
    actor.journal.permits.append(Permitted("donor", donor.rests("REMOTE_STORE_TRANSMIT", "MATCHING"), begun))
    return given.donor


async def asks(actor: Actor, call: Call[Said], rests_on: frozenset[Stake]) -> str | None:
    """One question, perhaps sent twice at once or again later: it is one question."""
    begun = actor.now()
    times = actor.dice.choice([1, 1, 1, 2])
    said = await asyncio.gather(*(actor.send(call) for _ in range(times)), return_exceptions=True)
    jobs, no, lost = [], False, False
    for one in said:
        if isinstance(one, Said):
            jobs.append(one.job)
        elif isinstance(one, Refused):
            no = True
        elif isinstance(one, Lost):
            lost = True
        elif isinstance(one, Problem):
            # She withdrew, somebody else's job took her photo along, or the template is in use no more.
            actor.expects(one, "WRONG_STATE", "DONOR_PHOTO_GONE")
            no = True
        elif isinstance(one, BaseException):
            raise one
    if not jobs:
        actor.journal.asked.append(Asked(None if lost and not no else "", rests_on))
        return None
    if not lost and actor.dice.random() < 0.3:
        jobs.append((await actor.send(call)).job)
    actor.journal.asked.append(Asked(jobs[0], rests_on, tuple(jobs[1:])))
    if len(said) == 1:
        actor.journal.permits.append(Permitted("swap", rests_on, begun))
    return jobs[0]


async def goes_on(actor: Actor, job: str, rests_on: frozenset[Stake]) -> None:
    """Wait for it, or call it off; fetch what is released."""
    if actor.dice.random() < 0.15:
        await asyncio.sleep(actor.dice.random() * 3)
        await actor.send(swaps.call_off(job))
    ended: Job = await actor.client.wait_for(swaps.ended(job))
    if ended.outcome is None or not ended.state.final:
        actor.journal.surprises.append(f"a swap was said to have ended, and is {ended.state}")
    elif ended.outcome.output is not None:
        output = ended.outcome.output
        actor.journal.outputs[output] = rests_on
        actor.market.outputs.append(output)
        del actor.market.outputs[:-HEARD_OF]
        await fetches(actor, output, whole=True)
    elif ended.outcome.error not in {None, "CANCELLED", "RENDER_CANCELLED", "JOB_STOPPED"}:
        actor.journal.surprises.append(f"a swap failed: {ended.outcome.error}")


async def fetches_something(actor: Actor) -> None:
    """An output that somebody else made, perhaps of somebody who has left."""
    if actor.market.outputs:
        await fetches(actor, actor.dice.choice(actor.market.outputs), whole=actor.dice.random() < 0.3)


async def fetches(actor: Actor, output: str, *, whole: bool) -> None:
    """The whole file, held against its digest and receipt; or some ranges of it."""
    facts = await actor.send(outputs.show(output))
    if whole:
        data = await get(actor, output, None)
        if data is not None and sha256(data).hexdigest() != facts.digest:
            actor.journal.surprises.append("an output has other bytes than its digest says")
        if data is not None and actor.dice.random() < 0.2:
            await verified(actor, output, facts.digest)
        return
    for _ in range(actor.dice.randrange(1, 4)):
        begin = actor.dice.randrange(facts.size)
        end = min(facts.size, begin + actor.dice.randrange(1, 1 << 16))
        if await get(actor, output, (begin, end)) is None:
            return


async def get(actor: Actor, output: str, span: tuple[int, int] | None) -> bytes | None:
    """Bytes of an output, written down with the instant at which they were asked for; None: gone."""
    headers = {} if span is None else {"Range": f"bytes={span[0]}-{span[1] - 1}"}
    begun = actor.now()
    try:
        said = await actor.client.http.get(f"/v1/outputs/{output}/content", headers=headers)
    except httpx.TransportError as error:
        # Also a delivery that was broken off because somebody withdrew.
        raise Lost(type(error).__name__) from None
    if said.status_code in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        rests_on = actor.journal.outputs.get(output, frozenset())
        actor.journal.served.append(Served(output, rests_on, begun, len(said.content)))
        if span is not None and len(said.content) != span[1] - span[0]:
            actor.journal.surprises.append("a range is not as long as was asked for")
        return said.content
    if said.status_code not in {410, 429, 503}:
        actor.journal.surprises.append(f"an output was answered with {said.status_code}")
    return None


async def verified(actor: Actor, output: str, digest: str) -> None:
    """By the service itself: receipt and file belong together."""
    receipt = await actor.send(outputs.receipt(output))
    try:
        said = await actor.send(verifications.held(receipt, digest))
    except Problem as problem:
        actor.expects(problem, "NOT_FOUND", "OUTPUT_WITHDRAWN", "OUTPUT_CONSENT_ENDED", "MEDIA_MISSING")
        return
    if said.verdict != "verified":
        actor.journal.surprises.append("an output does not verify")


async def try_it(actor: Actor, call: Call) -> None:
    """A dry run, whatever it says."""
    try:
        await actor.send(call)
    except Problem as problem:
        actor.expects(problem, "WRONG_STATE", "DONOR_PHOTO_GONE")


async def uses_a_key_again(actor: Actor) -> None:
    """The same Idempotency-Key with another request: refused, and nothing is done."""
    found = actor.market.pair(actor.dice)
    if found is None:
        return
    first = swaps.check(found[0].template, "0" * 32, USE)
    said = []
    for body in (first.body, (first.body or b"") + b" "):
        headers = first.all_headers()
        try:
            said.append(await actor.client.http.post(first.path, content=body, headers=headers))
        except httpx.TransportError as error:
            raise Lost(type(error).__name__) from None
    if any(one.status_code in {429, 503} for one in said):
        return
    codes = [one.json()["code"] for one in said]
    if codes[1] not in {"IDEMPOTENCY_KEY_REUSED", "REQUEST_AT_WORK"}:
        actor.journal.surprises.append(f"a key was used again and answered {codes}")
