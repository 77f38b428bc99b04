"""A source record says where a video comes from, in one form, and is read back or refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import Json
from shelved import a_source
from swap.source import BadSource, Source


def test_a_record_comes_back_as_it_was_written() -> None:
    assert Source.from_json(a_source().to_json()) == a_source()


def test_the_gate_is_told_an_orphan_from_an_original() -> None:
    stated = replace(a_source(), original=False).stated(received="aa" * 32, media=None)

    assert not stated.origin_known
    assert stated.supplier == "a studio"
    assert stated.media_digest is None


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"supplier": ""},
        {"supplier": "  "},
        {"supplier": 7},
        {"kind": "FOUND"},
        {"acquired_at": "last week"},
        {"acquired_at": "2026-11-22T08:00:00"},
        {"copyright_licence": ""},
        {"portrait_licences": ["ff"]},
        {"portrait_licences": {"a": 7}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_record_with_a_fault_is_refused_without_quoting_it(change: dict[str, Json]) -> None:
    with pytest.raises(BadSource) as raised:
        Source.from_json({**a_source().to_json(), **change})

    assert "studio" not in str(raised.value)


@given(st.sampled_from(sorted(a_source().to_json())))
def test_no_field_can_be_left_out(name: str) -> None:
    rest = {key: value for key, value in a_source().to_json().items() if key != name}

    with pytest.raises(BadSource):
        Source.from_json(rest)


def test_only_a_plain_true_makes_an_original() -> None:
    assert not Source.from_json({**a_source().to_json(), "original": "yes"}).original
