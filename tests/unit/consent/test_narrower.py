"""Less is less in every dimension: held against a small model of what the gate permits on a scope."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.dimensions import DataClass, DonorRule, ExportMechanism, Modification, RevocationEffect
from consent.errors import ScopeContradiction
from consent.narrower import narrower, only
from consent.scope import Export, Scope
from consent.term import Term
from consent.words import Audience, Modality, Monetisation, Purpose, Role
from consenting import NOON, SWAP, a_scope

WORDS = ("a", "b", "c")


def some(words: Any) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(words), max_size=3)


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    """Scopes of a small world, so that two of them often touch."""
    purposes = draw(some([Purpose.USER_SWAP, Purpose.ADVERTISING, Purpose.PREVIEW]))
    start = NOON + timedelta(days=draw(st.integers(0, 3)))
    counts = draw(st.dictionaries(st.sampled_from(Purpose), st.none() | st.integers(1, 3), max_size=2))
    return Scope(
        role=Role.PERFORMER,
        description="A use that is described in the same forty characters each time.",
        term=Term(start, start + timedelta(days=draw(st.integers(1, 4))), "UTC"),
        jurisdiction="CN",
        revocation=draw(some(RevocationEffect)) | {RevocationEffect.STOP_NEW},
        purposes=purposes,
        modalities=draw(some(Modality)),
        works=draw(some(WORDS)),
        templates=draw(some(WORDS)),
        requesters=draw(some(WORDS)),
        platforms=draw(some(WORDS)),
        audience=draw(some(Audience)),
        monetisation=draw(st.sampled_from([frozenset(), {Monetisation.NONE}, {Monetisation.PAID}])),
        donor_rules=draw(st.none() | st.sampled_from(DonorRule)),
        prohibited=draw(some(Modification)),
        max_uses={p: n for p, n in counts.items() if p in purposes},
        sublicense=draw(some(WORDS)),
        retention=draw(st.dictionaries(st.just(DataClass.OUTPUT), st.integers(1, 3))),
    )


def permits(scope: Scope) -> set[tuple[object, ...]]:
    """All a scope permits in the small world: how often, where, when, with whom (policies/base.cedar)."""
    found: set[tuple[object, ...]] = set()
    bound = scope.works or scope.templates or scope.requesters
    for purpose, work, template, requester in product(scope.purposes, WORDS, WORDS, WORDS):
        within = all(
            not mine or it in mine
            for mine, it in (
                (scope.works, work),
                (scope.templates, template),
                (scope.requesters, requester),
            )
        )
        if bound and within:
            found.add((purpose, work, template, requester))
            # Scanning asks the same without the requester, and never on the requester's word alone.
            if scope.works or scope.templates:
                found.add(("scan", work, template))
    alone = {("platform", p) for p in scope.platforms} | {("audience", a) for a in scope.audience}
    alone |= {("modality", m) for m in scope.modalities} | {("money", m) for m in scope.monetisation}
    alone |= {("may", m) for m in frozenset(Modification) - scope.prohibited}
    alone |= {("keeps", e) for e in frozenset(RevocationEffect) - scope.revocation}
    alone |= {("licence", name) for name in scope.sublicense}
    alone |= {("day", d) for d in range(12) if scope.term.holds(NOON + timedelta(days=d))}
    for purpose in scope.purposes:
        limit = scope.limit(purpose)
        alone |= {("use", purpose, n) for n in range(5 if limit is None else limit)}
    alone |= {("kept", d, n) for d, days in scope.retention.items() for n in range(days)}
    if scope.donor_rules is not None:
        alone.add(("donor", DonorRule.SELF_ONLY))
        alone.add(("donor", scope.donor_rules))
    return found | alone


@given(scopes(), scopes())
@settings(max_examples=300)
def test_what_is_called_within_permits_nothing_that_was_not_asked(asked: Scope, given: Scope) -> None:
    if not narrower(asked, given):
        assert permits(given) <= permits(asked)


@given(scopes(), scopes())
@settings(max_examples=300)
def test_what_permits_more_is_named(asked: Scope, given: Scope) -> None:
    if permits(given) - permits(asked):
        assert narrower(asked, given)


@given(scopes())
def test_a_scope_is_within_itself(scope: Scope) -> None:
    assert narrower(scope, scope) == ()


@given(scopes(), st.data())
def test_fewer_purposes_and_fewer_days_are_within(scope: Scope, data: st.DataObject) -> None:
    kept = data.draw(st.frozensets(st.sampled_from(Purpose)))
    less = only(scope, kept)
    shorter = replace(less, term=replace(less.term, end=less.term.end - timedelta(hours=1)))

    assert narrower(scope, less) == narrower(scope, shorter) == ()
    assert less.purposes == scope.purposes & kept


@pytest.mark.parametrize(
    ("dimension", "change"),
    [
        ("purposes", {"purposes": SWAP | {Purpose.ADVERTISING}}),
        ("modalities", {"modalities": frozenset({Modality.FACE, Modality.VOICE})}),
        ("works", {"works": frozenset({"dance-02"})}),
        ("works", {"works": frozenset(), "sources": frozenset({"a" * 64})}),
        ("requesters", {"requesters": frozenset()}),
        ("platforms", {"platforms": frozenset({"app", "web"})}),
        ("recipients", {"recipients": frozenset({"others"})}),
        ("engines", {"engines": frozenset({"mesh", "cloud"})}),
        ("sub_processors", {"sub_processors": frozenset({"somebody"})}),
        ("territories", {"territories": frozenset({"CN", "US"})}),
        ("storage_regions", {"storage_regions": frozenset({"US"})}),
        ("exports", {"exports": frozenset({Export("x", "US", ExportMechanism.ASSESSMENT)})}),
        ("audience", {"audience": frozenset({Audience.MINORS_OK})}),
        ("monetisation", {"monetisation": frozenset({Monetisation.NONE})}),
        ("sublicense", {"sublicense": frozenset({"partner"})}),
        ("prohibited", {"prohibited": frozenset()}),
        ("revocation", {"revocation": frozenset({RevocationEffect.STOP_NEW})}),
        ("role", {"role": Role.BACKGROUND}),
        ("description", {"description": "Something that was not asked in any of these forty characters."}),
        ("jurisdiction", {"jurisdiction": "US-IL"}),
        ("compensation", {"compensation": "1 CNY"}),
        ("max_uses", {"max_uses": {Purpose.USER_SWAP: 51}}),
        ("max_uses", {"max_uses": {Purpose.USER_SWAP: None}}),
        ("retention", {"retention": {DataClass.REFERENCE: 366}}),
        ("retention", {"retention": {DataClass.OUTPUT: 1}}),
        ("term", {"term": Term(NOON, NOON + timedelta(days=366), "Asia/Shanghai", 30)}),
        ("term", {"term": Term(NOON - timedelta(days=1), NOON + timedelta(days=9), "Asia/Shanghai")}),
        ("term.notice", {"term": Term(NOON, NOON + timedelta(days=9), "UTC")}),
        ("term.notice", {"term": Term(NOON, NOON + timedelta(days=99), "Asia/Shanghai", 31)}),
    ],
)
def test_the_dimension_that_is_wider_is_named(dimension: str, change: dict[str, Any]) -> None:
    assert dimension in narrower(a_scope(NOON), a_scope(NOON, **change))


def test_a_donor_rule_is_wider_the_more_faces_it_lets_in() -> None:
    rules = (None, DonorRule.SELF_ONLY, DonorRule.CONSENTED_THIRD_PARTY)

    for one, other in product(rules, rules):
        wider = narrower(a_scope(NOON, donor_rules=one), a_scope(NOON, donor_rules=other))
        assert (wider == ("donor_rules",)) is (rules.index(other) > rules.index(one))


def test_a_purpose_that_needs_another_is_not_given_without_it() -> None:
    with pytest.raises(ScopeContradiction):
        only(a_scope(NOON), {Purpose.PUBLISH_TEMPLATE})


def test_every_field_of_a_scope_is_compared() -> None:
    """A dimension that comes later has to be given its place here, or it would be let through."""
    from dataclasses import fields

    from consent import narrower as module

    placed = {*module._SUBSETS, *module._SUPERSETS, *module._SAME}
    placed |= {"works", "sources", "templates", "requesters", "term", "donor_rules", "max_uses", "retention"}
    assert placed == {field.name for field in fields(Scope)}
