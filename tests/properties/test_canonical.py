"""One value, one spelling: ours is RFC 8785's, whichever way it was written."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import NotCanonical, canonical

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_our_bytes_are_those_of_the_standard(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(values, st.floats())
def test_a_float_is_found_wherever_it_hides(value: object, number: float) -> None:
    for hidden in ([value, number], {"é": value, "z": number}, {"a": [{"ß": 1, "b": {"c": number}}]}):
        with pytest.raises(NotCanonical):
            canonical(hidden)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad", [2**53, -(2**53), "\ud800", {1: 2}, object(), b"x", {"a": {3: 4}}, {"k": {"\ud800": 1}}]
)
def test_what_has_no_canonical_form_is_refused(bad: object) -> None:
    with pytest.raises(NotCanonical):
        canonical(bad)  # type: ignore[arg-type]
