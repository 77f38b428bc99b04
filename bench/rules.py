"""How long the rules alone take: the questions of a case put together, and all rules asked at once."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench.row import Bound, Promise, Row
from consent import casebook
from consent.casebook import Expected
from consent.policy import Policy, Question, load
from consent.words import Action
from service.layout import packaged

ONE_MS, TWENTY_MS, CASES_S = 1.0, 20.0, 30.0
PEOPLE, CASES = 20, 10_000
_ROUNDS = 300
_HOW = (
    "`Policy.evaluate` on the questions of a swap that nothing objects to: every rule of the shipped policy, "
    "the question of the work and one for each person, the schema checked, in one batch. Works and people "
    "are remembered by their bytes, as in a service; the instant is another each time. Not in it: what puts "
    "the questions together (`consent.question`), any database or signature. CPU time, median of "
    f"{_ROUNDS} after 20 to warm up. "
)
ONE = Promise(
    name="rules-one-person",
    what="all rules on a swap of one person",
    unit="ms",
    bound=Bound("<", 1),
    how=_HOW + "A work and one performer.",
)
TWENTY = Promise(
    name="rules-twenty-people",
    what=f"all rules on a work of {PEOPLE} people",
    unit="ms",
    bound=Bound("<", 1),
    how=_HOW
    + f"A work and {PEOPLE} people, of whom the law lets no more than 16: so refused, by every rule.",
)
MANY = Promise(
    name="rules-casebook",
    what=f"{CASES} cases of the casebook",
    unit="s",
    bound=Bound("<", 1),
    how=f"The casebook's cases over and over until {CASES} were asked and answered as expected, one after "
    "the other, their questions put together from the book each time. CPU time, once.",
)


def rows() -> Iterator[Row]:
    """One person, twenty, and the casebook."""
    policy = load(packaged())
    cases = casebook.read(packaged(), policy)
    plain = next(one for one in cases if one.action is Action.SWAP and not one.expect and one.book == "base")
    yield ONE.within(_asked(policy, plain, 1), ONE_MS)
    yield TWENTY.within(_asked(policy, plain, PEOPLE), TWENTY_MS)
    before = time.process_time()
    for number in range(CASES):
        case = cases[number % len(cases)]
        if case.answer(policy) != case.expect:
            raise RuntimeError(f"answered otherwise: {case}")
    yield MANY.within([time.process_time() - before], CASES_S)


def _asked(policy: Policy, case: Expected, people: int) -> list[float]:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    took = []
    for number in range(20 + _ROUNDS):
        moment = at + timedelta(milliseconds=number)
        questions = _questions(case, people, moment)
        before = time.process_time()
        objections = policy.evaluate(questions)
        if number >= 20:
            took.append(1000 * (time.process_time() - before))
        if {one.rule for one in objections} - {"G-42"}:
            raise RuntimeError(f"answered otherwise: {objections}")
    return took


def _questions(case: Expected, people: int, at: datetime) -> list[Question]:
    """The work with this many performers in it."""
    work, her = case.questions[:2]
    text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    context = {**work.context, "now": {"__extn": {"fn": "datetime", "arg": text}}}
    names = [f"performer-{number}" for number in range(1, people + 1)]
    about = {**work.attributes, "cast": names, "declared": people}
    cast = [
        replace(her, person=name, context=context, attributes={**her.attributes, "person": name})
        for name in names
    ]
    return [replace(work, attributes=about, context=context), *cast]
