"""What a witness's line proves, and to whom."""

import pytest

from audit import note
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.ids import Entropy
from audit.keys import BadSignature, Duty, KeyMalformed, SigningKey
from audit.note import NoteMalformed, NoteSignature, NoteVerifier

ORIGIN = "log.example/studio"
NOW = 1_700_000_000
# From the specification's text: a line of a witness whose key it doesn't give.
SPECIFICATION_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZ"
    "qhf5nNo0xUe+mbIUBkBIfZ+qnA=="
)


@pytest.fixture
def log(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.LOG, entropy)


@pytest.fixture
def key(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.WITNESS, entropy)


@pytest.fixture
def checkpoint(log: SigningKey) -> Checkpoint:
    return Checkpoint.sign(ORIGIN, 7, bytes(range(32)), log)


def body(checkpoint: Checkpoint) -> str:
    return note.parse(checkpoint.text).text


def cosigned(checkpoint: Checkpoint, *lines: NoteSignature) -> str:
    return checkpoint.text + "".join(line.line for line in lines)


def test_a_cosigned_checkpoint_is_still_the_log_s_and_says_when_it_was_seen(
    checkpoint: Checkpoint, key: SigningKey, log: SigningKey
) -> None:
    witness = Witness("w.example/1", key.verifying)
    text = cosigned(checkpoint, cosign(body(checkpoint), witness.name, key, NOW))

    assert Checkpoint.parse(text, NoteVerifier(ORIGIN, log.verifying)).root == checkpoint.root
    assert witness.saw(note.parse(text)) == NOW
    assert witness.saw(note.parse(checkpoint.text)) is None


def test_a_witness_s_vkey_reads_back_and_is_no_log_s(key: SigningKey) -> None:
    witness = Witness("w.example/1", key.verifying)

    assert Witness.parse(witness.text) == witness
    with pytest.raises(NoteMalformed):
        NoteVerifier.parse(witness.text)
    with pytest.raises(NoteMalformed):
        Witness.parse(NoteVerifier("w.example/1", key.verifying).text)


def test_the_latest_of_two_lines_counts(checkpoint: Checkpoint, key: SigningKey) -> None:
    lines = [cosign(body(checkpoint), "w", key, at) for at in (NOW + 9, NOW)]

    assert Witness("w", key.verifying).saw(note.parse(cosigned(checkpoint, *lines))) == NOW + 9


def test_the_specification_s_line_has_the_form_ours_has() -> None:
    line = note.parse_line(SPECIFICATION_LINE)

    assert (line.name, line.key_id.hex(), len(line.blob)) == ("witness.example.com/w1", "8d66cf3f", 72)
    assert int.from_bytes(line.blob[:8]) == 1_679_315_147


@pytest.mark.parametrize("position", range(72))
def test_no_bit_of_a_line_can_be_another(position: int, checkpoint: Checkpoint, key: SigningKey) -> None:
    line = cosign(body(checkpoint), "w", key, NOW)
    blob = bytearray(line.blob)
    blob[position] ^= 1 << position % 8
    parsed = note.parse(cosigned(checkpoint, NoteSignature("w", line.key_id, bytes(blob))))

    with pytest.raises(BadSignature):
        Witness("w", key.verifying).saw(parsed)


def test_a_line_over_another_tree_or_of_another_length_spoils_the_note(
    checkpoint: Checkpoint, key: SigningKey, log: SigningKey
) -> None:
    witness = Witness("w", key.verifying)
    other = Checkpoint.sign(ORIGIN, 8, bytes(32), log)
    line = cosign(body(other), "w", key, NOW)
    for blob in (line.blob, line.blob[:-1], line.blob + b"x", b"", (1 << 63).to_bytes(8) + line.blob[8:]):
        with pytest.raises(BadSignature):
            witness.check(body(checkpoint), NoteSignature("w", line.key_id, blob))
    with pytest.raises(BadSignature):
        Witness("v", key.verifying).check(body(other), line)


def test_only_a_witness_s_key_cosigns(checkpoint: Checkpoint, log: SigningKey, key: SigningKey) -> None:
    with pytest.raises(KeyMalformed):
        cosign(body(checkpoint), "w", log, NOW)
    for text, at in ((body(checkpoint)[:-1], NOW), (body(checkpoint), -1), (body(checkpoint), 1 << 63)):
        with pytest.raises(NoteMalformed):
            cosign(text, "w", key, at)
