import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import canonical
from consent.errors import SignatureWrong
from consent.signature import (
    AUTHORIZATION,
    Evidence,
    check_evidence,
    keygen,
    sign,
    to_countersign,
    to_reconfirm,
    to_sign,
)
from consenting import NOON, shared

PRIVATE, PUBLIC = keygen(shared(3))
DOCUMENT = b'{"v":1}'
EVIDENCE = sign(PRIVATE, to_sign(DOCUMENT))


def test_a_signature_verifies_from_stored_bytes_alone() -> None:
    check_evidence(Evidence.parse(EVIDENCE.encoded), to_sign(DOCUMENT))

    assert EVIDENCE.key == PUBLIC


def test_evidence_of_ed25519_is_written_as_it_always_was() -> None:
    said = {"method": "ed25519", "key": PUBLIC, "signature": EVIDENCE.signature}

    assert EVIDENCE.encoded == canonical(said)  # type: ignore[arg-type]


def test_the_private_key_is_in_a_form_every_tool_reads() -> None:
    assert PRIVATE.startswith(b"-----BEGIN PRIVATE KEY-----")


def test_what_is_signed_names_its_use_before_the_digest() -> None:
    message = to_sign(DOCUMENT)

    assert message.startswith(AUTHORIZATION)
    assert len(message) == len(AUTHORIZATION) + 32
    assert not to_reconfirm("0" * 64, "1" * 64).startswith(AUTHORIZATION)


@given(st.binary(max_size=40))
def test_a_signature_is_worth_nothing_over_other_bytes(other: bytes) -> None:
    if other != DOCUMENT:
        with pytest.raises(SignatureWrong):
            check_evidence(EVIDENCE, to_sign(other))


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "00" * 64},
        {"signature": EVIDENCE.signature.upper()},
        {"signature": "short"},
        {"key": keygen(shared(4))[1]},
        {"key": PUBLIC.upper()},
        {"key": "00"},
        {"method": "none"},
        {"method": "webauthn"},
    ],
)
def test_evidence_that_is_changed_is_refused(change: dict[str, str]) -> None:
    value: dict[str, Any] = {**json.loads(EVIDENCE.encoded), **change}

    with pytest.raises(SignatureWrong):
        check_evidence(Evidence.parse(canonical(value)), to_sign(DOCUMENT))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        EVIDENCE.encoded + b" ",
        canonical({"method": 5, "key": "", "signature": ""}),
        b"x" * 20_000,
    ],
)
def test_evidence_that_can_not_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(SignatureWrong):
        Evidence.parse(data)


def test_evidence_with_a_field_too_many_is_refused() -> None:
    value = {**json.loads(EVIDENCE.encoded), "also": "x"}

    with pytest.raises(SignatureWrong):
        Evidence.parse(canonical(value))


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"nonsense"])
def test_signing_needs_a_private_key(pem: bytes) -> None:
    with pytest.raises(SignatureWrong):
        sign(pem, b"message")


def test_another_kind_of_key_does_not_sign() -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(SignatureWrong):
        sign(pem, b"message")


def test_the_countersignature_binds_document_evidence_and_time() -> None:
    base = to_countersign("a" * 64, b"evidence", NOON)

    assert base != to_countersign("b" * 64, b"evidence", NOON)
    assert base != to_countersign("a" * 64, b"other", NOON)
    assert base != to_countersign("a" * 64, b"evidence", NOON.replace(microsecond=1))
