from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import Json, canonical
from audit.errors import BadInput
from consent.dimensions import DataClass, DonorRule, ExportMechanism, Modification, RevocationEffect
from consent.errors import (
    DescriptionTooShort,
    DocumentMalformed,
    ScopeBundled,
    ScopeContradiction,
    ScopeIrrevocable,
    ScopeOpenSearch,
    ScopeTerm,
)
from consent.scope import UNLIMITED, Export, Scope
from consent.strict import Fields, load
from consent.term import Term
from consent.territories import TERRITORIES
from consent.words import Audience, Modality, Monetisation, Purpose, Role
from consenting import NOON, a_scope, a_term

BARE: dict[str, Json] = {
    "role": "PERFORMER",
    "description": "She may be recognised by her own wish in one named work only.",
    "term": a_term(NOON).json(),
    "jurisdiction": "CN",
    "bundled": False,
    "revocation_effect": ["STOP_NEW"],
}


def test_a_dimension_left_out_permits_nothing() -> None:
    scope = Scope.from_json(BARE)

    assert scope.purposes == scope.modalities == scope.territories == scope.storage_regions == frozenset()
    assert scope.platforms == scope.recipients == scope.engines == scope.sublicense == frozenset()
    assert scope.audience == scope.monetisation == scope.exports == frozenset()
    assert scope.donor_rules is None
    assert scope.retention == {}
    assert all(scope.limit(purpose) == 0 for purpose in Purpose)


def test_modifications_left_out_are_all_prohibited() -> None:
    scope = Scope.from_json(BARE)

    assert scope.prohibited == frozenset(Modification)


def test_intimate_content_is_prohibited_even_when_she_forgot_to_say_so() -> None:
    scope = Scope.from_json({**BARE, "prohibited_modifications": []})

    assert scope.prohibited == {Modification.INTIMATE}


def test_a_repeated_use_without_a_number_is_none_and_unlimited_must_be_said() -> None:
    silent = a_scope(NOON, max_uses={})
    spoken = Scope.from_json({**a_scope(NOON).json(), "max_uses": {"USER_SWAP": UNLIMITED}})

    assert silent.limit(Purpose.USER_SWAP) == 0
    assert silent.limit(Purpose.MATCHING) is None
    assert spoken.limit(Purpose.USER_SWAP) is None


@pytest.mark.parametrize("missing", sorted(BARE))
def test_what_every_scope_must_say_can_not_be_left_out(missing: str) -> None:
    incomplete = {name: value for name, value in BARE.items() if name != missing}

    with pytest.raises(BadInput):
        Scope.from_json(incomplete)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"rate_per_day": 5}, DocumentMalformed),
        ({"term": {**a_term(NOON).json(), "forever": True}}, DocumentMalformed),
        ({"purposes": "MATCHING"}, DocumentMalformed),
        ({"purposes": ["SWAP_ANYTHING"]}, DocumentMalformed),
        ({"modality": ["FACE", "FACE"]}, DocumentMalformed),
        ({"territories": ["*"]}, DocumentMalformed),
        ({"territories": ["EU"]}, DocumentMalformed),
        ({"territories": ["cn"]}, DocumentMalformed),
        ({"platforms": ["*"]}, DocumentMalformed),
        ({"sublicense": True}, DocumentMalformed),
        ({"source_sha256": ["abc"]}, DocumentMalformed),
        ({"retention": {"SOURCE": "30"}}, DocumentMalformed),
        ({"retention": {"SOURCE": True}}, DocumentMalformed),
        ({"retention": {"SOURCE": 0}}, DocumentMalformed),
        ({"retention": {"SOURCE": 2**31}}, DocumentMalformed),
        ({"exports": [{"recipient": "x", "territory": "ZZ", "mechanism": "ASSESSMENT"}]}, DocumentMalformed),
        ({"exports": {}}, DocumentMalformed),
        ({"jurisdiction": "Mars"}, DocumentMalformed),
        ({"description": "e\u0301" * 50}, DocumentMalformed),
        ({"description": "a\u202eb" * 50}, DocumentMalformed),
        ({"description": "Anything."}, DescriptionTooShort),
        ({"bundled": True}, ScopeBundled),
        ({"bundled": 0}, ScopeBundled),
        ({"revocation_effect": ["RECALL_OUTPUTS"]}, ScopeIrrevocable),
        ({"purposes": ["MATCHING"]}, ScopeOpenSearch),
        ({"max_uses": {"USER_SWAP": 1}}, ScopeContradiction),
        ({"monetisation": ["NONE", "PAID"]}, ScopeContradiction),
        ({"retention": {"REFERENCE": 1}}, ScopeContradiction),
        ({"retention": {"EVIDENCE": 30}}, ScopeContradiction),
        ({"purposes": ["PUBLISH_TEMPLATE"]}, ScopeContradiction),
        ({"role": "DONOR", "donor_rules": "CONSENTED_THIRD_PARTY"}, ScopeContradiction),
    ],
)
def test_what_can_not_be_meant_is_refused(change: dict[str, Any], error: type[BadInput]) -> None:
    with pytest.raises(error):
        Scope.from_json({**BARE, **change})


@pytest.mark.parametrize("named", ["work_ids", "template_ids", "requesters", "source_sha256"])
def test_matching_is_agreed_to_for_something_named(named: str) -> None:
    scope = Scope.from_json({**BARE, "purposes": ["MATCHING"], named: ["a" * 64]})

    assert scope.limit(Purpose.MATCHING) is None


