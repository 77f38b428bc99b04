"""A stamp is believed for these bytes, from this authority, as an answer to this question, nothing else."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from audit import der, stamp
from audit.stamp import StampInvalid
from stamps import Authority, authority, integer, sequence

CHECKPOINT = b"log.example/studio\n7\nAAAA\n\nsignature\n"


@pytest.fixture(scope="module")
def ours() -> Authority:
    return Authority()


def answer(ours: Authority, request: bytes) -> bytes:
    status, body = ours.reply(request)
    assert status == 200
    return body


def test_a_stamp_says_when(ours: Authority) -> None:
    asked = stamp.request(CHECKPOINT)
    response = answer(ours, asked.data)

    at = stamp.check(response, CHECKPOINT, ours.root_pem, asked.nonce)

    assert abs(at - datetime.now(UTC)) < timedelta(seconds=30)
    assert stamp.check(response, CHECKPOINT, ours.root_pem) == at
    assert stamp.check(response, CHECKPOINT, Authority().root_pem + ours.root_pem, asked.nonce) == at


def test_it_is_asked_over_http(ours: Authority) -> None:
    with authority() as served:
        asked = stamp.request(CHECKPOINT)
        reply = httpx.post(
            served.url, content=asked.data, headers={"Content-Type": "application/timestamp-query"}
        )

    assert stamp.check(reply.content, CHECKPOINT, served.root_pem, asked.nonce).tzinfo is UTC


def test_another_s_stamp_or_of_other_bytes_or_another_question_is_none(ours: Authority) -> None:
    asked, again = stamp.request(CHECKPOINT), stamp.request(CHECKPOINT)
    response = answer(ours, asked.data)
    other = Authority()

    for data, trust, nonce in (
        (CHECKPOINT + b"x", ours.root_pem, asked.nonce),
        (CHECKPOINT, other.root_pem, asked.nonce),
        (CHECKPOINT, ours.root_pem, again.nonce),
        (CHECKPOINT, "", asked.nonce),
        (CHECKPOINT, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", asked.nonce),
    ):
        with pytest.raises(StampInvalid):
            stamp.check(response, data, trust, nonce)
    with pytest.raises(StampInvalid):
        stamp.check(sequence(sequence(integer(2))), CHECKPOINT, ours.root_pem)
    forged = sequence(sequence(integer(0)), ours.token(asked.data, key=other.key))
    with pytest.raises(StampInvalid):
        stamp.check(forged, CHECKPOINT, ours.root_pem)


def test_certificates_may_lie_in_any_order(ours: Authority) -> None:
    """Authorities send their chain as it lies; DER asks for a sorted set, and the library for DER."""
    asked = stamp.request(CHECKPOINT)
    response = answer(ours, asked.data)
    leaf = ours.certificate.public_bytes(serialization.Encoding.DER)
    root = ours.root.public_bytes(serialization.Encoding.DER)
    for chain in (leaf + root, root + leaf):
        assert response.count(der.tlv(der.EXPLICIT_0, leaf)) == 1
        status, token = der.children(der.only(response, der.SEQUENCE))
        kind, wrapped = der.children(der.only(token, der.SEQUENCE))
        signed = der.children(der.only(der.only(wrapped, der.EXPLICIT_0), der.SEQUENCE))
        parts = [
            der.tlv(der.EXPLICIT_0, chain) if each == der.tlv(der.EXPLICIT_0, leaf) else each
            for each in signed
        ]
        inner = der.tlv(der.EXPLICIT_0, der.tlv(der.SEQUENCE, b"".join(parts)))
        unsorted = der.tlv(der.SEQUENCE, status + der.tlv(der.SEQUENCE, kind + inner))

        assert stamp.check(unsorted, CHECKPOINT, ours.root_pem, asked.nonce)


def test_a_certificate_that_is_not_for_stamps_stamps_nothing(ours: Authority) -> None:
    other = Authority()
    begin = datetime.now(UTC) - timedelta(days=1)
    other.certificate = (
        x509.CertificateBuilder()
        .subject_name(other.certificate.subject)
        .issuer_name(other.root.subject)
        .public_key(other.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=30))
        .sign(other.root_key, hashes.SHA256())
    )
    asked = stamp.request(CHECKPOINT)

    with pytest.raises(StampInvalid):
        stamp.check(answer(other, asked.data), CHECKPOINT, other.root_pem, asked.nonce)
    assert isinstance(other.key, ec.EllipticCurvePrivateKey)


THEIRS = Authority()
RESPONSE = THEIRS.reply(stamp.request(CHECKPOINT).data)[1]


@pytest.mark.parametrize("seed", range(4))
def test_no_flipped_bit_is_more_than_invalid(seed: int, ours: Authority) -> None:
    asked = stamp.request(CHECKPOINT)
    response = answer(ours, asked.data)
    for position in range(seed, len(response), 4):
        flipped = bytearray(response)
        flipped[position] ^= 1 << (position + seed) % 8
        try:
            at = stamp.check(bytes(flipped), CHECKPOINT, ours.root_pem, asked.nonce)
        except StampInvalid:
            continue
        # What nothing signs: a bit in the status text, or in how the algorithm of a digest is named.
        assert at == stamp.check(response, CHECKPOINT, ours.root_pem, asked.nonce)


cut = st.integers(0, len(RESPONSE) - 1).map(lambda size: RESPONSE[:size])
mixed = st.builds(
    lambda at, some: RESPONSE[:at] + some + RESPONSE[at + len(some) :],
    st.integers(0, len(RESPONSE)),
    st.binary(min_size=1, max_size=20),
)


@given(st.binary(max_size=400) | cut | mixed)
def test_no_bytes_are_more_than_invalid(data: bytes) -> None:
    with suppress(StampInvalid):
        stamp.check(data, CHECKPOINT, THEIRS.root_pem)


def test_a_huge_answer_is_not_read(ours: Authority) -> None:
    with pytest.raises(StampInvalid, match="64 KiB"):
        stamp.check(bytes(70_000), CHECKPOINT, ours.root_pem)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_der_is_put_together_as_it_was(parts: list[bytes]) -> None:
    whole = [der.tlv(der.SEQUENCE, part) for part in parts]
    assert der.children(b"".join(whole)) == whole
    assert [der.only(each, der.SEQUENCE) for each in whole] == parts


@pytest.mark.parametrize(
    "data",
    [
        b"0",
        b"0\x80",
        b"0\x85\x00\x00\x00\x00\x01",
        b"0\x02\x00",
        b"1\x00",
        b"0\x00\x00",
        b"0\x81\x01\x00",
        b"0\x82\x00\x80" + bytes(128),
    ],
)
def test_what_is_not_der_is_said(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"tag|DER|cut off"):
        der.only(data, der.SEQUENCE)
