import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit import note
from audit.canonical import canonical
from audit.errors import ConsentryError
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.receipt import Receipt, ReceiptInvalid, ReceiptMalformed

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
