import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import NotCanonical, canonical
from audit.errors import BadInput, ConsentryError
from audit.ids import Entropy
from consent.authorization import Authorization, Request, draw_up, parse
from consent.capacity import Capacity, Representative
from consent.errors import DocumentMalformed, NoticeUnknown
from consent.voidterms import check_terms
from consent.words import AgeBand, Purpose
from consenting import NOON, a_scope, notice, shared
from unit.consent.test_scope import scopes

PERSON = "1" * 32
GUARDIAN = Representative("2" * 32, "e" * 64)


def a_document(entropy: Entropy | None = None, **changes: Any) -> Authorization:
    request = Request("default", PERSON, a_scope(NOON), Capacity(AgeBand.ADULT), **changes)
    return draw_up(request, notice(), now=NOON, entropy=entropy or shared(1))


def test_a_document_says_what_was_asked_and_reads_back_byte_for_byte() -> None:
    document = a_document(supersedes="3" * 32, portrait_licence="f" * 64)

    again = parse(document.encoded)

    assert again == document
    assert again.scope == a_scope(NOON)
    assert (again.person, again.signer, again.supersedes) == (PERSON, PERSON, "3" * 32)
    assert again.notice.sha256 == notice().sha256


def test_the_record_has_the_mandatory_fields_of_ts_27560() -> None:
    record = json.loads(a_document().encoded)["record"]

    assert set(record) == {
        "dct:conformsTo",
        "schema_version",
        "record_id",
        "pii_principal_id",
        "privacy_notice",
        "language",
        "purposes",
        "pii_information",
        "pii_controllers",
        "storage_locations",
        "retention_period",
        "recipient_third_parties",
        "withdrawal_method",
        "jurisdiction",
    }
    assert record["dct:conformsTo"] == "dpv-27560:record-2"
    assert all(p["lawful_basis"] == ["cn-pipl:A29-SeparateConsent"] for p in record["purposes"])
    assert len(record["purposes"]) == len(a_scope(NOON).purposes)


def test_the_lawful_basis_follows_the_jurisdiction() -> None:
    for place, basis in (("DE", "eu-gdpr:A9-2-a"), ("US-IL", "dpv:ExplicitlyExpressedConsent")):
        request = Request("default", PERSON, a_scope(NOON, jurisdiction=place), Capacity(AgeBand.ADULT))
        document = draw_up(request, notice(), now=NOON, entropy=shared(1))
        purposes = json.loads(document.encoded)["record"]["purposes"]
        assert all(basis in purpose["lawful_basis"] for purpose in purposes)


def test_the_same_wish_twice_is_two_documents() -> None:
    entropy = shared(1)

    first, second = a_document(entropy), a_document(entropy)

    assert first.id != second.id
    assert first.nonce != second.nonce


def test_a_notice_that_does_not_tell_of_a_purpose_can_not_be_signed_under() -> None:
    scope = a_scope(NOON, purposes=a_scope(NOON).purposes | {Purpose.TRAINING})

    with pytest.raises(NoticeUnknown):
        draw_up(
            Request("default", PERSON, scope, Capacity(AgeBand.ADULT)), notice(), now=NOON, entropy=shared(1)
        )


def test_a_guardian_signs_for_a_child() -> None:
    request = Request("default", PERSON, a_scope(NOON), Capacity(AgeBand.UNDER_14, guardian=GUARDIAN))

    document = draw_up(request, notice(), now=NOON, entropy=shared(1))

    assert parse(document.encoded).signer == GUARDIAN.person


def test_an_heir_signs_for_the_deceased() -> None:
    request = Request("default", PERSON, a_scope(NOON), Capacity(AgeBand.ADULT, heir=GUARDIAN))

    document = draw_up(request, notice(), now=NOON, entropy=shared(1))

    assert parse(document.encoded).signer == GUARDIAN.person


def test_nobody_is_the_guardian_of_an_adult() -> None:
    with pytest.raises(DocumentMalformed):
        Capacity(AgeBand.ADULT, guardian=GUARDIAN)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"surprise": True},
        {"id": "A" * 32},
        {"person": "1" * 31},
        {"nonce": None},
        {"supersedes": None},
        {"portrait_licence": "x"},
        {"notice": {"id": "face-swap"}},
        {"capacity": {"age_band": "adult", "rich": True}},
        {"capacity": {"age_band": "old enough"}},
        {"record": {}},
        {"issued_at": "2026-11-22T12:00:00Z"},
    ],
)
def test_a_field_unknown_missing_or_misspelt_is_refused(change: dict[str, Any]) -> None:
    value = {**json.loads(a_document().encoded), **change}

    with pytest.raises(DocumentMalformed):
        parse(canonical(value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipient_third_parties", ["app", "users", "somebody else"]),
        ("lawful_basis", "legitimate interest"),
        ("jurisdiction", "US"),
        ("pii_principal_id", "9" * 32),
        ("privacy_notice", "sha256:" + "0" * 64),
        ("pii_controllers", []),
    ],
)
def test_a_record_that_says_something_else_than_the_scope_is_refused(field: str, value: Any) -> None:
    document = json.loads(a_document().encoded)
    document["record"][field] = value

    with pytest.raises(DocumentMalformed):
        parse(canonical(document))


def test_other_bytes_of_the_same_meaning_are_refused() -> None:
    value = json.loads(a_document().encoded)

    for other in (
        json.dumps(value).encode(),
        a_document().encoded + b"\n",
        b"\xef\xbb\xbf" + a_document().encoded,
        canonical(value).replace(b'"v":1', b'"v":1.0'),
        canonical(value).replace(b'"bundled":false', b'"bundled":false,"bundled":false'),
        b"[" * 100_000,
        b"\xff",
        b"",
    ):
        with pytest.raises(NotCanonical):
            parse(other)


def test_an_empty_set_written_out_is_a_second_form_and_refused() -> None:
    value = json.loads(a_document().encoded)
    value["scope"]["template_ids"] = []

    with pytest.raises(DocumentMalformed):
        parse(canonical(value))


def test_a_document_nobody_could_read_is_refused() -> None:
    with pytest.raises(DocumentMalformed):
        parse(b" " * 262_145)


@given(scopes(), st.sampled_from(AgeBand))
def test_a_document_survives_its_bytes(scope: Any, age: AgeBand) -> None:
    scope_told = {purpose for purpose in scope.purposes if purpose in notice().purposes}
    # And whatever a draft is refused for: every purpose at once, or words for anybody in a list.
    try:
        check_terms(scope)
    except ConsentryError:
        scope = a_scope(scope.term.start, term=scope.term)
        scope_told = set(scope.purposes)
    if scope_told != scope.purposes:
        scope = a_scope(scope.term.start, term=scope.term, territories=scope.territories)
    request = Request("default", PERSON, scope, Capacity(age))

    document = draw_up(request, notice(), now=scope.term.start - timedelta(hours=1), entropy=shared(5))

    assert parse(document.encoded) == document
    assert document.scope == scope


DOCUMENT = a_document().encoded


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_another_document(position: int, flip: int) -> None:
    changed = bytearray(DOCUMENT)
    changed[position] ^= flip

    try:
        read = parse(bytes(changed))
    except BadInput:
        return

    assert read.encoded == bytes(changed)
    assert read.digest != a_document().digest
