import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audit import note
from audit.canonical import canonical
from audit.cosignature import Witness, cosign
from audit.errors import ConsentryError
from audit.keys import BadSignature, Duty, SigningKey
from audit.note import NoteVerifier
from audit.quorum import QuorumMissing, Trust
from audit.receipt import Receipt, ReceiptInvalid, ReceiptMalformed, ReceiptWitnessed
from witnesses import policy

VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "receipt_v1.json").read_text())
DATA: bytes = VECTOR["receipt"].encode()
VERIFIER = NoteVerifier.parse(VECTOR["vkey"])


def changed(**fields: Any) -> bytes:
    return canonical({**json.loads(DATA), **fields})


def opened(**fields: Any) -> bytes:
    return changed(open={**json.loads(DATA)["open"], **fields})


def test_a_receipt_of_the_first_day_still_proves_what_it_did() -> None:
    checked = Receipt.parse(DATA).check(VERIFIER)

    assert checked.payload == VECTOR["payload"]
    assert checked.index == VECTOR["index"]
    assert checked.checkpoint.digest == VECTOR["checkpoint"]
    assert checked.leaf.t == "OutputReleased"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        DATA + b"\n",
        b" " + DATA,
        DATA.replace(b'":', b'": ', 1),
        b"[" * 100_000,
        b" " * (1024 * 1024 + 1),
        changed(v=2),
        changed(v=True),
        changed(leaf=1),
        changed(leaf="AA"),
        changed(proof=None),
        changed(open=[]),
        changed(extra=1),
        opened(part=-1),
        opened(part=False),
        opened(part="0"),
        opened(salt="00"),
        opened(salt="AB" * 32),
        opened(payload=[]),
        opened(more=1),
    ],
)
def test_what_is_not_a_receipt_byte_for_byte_is_refused(data: bytes) -> None:
    with pytest.raises(ReceiptMalformed):
        Receipt.parse(data)


def test_an_opening_that_is_not_the_entry_s_is_refused() -> None:
    for data in [opened(part=1), opened(payload={}), opened(salt="00" * 32)]:
        with pytest.raises(ReceiptInvalid):
            Receipt.parse(data).check(VERIFIER)


def test_a_receipt_of_another_log_is_refused() -> None:
    other = NoteVerifier(VERIFIER.name, SigningKey.generate(Duty.LOG, lambda size: b"o" * size).verifying)

    with pytest.raises(ConsentryError):
        Receipt.parse(DATA).check(other)


def test_a_second_signature_line_has_no_place_in_a_receipt() -> None:
    # Given a line by somebody unknown, which a note would ignore and anybody could change,
    receipt = Receipt.parse(DATA)
    stranger = SigningKey.generate(Duty.LOG, lambda size: b"s" * size)
    line = note.sign("x\n", "witness.example", stranger).rpartition("\n\n")[2]

    more = Receipt(receipt.leaf, receipt.part, receipt.opening, receipt.proof + line)

    with pytest.raises(ReceiptMalformed):
        more.check(VERIFIER)


def test_any_flipped_bit_is_noticed() -> None:
    for position in range(len(DATA)):
        flipped = bytearray(DATA)
        flipped[position] ^= 1 << (position % 8)
        with pytest.raises(ConsentryError):
            Receipt.parse(bytes(flipped)).check(VERIFIER)


def test_a_receipt_is_checked_without_any_database() -> None:
    script = (
        "import sys; from audit.receipt import Receipt; from audit.note import NoteVerifier;"
        "import audit.keys, audit.proof, audit.checkpoint, audit.tree, audit.leaf, audit.sealing;"
        "print([m for m in sys.modules if m.startswith(('sqlalchemy', 'sqlmodel', 'sqlite3'))])"
    )

    found = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout == "[]\n"


# Witnessed

KEYS = [SigningKey.generate(Duty.WITNESS, lambda size, n=n: bytes([n]) * size) for n in (1, 2, 3)]
VKEYS = {f"w{n}": (Witness(f"w.example/{n}", key.verifying).text, "") for n, key in enumerate(KEYS, start=1)}


def witnessed(*numbers: int, at: int = 1_700_000_000) -> Receipt:
    """The receipt, cosigned by these witnesses."""
    receipt = Receipt.parse(DATA)
    text = note.parse(receipt.proof.partition("\n\n")[2]).text
    lines = [cosign(text, f"w.example/{n}", KEYS[n - 1], at).line for n in numbers]
    return replace(receipt, proof=receipt.proof + "".join(lines))


def trusting(*names: str, quorum: str = "all", vkey: str = VECTOR["vkey"]) -> Trust:
    return Trust.parse(policy(vkey, {name: VKEYS[name] for name in names}, quorum))


def test_a_quorum_is_asked_by_who_names_witnesses() -> None:
    receipt = Receipt.parse(witnessed(1, 2).data)
    assert receipt.witnessed

    checked = receipt.check(VERIFIER, trusting("w1", "w2"))
    assert (checked.seen, checked.unknown) == ({"w1": 1_700_000_000, "w2": 1_700_000_000}, 0)
    assert checked.checkpoint.digest == VECTOR["checkpoint"]
    assert receipt.check(VERIFIER, trusting("w1", "w3", quorum="any")).unknown == 1
    with pytest.raises(QuorumMissing):
        receipt.check(VERIFIER, trusting("w1", "w3"))
    with pytest.raises(QuorumMissing):
        Receipt.parse(DATA).check(VERIFIER, trusting("w1"))


def test_who_names_no_witness_takes_one_signature_and_no_more() -> None:
    assert not Receipt.parse(DATA).witnessed
    with pytest.raises(ReceiptWitnessed):
        witnessed(1).check(VERIFIER)
    assert Receipt.parse(DATA).check(VERIFIER, Trust.parse(f"log {VECTOR['vkey']}\nquorum none\n")).seen == {}


def test_a_false_line_of_a_known_witness_spoils_the_receipt() -> None:
    line = cosign("another text\n", "w.example/1", KEYS[0], 1).line
    spoilt = replace(Receipt.parse(DATA), proof=Receipt.parse(DATA).proof + line)

    with pytest.raises(BadSignature):
        spoilt.check(VERIFIER, trusting("w1", "w2", quorum="any"))


def test_a_policy_of_another_log_vouches_for_nothing() -> None:
    other = NoteVerifier(VERIFIER.name, SigningKey.generate(Duty.LOG, lambda n: bytes([9]) * n).verifying)

    for vkey in (other.text, NoteVerifier("log.example/other", VERIFIER.key).text):
        with pytest.raises(BadSignature):
            witnessed(1).check(VERIFIER, trusting("w1", vkey=vkey))


def test_a_receipt_under_a_larger_tree_than_its_key_is_good_for_proves_nothing() -> None:
    size = Receipt.parse(DATA).check(VERIFIER).checkpoint.size

    Receipt.parse(DATA).check(replace(VERIFIER, until=size))
    with pytest.raises(BadSignature, match="had ended"):
        Receipt.parse(DATA).check(replace(VERIFIER, until=size - 1))
