"""What a consent says beyond its dimensions, and what of it contradicts the rest."""

from dataclasses import replace
from typing import Any

import pytest

from audit.canonical import canonical
from consent.attachment import Attachment
from consent.authorization import Request, draw_up, parse
from consent.capacity import Capacity
from consent.errors import DocumentMalformed, ScopeContradiction
from consent.legal_entity import LegalEntity, Scheme
from consent.particulars import (
    Adviser,
    Particulars,
    PostMortem,
    Processor,
    ReplicaOrigin,
    Representation,
)
from consent.payment import Basis, Payment, in_words
from consent.scope import Scope
from consent.strict import decode
from consent.words import AgeBand, Monetisation, Purpose
from consenting import NOON, a_scope, notice, shared

SOMEBODY = LegalEntity(Scheme.USCC, "91110000600037341L", "App Ltd", "privacy@example.org")
PER_USE = Payment(Basis.PER_USE, "CNY", 30, Purpose.USER_SWAP, amount=50)
FLAT = Payment(Basis.FLAT, "CNY", 14, amount=100_000)
SHARE = Payment(Basis.SHARE, "CNY", 60, Purpose.ADVERTISING, basis_points=250)
ALL = Particulars(
    payment=frozenset({PER_USE, FLAT}),
    entities={"app": SOMEBODY},
    processors={"mesh": Processor("ab" * 32, frozenset({"1.0", "1.1"}))},
    processing_regions=frozenset({"CN"}),
    replica_origin=ReplicaOrigin.INDEPENDENT,
    alteration_limits="Colours may be graded.\nNothing else.",
    post_mortem=PostMortem.ENDS,
    represented_by=Representation(Adviser.COUNSEL, "A Law Firm"),
)
PDF = b"%PDF-1.7 signed elsewhere"


def a_document(scope: Scope, *attached: Attachment) -> bytes:
    request = Request("default", "1" * 32, scope, Capacity(AgeBand.ADULT), attachments=frozenset(attached))
    return draw_up(request, notice(), now=NOON, entropy=shared(3)).encoded


def test_everything_said_reads_back_from_the_signed_bytes() -> None:
    # Given
    attachment = Attachment.of(PDF)
    document = a_document(a_scope(NOON, particulars=ALL), attachment)

    # When
    read = parse(document)

    # Then
    assert read.scope.particulars == ALL
    assert read.attachments == {attachment}


def test_a_document_without_them_has_the_bytes_it_always_had() -> None:
    # Given / When
    value: Any = decode(a_document(a_scope(NOON)))

    # Then
    assert "particulars" not in value["scope"]
    assert "attachments" not in value


def test_nothing_said_has_one_form_only() -> None:
    # Given
    value: Any = decode(a_document(a_scope(NOON)))

    # When / Then an empty object or list would be a second document with the same meaning
    for changed in (
        {**value, "scope": {**value["scope"], "particulars": {}}},
        {**value, "attachments": []},
    ):
        with pytest.raises(DocumentMalformed):
            parse(canonical(changed))


@pytest.mark.parametrize(
    "said",
    [
        {"max_outputs_per_user": 3},
        {"replica_origin": "STOLEN"},
        {"processing_regions": ["XX"]},
        {"processors": {"mesh": {"contract": "no digest", "versions": ["1"]}}},
        {"represented_by": {"adviser": "COUNSEL"}},
        {"payment": [{**PER_USE.json(), "amount": 0.5}]},
        {"payment": [PER_USE.json(), PER_USE.json()]},
        {"entities": {"app": {**SOMEBODY.json(), "number": "911100006000373410"}}},
    ],
)
def test_what_is_unknown_or_badly_written_is_refused(said: dict[str, Any]) -> None:
    # Given
    scope = {**a_scope(NOON).json(), "particulars": said}

    # When / Then
    with pytest.raises(DocumentMalformed):
        Scope.from_json(scope)


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ({"entities": {"somebody else": SOMEBODY}}, "entities"),
        ({"processors": {"another": Processor("ab" * 32, frozenset({"1"}))}}, "processors.*engines"),
        ({"payment": frozenset({SHARE})}, "payment.*purposes"),
        (
            {"payment": frozenset({replace(SHARE, purpose=Purpose.USER_SWAP)})},
            "SHARE.*REV_SHARE",
        ),
        ({"payment": frozenset({PER_USE, replace(PER_USE, amount=60)})}, "two prices"),
    ],
)
def test_what_contradicts_the_scope_is_refused_with_both_parts(said: dict[str, Any], parts: str) -> None:
    # Given / When / Then
    with pytest.raises(ScopeContradiction, match=parts):
        a_scope(NOON, particulars=Particulars(**said))


def test_a_share_needs_money_that_is_shared() -> None:
    # Given / When
    share = replace(SHARE, purpose=Purpose.USER_SWAP)
    scope = a_scope(
        NOON,
        monetisation=frozenset({Monetisation.REV_SHARE}),
        particulars=Particulars(payment=frozenset({share})),
    )

    # Then
    assert Scope.from_json(scope.json()).particulars.payment == {share}


@pytest.mark.parametrize(
    "fields",
    [
        {"basis": Basis.FLAT, "currency": "CNY", "due_days": 1},
        {"basis": Basis.FLAT, "currency": "RMB", "due_days": 1, "amount": 5},
        {"basis": Basis.FLAT, "currency": "CNY", "due_days": 366, "amount": 5},
        {"basis": Basis.FLAT, "currency": "CNY", "due_days": 1, "amount": 5, "purpose": Purpose.PREVIEW},
        {"basis": Basis.PER_USE, "currency": "CNY", "due_days": 1, "amount": 5},
        {"basis": Basis.SHARE, "currency": "CNY", "due_days": 1, "purpose": Purpose.PREVIEW, "amount": 5},
        {
            "basis": Basis.SHARE,
            "currency": "CNY",
            "due_days": 1,
            "purpose": Purpose.PREVIEW,
            "basis_points": 10_001,
        },
    ],
)
def test_pay_that_can_t_be_reckoned_is_refused(fields: dict[str, Any]) -> None:
    # Given / When / Then
    with pytest.raises(DocumentMalformed):
        Payment(**fields)


def test_an_engine_with_terms_is_allowed_in_the_versions_she_named() -> None:
    # Given / When / Then
    assert ALL.allows_engine("mesh", "1.1")
    assert not ALL.allows_engine("mesh", "2.0")
    assert ALL.allows_engine("another", "2.0")
    assert not Particulars(processors={"mesh": Processor("ab" * 32, frozenset())}).allows_engine("mesh", "1")


def test_money_is_written_in_its_own_units() -> None:
    # Given / When / Then
    said = [in_words("CNY", 1_205), in_words("JPY", 1_205), in_words("KWD", 1_205), in_words("EUR", 5)]
    assert said == ["CNY 12.05", "JPY 1205", "KWD 1.205", "EUR 0.05"]


def test_an_attachment_is_of_these_bytes_and_no_others() -> None:
    # Given
    attachment = Attachment.of(PDF)

    # When / Then
    assert attachment.is_of(PDF)
    assert not attachment.is_of(PDF + b" ")
    with pytest.raises(DocumentMalformed):
        Attachment.of(b"GIF89a")
