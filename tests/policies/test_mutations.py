"""No hole in a request is ever a yes: an attribute that is gone, or of another type, is a refusal."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from consent.casebook import Expected
from consent.policy import Question
from policies.book import CASES, POLICY

WRONG: tuple[Any, ...] = (None, "", 1, 1.5, True, ["x"], [1], {})


def _paths(facts: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(facts, dict) and "__extn" not in facts:
        for name, value in facts.items():
            yield (*way, name)
            yield from _paths(value, (*way, name))


def _place(facts: dict[str, Any], way: tuple[str, ...]) -> dict[str, Any]:
    for step in way[:-1]:
        facts = facts[step]
    return facts


def _copy(facts: Any) -> Any:
    return {name: _copy(value) for name, value in facts.items()} if isinstance(facts, Mapping) else facts


def _same_type(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list):
        return all(isinstance(item, str) for item in new)
    return type(old) is type(new) and not isinstance(old, dict)


def _mutants(original: list[Question], *, wrong: tuple[Any, ...]) -> Iterator[tuple[str, list[Question]]]:
    for i, question in enumerate(original):
        for part in ("attributes", "context"):
            for way in _paths(getattr(question, part)):
                for value in (KeyError, *wrong):
                    facts = _copy(getattr(question, part))
                    place = _place(facts, way)
                    if value is KeyError:
                        del place[way[-1]]
                    elif _same_type(place[way[-1]], value):
                        continue
                    else:
                        place[way[-1]] = value
                    fields = {"attributes": question.attributes, "context": question.context, part: facts}
                    mutant = Question(question.about, question.person, question.action, **fields)
                    yield f"{i}.{part}.{'.'.join(way)}={value!r}", [*original[:i], mutant, *original[i + 1 :]]


BASE = next(case for case in CASES if case.rule == "G-00" and not case.expect)


@pytest.mark.parametrize("stage", ["decide", "release"])
def test_a_permitted_request_with_a_hole_or_a_wrong_type_is_refused(stage: str) -> None:
    case = replace(BASE, stage=stage, facts={**BASE.facts, "asked": {**BASE.facts["asked"], "stage": stage}})
    assert case.answer(POLICY) == ()

    mutants = list(_mutants(case.questions, wrong=WRONG))

    assert len(mutants) > 500
    for name, mutant in mutants:
        assert {o.rule for o in POLICY.evaluate(mutant)} == {"G-00"}, name


@pytest.mark.parametrize("case", [case for case in CASES if case.expect], ids=str)
def test_no_hole_turns_a_refusal_into_a_permit(case: Expected) -> None:
    # A sample, another one for every case: all holes of one request are tried above.
    mutants = list(_mutants(case.questions, wrong=([1], "x")))

    for name, mutant in random.Random(str(case)).sample(mutants, 15):
        assert POLICY.evaluate(mutant) != (), name


def test_an_attribute_nobody_declared_is_a_refusal() -> None:
    original = BASE.questions
    work = original[0]
    odd = Question(work.about, None, work.action, {**work.attributes, "approved": True}, work.context)

    assert {o.rule for o in POLICY.evaluate([odd, *original[1:]])} == {"G-00"}


def test_one_broken_request_refuses_all_of_them() -> None:
    original = BASE.questions
    broken = Question("DONOR", "donor-1", original[0].action, {}, original[0].context)

    assert {o.rule for o in POLICY.evaluate([*original, broken])} == {"G-00"}
