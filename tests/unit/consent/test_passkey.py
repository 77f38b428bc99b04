"""A passkey's signature is checked from stored bytes and the verifier's own knowledge, and nothing else."""

import json
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import canonical
from consent.cose import CoseKey
from consent.errors import DocumentMalformed, SignatureWrong
from consent.passkey import (
    PasskeysUnready,
    RelyingParty,
    RelyingPartyWrong,
    challenge_of,
    device_bound,
)
from consent.signature import Evidence, check_evidence, check_key, to_reconfirm, to_sign
from softkeys import AT, BE, BS, ED, ORIGIN, PARTY, RP_ID, UP, UV, Softkey, eddsa, es256, members, rs256

DOCUMENT = b'{"v":1}'
MESSAGE = to_sign(DOCUMENT)
KEYS = {"es256": Softkey(es256()), "eddsa": Softkey(eddsa()), "rs256": Softkey(rs256())}
HERS = KEYS["es256"]
STORED = HERS.signs(MESSAGE).encoded


def verified(stored: bytes, message: bytes = MESSAGE, party: RelyingParty | None = PARTY) -> Evidence:
    shown = Evidence.parse(stored)
    check_evidence(shown, message, party)
    return shown


@pytest.mark.parametrize("name", KEYS)
def test_a_passkey_of_each_algorithm_verifies_from_stored_bytes_only(name: str) -> None:
    stored = KEYS[name].signs(MESSAGE).encoded

    assert verified(stored).encoded == stored


@pytest.mark.parametrize("flags", [UP | UV, UP | UV | BE, UP | UV | BE | BS])
def test_a_key_that_syncs_signs_as_well_and_is_told_apart(flags: int) -> None:
    shown = verified(HERS.but(flags=flags).signs(MESSAGE).encoded)

    assert shown.device_bound is not bool(flags & BE)
    assert not device_bound(b"")


def test_how_often_the_key_was_used_since_is_no_matter() -> None:
    assert verified(HERS.but(count=9).signs(MESSAGE).encoded)


def test_a_reconfirmation_is_another_challenge_than_a_grant() -> None:
    again = to_reconfirm("ab" * 32, "cd" * 32)
    stored = HERS.signs(again).encoded

    assert verified(stored, again)
    assert challenge_of(again) != challenge_of(MESSAGE)
    with pytest.raises(SignatureWrong, match="another challenge"):
        verified(stored)


@given(st.binary(max_size=40))
def test_it_is_worth_nothing_over_another_text(other: bytes) -> None:
    if other != DOCUMENT:
        with pytest.raises(SignatureWrong, match="another challenge"):
            verified(STORED, to_sign(other))


@pytest.mark.parametrize(
    ("party", "why"),
    [
        (RelyingParty(RP_ID, frozenset({f"{ORIGIN}:8443"})), "another origin"),
        (RelyingParty("example", frozenset({ORIGIN})), "another RP id"),
        (replace(PARTY, algorithms=frozenset({-8})), "algorithm"),
    ],
)
def test_what_is_right_is_the_verifiers_own_knowledge(party: RelyingParty, why: str) -> None:
    with pytest.raises(SignatureWrong, match=why):
        verified(STORED, party=party)


def test_without_knowing_for_whom_it_was_signed_nothing_is_said() -> None:
    with pytest.raises(PasskeysUnready) as caught:
        verified(STORED, party=None)
    assert "rp_id" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"type": "webauthn.create"}, "webauthn.get"),
        ({"type": ...}, "webauthn.get"),
        ({"challenge": "AA"}, "another challenge"),
        ({"challenge": ...}, "another challenge"),
        ({"origin": "https://evil.example"}, "another origin"),
        ({"origin": [ORIGIN]}, "origin"),
        ({"origin": ...}, "another origin"),
        ({"crossOrigin": True}, "another site"),
        ({"crossOrigin": None}, "another site"),
        ({"topOrigin": "https://evil.example"}, "another site"),
    ],
)
def test_what_the_browser_says_must_be_said_of_this_act_on_this_page(said: dict[str, Any], why: str) -> None:
    with pytest.raises(SignatureWrong, match=why):
        verified(HERS.signs(MESSAGE, **said).encoded)


def test_a_browser_that_does_not_know_of_cross_origin_is_believed() -> None:
    assert verified(HERS.signs(MESSAGE, crossOrigin=...).encoded)


@pytest.mark.parametrize(
    "flags",
    [0, UP, UV, UP | UV | BS, UP | UV | AT, UP | UV | ED],
)
def test_an_authenticator_must_have_verified_its_user_and_not_contradict_itself(flags: int) -> None:
    with pytest.raises(SignatureWrong):
        verified(HERS.but(flags=flags).signs(MESSAGE).encoded)


