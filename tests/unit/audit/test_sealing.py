import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from audit import sealing
from audit.canonical import NotCanonical, canonical
from audit.ids import Entropy
from audit.leaf import LeafPart
from audit.sealing import Opening, SealBroken, seal, unseal

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sealing_v1.json").read_text())["vectors"]

LINK, KEY, OTHER_KEY = b"L" * 32, b"K" * 32, b"O" * 32
EID, KIND = "e" * 32, "Decided"
PAYLOAD = {"verdict": "permit", "rules": ["G-01", "G-02"], "person": "林青"}


def sealed(entropy: Entropy, payload: dict[str, Any] | None = None) -> sealing.Sealed:
    return seal(payload or PAYLOAD, link=LINK, key=KEY, eid=EID, t=KIND, entropy=entropy)


@pytest.mark.parametrize("vector", VECTORS)
def test_a_seal_is_what_it_was_on_the_first_day(vector: dict[str, Any]) -> None:
    stream = iter([bytes.fromhex(vector["salt"]), bytes.fromhex(vector["nonce"])])
    key, link = bytes.fromhex(vector["key"]), bytes.fromhex(vector["link"])

    made = seal(
        vector["payload"],
        link=link,
        key=key,
        eid=vector["eid"],
        t=vector["t"],
        entropy=lambda _n: next(stream),
    )

    assert made.part == LeafPart(**vector["part"])
    assert made.ciphertext.hex() == vector["ciphertext"]


@pytest.mark.parametrize("vector", VECTORS)
def test_a_stranger_opens_it_with_the_standard_s_tools(vector: dict[str, Any]) -> None:
    # Given nothing but the description in the vectors' README,
    eid, t, part = vector["eid"].encode(), vector["t"].encode(), vector["part"]
    ciphertext = bytes.fromhex(vector["ciphertext"])
    key = HKDF(SHA256(), 32, salt=None, info=eid).derive(bytes.fromhex(vector["key"]))

    # when the ciphertext is opened,
    plain = AESGCM(key).decrypt(ciphertext[:12], ciphertext[12:], eid + b"|" + t + b"|" + part["h"].encode())

    # then salt and payload are what the leaf commits to.
    salt, payload = plain[:32], plain[32:].rstrip(b"\0")[:-1]
    assert json.loads(payload) == vector["payload"]
    assert hmac.new(salt, payload, "sha256").hexdigest() == part["com"]
    assert hmac.new(bytes.fromhex(vector["link"]), eid, "sha256").hexdigest()[:32] == part["h"]
    assert sha256(ciphertext).hexdigest() == part["ct"]
    assert len(plain) % 256 == 32


def test_what_was_sealed_opens_and_convinces(entropy: Entropy) -> None:
    made = sealed(entropy)

    opening = unseal(made.ciphertext, made.part, key=KEY, eid=EID, t=KIND)

    assert opening.payload == PAYLOAD
    assert opening.holds(made.part)


def test_another_payload_or_salt_does_not_convince(entropy: Entropy) -> None:
    made = sealed(entropy)
    opening = unseal(made.ciphertext, made.part, key=KEY, eid=EID, t=KIND)

    assert not Opening(opening.salt, {**PAYLOAD, "verdict": "refusal"}).holds(made.part)
    assert not Opening(bytes(32), PAYLOAD).holds(made.part)
    assert not Opening(opening.salt[:31], PAYLOAD).holds(made.part)


def test_the_same_payload_twice_looks_like_two(entropy: Entropy) -> None:
    one, other = sealed(entropy), sealed(entropy)

    assert one.part.com != other.part.com
    assert one.ciphertext != other.ciphertext


def test_a_handle_links_nothing_across_entries() -> None:
    assert sealing.handle(LINK, "1" * 32) != sealing.handle(LINK, "2" * 32)
    assert len(sealing.handle(LINK, EID)) == 32


def test_payloads_of_like_size_have_ciphertexts_of_one_size(entropy: Entropy) -> None:
    sizes = {len(sealed(entropy, {"x": "y" * length}).ciphertext) for length in range(0, 247)}

    assert len(sizes) == 1


@pytest.mark.parametrize("field", ["key", "eid", "t", "h", "ciphertext", "short", "commitment"])
def test_what_does_not_belong_together_does_not_open(entropy: Entropy, field: str) -> None:
    made = sealed(entropy)
    part, ciphertext, key, eid, t = made.part, made.ciphertext, KEY, EID, KIND
    match field:
        case "key":
            key = OTHER_KEY
        case "eid":
            eid = "d" * 32
        case "t":
            t = "Refused"
        case "h":
            part = LeafPart("0" * 32, part.com, part.ct)
        case "ciphertext":
            ciphertext = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
        case "short":
            ciphertext = ciphertext[:10]
            part = LeafPart(part.h, part.com, sha256(ciphertext).hexdigest())
        case _:
            part = LeafPart(part.h, "0" * 64, part.ct)

    with pytest.raises(SealBroken):
        unseal(ciphertext, part, key=key, eid=eid, t=t)


@pytest.mark.parametrize("plain", [b"", bytes(32), bytes(32) + b"[]\x80" + bytes(253), bytes(32) + b"{}\x80"])
def test_a_ciphertext_of_something_else_does_not_open(plain: bytes) -> None:
    # Given something encrypted with the right key that is no padded object,
    h = sealing.handle(LINK, EID)
    nonce = bytes(12)
    bound = f"{EID}|{KIND}|{h}".encode()
    ciphertext = nonce + AESGCM(sealing.derive(KEY, EID.encode())).encrypt(nonce, plain, bound)

    with pytest.raises(SealBroken):
        unseal(ciphertext, LeafPart(h, "0" * 64, sha256(ciphertext).hexdigest()), key=KEY, eid=EID, t=KIND)


def test_a_payload_without_canonical_form_is_not_sealed(entropy: Entropy) -> None:
    with pytest.raises(NotCanonical):
        sealed(entropy, {"score": 0.5})


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40))
def test_derived_keys_are_the_standard_s(key: bytes, info: bytes) -> None:
    assert sealing.derive(key, info) == HKDF(SHA256(), 32, salt=None, info=info).derive(key)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=6), st.randoms(use_true_random=False))
def test_every_payload_comes_back(payload: dict[str, Any], random: Any) -> None:
    try:
        canonical(payload)
    except NotCanonical:
        return  # lone surrogates
    made = seal(payload, link=LINK, key=KEY, eid=EID, t=KIND, entropy=random.randbytes)

    assert unseal(made.ciphertext, made.part, key=KEY, eid=EID, t=KIND).payload == payload
