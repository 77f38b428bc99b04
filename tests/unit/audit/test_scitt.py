"""The same proof in COSE: what holds, what does not, and one spelling."""

from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from audit import cbor, tree
from audit.canonical import NotCanonical
from audit.keys import BadSignature, Duty, KeyMalformed, SigningKey
from audit.scitt import CoseReceipt, CoseReceiptMalformed
from audit.tree import ProofInvalid

ENTRIES = [b"entry %d" % number for number in range(40)]
HASHES = [tree.leaf_hash(entry) for entry in ENTRIES]
KEY = SigningKey.generate(Duty.EXPORT, lambda size: b"k" * size)


def receipt(index: int, size: int = 40, key: SigningKey = KEY) -> CoseReceipt:
    path = tuple(tree.inclusion_path(tree.nodes_of(HASHES), index, size))
    return CoseReceipt.sign(key, size, index, path, tree.root(HASHES[:size]))


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 40), (17, 40), (39, 40), (31, 32)])
def test_an_entry_is_proven_by_its_receipt(index: int, size: int) -> None:
    parsed = CoseReceipt.parse(receipt(index, size).data)

    assert parsed.check(HASHES[index], KEY.verifying) == tree.root(HASHES[:size])


def test_it_is_what_the_rfc_says_to_somebody_who_reads_it_by_hand() -> None:
    """RFC 9052 4.4 and RFC 9942 4.2, with nothing of ours but the bytes."""
    tag = cbor2.loads(receipt(5, 7).data)
    protected, unprotected, payload, signature = tag.value
    size, index, path = cbor2.loads(unprotected[396][-1][0])

    assert (tag.tag, payload, size, index) == (18, None, 7, 5)
    assert cbor2.loads(protected) == {1: -8, 4: KEY.kid.encode(), 395: 1}
    # Leaf 5 of 7: its left neighbour, then 6, then 0 to 3.
    below = sha256(b"\x01" + path[0] + sha256(b"\x00entry 5").digest()).digest()
    root = sha256(b"\x01" + path[2] + sha256(b"\x01" + below + path[1]).digest()).digest()
    signed = cbor2.dumps(["Signature1", protected, b"", root])
    Ed25519PublicKey.from_public_bytes(KEY.verifying.public).verify(signature, signed)


def test_another_entry_key_or_place_is_not_proven() -> None:
    good = receipt(17)
    other = SigningKey.generate(Duty.EXPORT, lambda size: b"o" * size)

    for leaf, key in ((HASHES[16], KEY), (HASHES[17], other), (bytes(32), KEY)):
        with pytest.raises(BadSignature):
            good.check(leaf, key.verifying)
    for index, size in ((16, 40), (18, 40), (17, 32), (17, 80)):
        with pytest.raises((BadSignature, ProofInvalid)):
            CoseReceipt(good.kid, size, index, good.path, good.signature).check(HASHES[17], KEY.verifying)
    with pytest.raises(ProofInvalid):
        CoseReceipt(good.kid, 40, 40, good.path, good.signature).check(HASHES[17], KEY.verifying)


def test_every_flipped_bit_is_refused() -> None:
    data = receipt(17).data
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        try:
            parsed = CoseReceipt.parse(bytes(flipped))
            parsed.check(HASHES[17], KEY.verifying)
        except (CoseReceiptMalformed, BadSignature, ProofInvalid):
            continue
        # The size is not signed (RFC 9942): one that leads through the same turns is not told apart.
        assert parsed == replace(receipt(17), size=parsed.size)


def test_only_the_key_for_exports_signs_and_only_such_structures() -> None:
    log = SigningKey.generate(Duty.LOG, lambda size: b"l" * size)
    with pytest.raises(KeyMalformed):
        receipt(1, key=log)
    with pytest.raises(KeyMalformed):
        KEY.sign_cose(b"consentry/export/v1\x00")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xd2",
        cbor2.dumps(cbor2.CBORTag(18, [b"", {}, None, b""])),
        cbor2.dumps(cbor2.CBORTag(17, [])),
        receipt(1).data[1:],
        receipt(1).data + b"\x00",
        bytes(20_000),
    ],
)
def test_what_is_no_receipt_is_said(data: bytes) -> None:
    with pytest.raises(CoseReceiptMalformed):
        CoseReceipt.parse(data)


def test_a_receipt_with_more_in_it_is_not_one_of_ours() -> None:
    protected, unprotected, payload, signature = cbor2.loads(receipt(1).data).value
    for more in (
        [protected, {**unprotected, 99: 1}, payload, signature],
        [protected, unprotected, b"root", signature],
        [cbor2.dumps({**cbor2.loads(protected), 99: 1}, canonical=True), unprotected, payload, signature],
        [protected, {396: {-1: [*unprotected[396][-1], b""]}}, payload, signature],
    ):
        with pytest.raises(CoseReceiptMalformed):
            CoseReceipt.parse(b"\xd2" + cbor2.dumps(more, canonical=True))


@given(st.binary(max_size=300) | st.integers(0, 300).map(lambda n: receipt(17).data[:n]))
def test_no_bytes_are_more_than_malformed(data: bytes) -> None:
    with suppress(CoseReceiptMalformed):
        assert CoseReceipt.parse(data).data == data


values = st.recursive(
    st.integers(-(2**63), 2**63) | st.binary(max_size=8) | st.text(max_size=8) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(-500, 500), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_cbor_is_read_as_it_was_written(value: object) -> None:
    assert cbor.encode(cbor.decode(cbor.encode(value))) == cbor.encode(value)


@given(st.binary(max_size=60))
def test_cbor_that_is_read_has_one_form(data: bytes) -> None:
    with suppress(NotCanonical):
        assert cbor.encode(cbor.decode(data)) == data
