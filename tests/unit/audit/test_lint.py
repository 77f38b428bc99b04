"""The linter: the closed form of what we sign and of what we accept."""

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audit import lint
from audit.claim import definition, published_minute, template_ingredient
from outputs import an_output

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just("another text"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def _definition() -> Any:
    return json.loads(json.dumps(definition(an_output())))


def _faults(found: object) -> list[str]:
    return list(lint.faults(found, lint.DEFINITION, "definition"))


def test_what_we_write_passes() -> None:
    assert _faults(_definition()) == []
    assert list(lint.faults(template_ingredient(an_output()), lint.TEMPLATE)) == []


def test_optional_gate_fields_may_be_missing() -> None:
    assert list(lint.faults(definition(an_output(rules=(), aigc_produce_id=None)), lint.DEFINITION)) == []


def test_a_fault_names_the_place_and_never_the_content() -> None:
    broken = _definition()
    broken["assertions"][2]["data"]["permit"] = "Ms Somebody"

    assert _faults(broken) == ["definition.assertions[2].data.permit is not of its form"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("v", True),
        ("v", 2),
        ("v", "1"),
        ("authorizations", []),
        ("authorizations", ["ff" * 32, "aa" * 32]),
        ("authorizations", ["aa" * 32, "aa" * 32]),
        ("authorizations", ["a person"]),
        ("authorizations", [1]),
        ("authorizations", "aa" * 32),
        ("rules", []),
        ("rules", ["not a rule id"]),
        ("log_origin", "https://example.com"),
        ("policy_sha256", "AB" * 32),
        ("lowest_proof", 1),
        ("aigc_produce_id", "1" * 31),
        ("performer", "a name"),
    ],
)
def test_the_gate_assertion_is_closed(key: str, value: object) -> None:
    broken = _definition()
    broken["assertions"][2]["data"][key] = value

    assert _faults(broken)


@pytest.mark.parametrize(
    "key", ["v", "log_origin", "permit", "authorizations", "policy_sha256", "lowest_proof"]
)
def test_the_gate_assertion_needs_every_required_field(key: str) -> None:
    broken = _definition()
    del broken["assertions"][2]["data"][key]

    assert _faults(broken) == [f"definition.assertions[2].data.{key} is missing"]


def _paths(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += _paths(item, (*at, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _paths(item, (*at, number))
    return found


_OPTIONAL = {"rules", "aigc_produce_id"}


def _walk(value: Any, where: tuple[Any, ...]) -> Any:
    for step in where:
        value = value[step]
    return value


@pytest.mark.parametrize("where", [path for path in _paths(_definition()) if isinstance(path[-1], str)])
def test_no_key_of_a_definition_can_be_taken_away(where: tuple[Any, ...]) -> None:
    broken = _definition()

    del _walk(broken, where[:-1])[where[-1]]

    assert bool(_faults(broken)) == (where[-1] not in _OPTIONAL)


@given(st.sampled_from(_paths(_definition())), anything)
def test_no_part_of_a_definition_can_be_something_else(where: tuple[Any, ...], other: object) -> None:
    broken = _definition()
    assume(other != _walk(broken, where))

    _walk(broken, where[:-1])[where[-1]] = other

    assert _faults(broken)


@given(anything)
def test_no_json_makes_the_linter_fall_over(found: object) -> None:
    assert _faults(found)
    assert list(lint.faults(found, lint.MANIFEST))


def test_anything_goes_where_the_form_says_so() -> None:
    assert list(lint.faults({"a": object()}, {"a": None})) == []
    assert list(lint.faults({}, {"a": lint.Maybe(re.compile("x"))})) == []
    assert list(lint.faults({"a": "y"}, {"a": lint.Maybe(re.compile("x"))})) == [
        "manifest.a is not of its form"
    ]


def test_the_published_time_is_cut_to_the_minute() -> None:
    assert published_minute(an_output().when) == "2026-11-22T12:34:00Z"
