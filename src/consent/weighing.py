"""A case against the rules: everything that stands in its way, and what that makes the answer."""

from collections.abc import Sequence
from datetime import timedelta

from consent import items
from consent.case import Case, Mode, Output
from consent.docket import Answer
from consent.ground import Ground
from consent.hearing import Hearing
from consent.law import home_of
from consent.objection import Objection, Severity
from consent.policy import Policy
from consent.question import Circumstances, Stage, questions
from consent.required import missing
from consent.words import Purpose


def weigh(
    policy: Policy,
    case: Case,
    heard: Hearing,
    *,
    tenant: str,
    mode: Mode,
    output: Output | None = None,
    lifted: frozenset[str] = frozenset(),
) -> tuple[Objection, ...]:
    """All objections to `case`. With `output` it is the release stage. Empty means yes.

    A case of another tenant or for another mode than this deployment's is not ours to permit: `mode`
    decides what proof is enough, so a case must not bring its own.
    """
    codes = [*heard.faults, *(f"MISSING:{field}" for field in missing(case))]
    if case.tenant != tenant:
        codes.append("OTHER_TENANT")
    if case.mode is not mode:
        codes.append("OTHER_MODE")
    stage = Stage.DECIDE if output is None else Stage.RELEASE
    ground = ground_of(policy, case, heard)
    refused = refused_lately(heard, ground)
    now = Circumstances(
        heard.at, stage, heard.standings, heard.template, output, ground, heard.licences, lifted, refused
    )
    asked = questions(case, now)
    said = items.named(policy.evaluate(asked), asked)
    if not codes:
        return said
    # Cedar says G-00 for a missing field without its name; ours name it, so its own is left out.
    named = tuple(policy.failure(code) for code in codes)
    return (*named, *(o for o in said if o.rule != named[0].rule or o.detail))


def refused_lately(heard: Hearing, ground: Ground) -> dict[str, frozenset[Purpose]]:
    """By person, what she declined within the time of rest that the law here asks for (G-38)."""
    since = heard.at - timedelta(days=ground.law["ask_again_days"])
    return {
        person: frozenset(purpose for purpose, at in declined.items() if at > since)
        for person, declined in heard.refusals.items()
    }


def ground_of(policy: Policy, case: Case, heard: Hearing) -> Ground:
    """The law of every place this touches: seat, region, where it is shown, where each person lives."""
    homes = {standing.document.scope.jurisdiction for standing in heard.standings.values()}
    shown = case.use.territories if case.use else ()
    place, on = heard.place, heard.at.date()
    law = policy.law(frozenset({place.seat, place.region, *homes, *shown}), on)
    return Ground(place, law, heard.cabinet, {home: home_of(policy.packs, home, on) for home in homes})


def answer_to(objections: Sequence[Objection]) -> Answer:
    """Any denial is a refusal; holds alone are a hold; nothing is a permit."""
    if any(objection.severity is Severity.DENY for objection in objections):
        return Answer.REFUSAL
    return Answer.HOLD if objections else Answer.PERMIT
