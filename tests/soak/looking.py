"""Reading: inboxes, authorizations, lists, the log and its proofs; and what strangers try."""

from service.client import Problem, authorizations, decisions, log, outputs, people, swaps, templates
from soak.actor import Actor, watched

NOBODY = "0" * 32


async def reads_her_inbox(actor: Actor) -> None:
    """Somebody looks at what was decided about her, and at how her consent stands."""
    signers = actor.market.signers()
    if not signers:
        return
    she, another = actor.dice.choice(signers), actor.dice.choice(signers)
    async with actor.as_creator(she.token) as hers:
        inbox = await actor.send(people.inbox(she.person), hers)
        shown = await actor.send(authorizations.show(she.authorization), hers)
        await actor.send(authorizations.impact(she.authorization), hers)
        await actor.send(templates.naming_me(limit=5), hers)
        for event in shown.events:
            actor.note(event.entry)
        for asked in inbox.asked:
            actor.note(asked.entry)
        if another.person != she.person:
            await must_not(actor, hers.send(people.inbox(another.person)), "PERSON_UNKNOWN", "NOT_FOUND")
            await must_not(
                actor, hers.send(authorizations.show(another.authorization)), "AUTHORIZATION_UNKNOWN"
            )


async def reads_the_log(actor: Actor) -> None:
    """The checkpoint, a page of entries, the proof of one of them, and lists."""
    checkpoint = await actor.send(log.checkpoint())
    after = actor.dice.randrange(checkpoint.size)
    page = await actor.send(log.entries(after, limit=20))
    if page.items:
        one = actor.dice.choice(page.items)
        await actor.send(log.proof(one.entry))
        actor.note(one.entry)
    await actor.send(log.file("checkpoint"))
    if checkpoint.size >= 256:
        await actor.send(log.file("tile/0/000"))
    await actor.send(decisions.page(limit=10))
    await actor.send(swaps.page(limit=10))
    await actor.send(authorizations.published_notices())


async def is_a_stranger(actor: Actor) -> None:
    """Wrong keys, ids of nobody, and routes for others: nothing is told, nothing is done."""
    async with watched(
        actor.base, "ck_" + NOBODY + "_" + "A" * 43, f"{actor.name}-x", actor.journal
    ) as wrong:
        await must_not(actor, wrong.send(decisions.page()), "API_KEY_INVALID")
    await must_not(actor, actor.client.send(outputs.show(NOBODY)), "NOT_FOUND")
    await must_not(actor, actor.client.send(swaps.show(NOBODY)), "NOT_FOUND")
    signers = actor.market.signers()
    if signers:
        she = actor.dice.choice(signers)
        async with actor.as_creator(she.token) as hers:
            await must_not(actor, hers.send(swaps.page()), "ROLE_NOT_ALLOWED")
        async with watched(actor.base, None, f"{actor.name}-x", actor.journal) as anybody:
            wrong_code = authorizations.withdraw_by_code(she.authorization, "AAAA-AAAA")
            await must_not(actor, anybody.send(wrong_code), "RECOVERY_CODE_WRONG")


async def must_not(actor: Actor, answer, *codes: str) -> None:
    """A problem with one of these codes; a service that is busy or restarts tells nothing either."""
    try:
        await answer
    except Problem as problem:
        if problem.said.status not in {429, 503}:
            actor.expects(problem, *codes)
    else:
        actor.journal.surprises.append(f"answered, where {codes} was due")