@pytest.mark.parametrize(
    ("start", "end", "notice"),
    [
        (NOON, NOON, 0),
        (NOON, NOON - timedelta(days=1), 0),
        (NOON, NOON + timedelta(days=3654), 0),
        (NOON, NOON + timedelta(days=10), 10),
    ],
)
def test_a_term_that_is_empty_endless_or_all_notice_is_refused(
    start: datetime, end: datetime, notice: int
) -> None:
    with pytest.raises(ScopeTerm):
        Term(start, end, "UTC", notice)


def test_a_term_includes_its_first_instant_and_not_its_last() -> None:
    term = a_term(NOON, days=1)
    tick = timedelta(microseconds=1)

    assert [term.holds(at) for at in (term.start - tick, term.start, term.end - tick, term.end)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_date_means_midnight_where_she_is() -> None:
    term = Term.of_dates(date(2026, 12, 1), date(2027, 12, 1), "Asia/Shanghai")

    assert term.start == datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert term.end == datetime(2027, 11, 30, 16, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "/etc/passwd", ""])
def test_a_zone_is_one_the_notice_can_show(zone: str) -> None:
    with pytest.raises(DocumentMalformed):
        Term(NOON, NOON + timedelta(days=1), zone)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-22T12:00:00Z",
        "2026-11-22T20:00:00.000000+08:00",
        "9999-12-31T23:59:59.000000-05:00",  # a year that UTC can't be written in
        "0001-01-01T00:00:00.000000+05:00",
        "tomorrow",
        5,
    ],
)
def test_an_instant_has_one_spelling(written: object) -> None:
    with pytest.raises(DocumentMalformed):
        Fields({"at": written}, "test").instant("at")


def test_every_officially_assigned_territory_can_be_named() -> None:
    assert len(TERRITORIES) == 249


@pytest.mark.parametrize("change", [{"max_uses": {"MATCHING": 0}}, {"exports": [{}, {}]}])
def test_a_number_of_none_and_an_export_to_nobody_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DocumentMalformed):
        Scope.from_json({**a_scope(NOON).json(), **change})


def test_an_export_is_named_once() -> None:
    export: Json = {"recipient": "x", "territory": "US", "mechanism": "ASSESSMENT"}

    with pytest.raises(DocumentMalformed):
        Scope.from_json({**BARE, "exports": [export, export]})


labels = st.sets(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20), max_size=4
)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    start = draw(
        st.integers(0, 10**9).map(lambda s: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=s))
    )
    purposes = frozenset(draw(st.sets(st.sampled_from(Purpose)))) | {
        Purpose.REMOTE_STORE_TRANSMIT,
        Purpose.MAKE_TEMPLATE,
    }
    return Scope(
        role=Role.PERFORMER,
        description=("字" * 40) + "\n" + draw(st.sampled_from(["plain", "中文", "ééé", '"quoted"\\'])),
        term=a_term(start, days=draw(st.integers(31, 3653))),
        jurisdiction=draw(st.sampled_from(["CN", "US-IL", "DE"])),
        revocation=frozenset(draw(st.sets(st.sampled_from(RevocationEffect)))) | {RevocationEffect.STOP_NEW},
        purposes=purposes,
        modalities=frozenset(draw(st.sets(st.sampled_from(Modality)))),
        works=frozenset(draw(labels)) | {"named"},
        sources=frozenset(draw(st.sets(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=3))),
        templates=frozenset(draw(labels)),
        requesters=frozenset(draw(labels)),
        platforms=frozenset(draw(labels)),
        recipients=frozenset(draw(labels)),
        engines=frozenset(draw(labels)),
        sub_processors=frozenset(draw(labels)),
        territories=frozenset(draw(st.sets(st.sampled_from(sorted(TERRITORIES)), max_size=5))),
        storage_regions=frozenset(draw(st.sets(st.sampled_from(sorted(TERRITORIES)), max_size=5))),
        exports=frozenset(
            draw(
                st.sets(
                    st.builds(
                        Export,
                        st.just("who"),
                        st.sampled_from(["US", "DE"]),
                        st.sampled_from(ExportMechanism),
                    )
                )
            )
        ),
        audience=frozenset(draw(st.sets(st.sampled_from(Audience)))),
        monetisation=frozenset(draw(st.sets(st.sampled_from([Monetisation.PAID, Monetisation.REV_SHARE])))),
        compensation=draw(st.sampled_from(["", "5 % of net revenue"])),
        donor_rules=draw(st.none() | st.sampled_from(DonorRule)),
        prohibited=frozenset(draw(st.sets(st.sampled_from(Modification)))),
        max_uses=draw(
            st.dictionaries(st.sampled_from(sorted(purposes)), st.none() | st.integers(1, 2**31 - 1))
        ),
        sublicense=frozenset(draw(labels)),
        retention=draw(st.dictionaries(st.sampled_from(DataClass), st.integers(1095, 9999))),
    )


@given(scopes())
def test_a_scope_survives_its_canonical_bytes_in_exactly_one_form(scope: Scope) -> None:
    data = canonical(scope.json())

    again = Scope.from_json(load(data))

    assert again == scope
    assert canonical(again.json()) == data


json = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.sampled_from([*sorted(a_scope(NOON).json()), "exports", "compensation", "surprise"]), json)
def test_whatever_stands_in_a_field_is_read_or_refused_never_an_accident(name: str, value: Any) -> None:
    try:
        scope = Scope.from_json({**a_scope(NOON).json(), name: value})
    except BadInput:
        return

    assert Scope.from_json(scope.json()) == scope