def test_the_authenticator_must_have_signed_for_this_rp_id() -> None:
    with pytest.raises(SignatureWrong, match="RP id"):
        verified(HERS.but(rp_id="evil.example").signs(MESSAGE).encoded)


@pytest.mark.parametrize("name", KEYS)
def test_any_bit_that_is_changed_in_any_part_fails(name: str) -> None:
    stored = json.loads(KEYS[name].signs(MESSAGE).encoded)
    for part in ("client_data", "authenticator_data", "signature", "key"):
        whole = bytes.fromhex(stored[part])
        for at in range(len(whole)):
            changed = whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :]
            with pytest.raises(SignatureWrong):
                verified(canonical({**stored, part: changed.hex()}))
        for other in (whole[:-1], whole + b"\0", b""):
            with pytest.raises(SignatureWrong):
                verified(canonical({**stored, part: other.hex()}))


def test_evidence_is_read_with_its_own_fields_and_no_others() -> None:
    stored = json.loads(STORED)
    missing = {name: value for name, value in stored.items() if name != "client_data"}
    for value in (
        missing,
        {**stored, "origin": ORIGIN},
        {**stored, "signature": stored["signature"].upper()},
        {**stored, "method": "ed25519"},
    ):
        with pytest.raises(SignatureWrong):
            verified(canonical(value))


def test_client_data_that_say_a_thing_twice_say_nothing() -> None:
    twice = b'{"type":"webauthn.get",' + bytes.fromhex(json.loads(STORED)["client_data"])[1:]

    with pytest.raises(SignatureWrong, match="can't be read"):
        verified(canonical({**json.loads(STORED), "client_data": twice.hex()}))


def test_another_persons_key_verifies_nothing_of_hers() -> None:
    other = Softkey(es256()).key.hex()

    with pytest.raises(SignatureWrong, match="does not verify"):
        verified(canonical({**json.loads(STORED), "key": other}))


HER_POINT = members(HERS.private)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xa0",
        cbor2.dumps({**HER_POINT, 3: -7.0}),
        cbor2.dumps({**HER_POINT, -1: True}),
        cbor2.dumps({**HER_POINT, 4: [2]}),
        cbor2.dumps(dict(reversed(HER_POINT.items()))),
        cbor2.dumps({**HER_POINT, 3: -257}),
        cbor2.dumps({**HER_POINT, 3: -35}),
        cbor2.dumps({**HER_POINT, -1: 2}),
        cbor2.dumps({**HER_POINT, -2: bytes(32)}),
        cbor2.dumps({**HER_POINT, -3: HER_POINT[-3][:31]}),
        cbor2.dumps({1: 3, 3: -257, -1: b"\0" + b"\xff" * 256, -2: b"\1\0\1"}, canonical=True),
        cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\1\0\1"}, canonical=True),
        cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 1500, -2: b"\1\0\1"}, canonical=True),
        HERS.key + b"\0",
    ],
)
def test_a_key_has_one_spelling_and_a_known_algorithm(data: bytes) -> None:
    with pytest.raises(SignatureWrong):
        CoseKey.parse(data)
    with pytest.raises(DocumentMalformed):
        check_key("passkey", data.hex())


@given(st.binary(max_size=100))
def test_bytes_that_are_no_key_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(SignatureWrong):
        CoseKey.parse(data)


def test_a_point_is_a_key_of_this_curve_only() -> None:
    other = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    point = {1: 2, 3: -7, -1: 1, -2: other.x.to_bytes(48)[:32], -3: other.y.to_bytes(48)[:32]}

    with pytest.raises(SignatureWrong):
        CoseKey.parse(cbor2.dumps(point, canonical=True))


@pytest.mark.parametrize(
    ("rp_id", "origin"),
    [
        ("sign.example", "http://sign.example"),
        ("sign.example", "https://sign.example/"),
        ("sign.example", "https://SIGN.example"),
        ("sign.example", "https://evilsign.example"),
        ("sign.example", "https://sign.example.evil"),
        ("", "https://sign.example"),
        ("sign.example", "https://sign.example:port"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("sign.example", "null"),
    ],
)
def test_a_relying_party_no_browser_would_sign_for_is_refused(rp_id: str, origin: str) -> None:
    with pytest.raises(RelyingPartyWrong):
        RelyingParty(rp_id, frozenset({origin}))
    with pytest.raises(RelyingPartyWrong):
        RelyingParty(rp_id, frozenset())


@pytest.mark.parametrize(
    ("rp_id", "origin"),
    [
        ("example", "https://sign.example"),
        ("sign.example", "https://sign.example:8443"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_a_page_signs_for_its_own_domain_and_those_above(rp_id: str, origin: str) -> None:
    assert RelyingParty(rp_id, frozenset({origin}))
