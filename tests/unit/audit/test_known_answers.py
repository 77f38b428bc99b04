"""Formats that can't change once data exists (tests/vectors/README.md)."""

import json
from pathlib import Path
from typing import Any

from audit import note
from audit.checkpoint import Checkpoint
from audit.journal import DenyJournal
from audit.keys import Duty, SigningKey, VerifyingKey
from audit.note import NoteVerifier
from audit.quorum import Trust


def vector(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / name).read_text())
    return found


def key_of(seed: str, duty: Duty = Duty.LOG) -> SigningKey:
    return SigningKey.generate(duty, lambda _size: bytes.fromhex(seed))


def test_a_key_has_the_same_name_line_and_signature() -> None:
    known = vector("keys.json")

    for word, expected in known["duties"].items():
        key = key_of(known["seed"], Duty(word))
        assert key.kid == expected["kid"]
        assert key.verifying.text == expected["text"]
        assert key.sign(bytes.fromhex(known["message"])).hex() == expected["signature"]
        VerifyingKey.parse(expected["text"]).check(
            bytes.fromhex(known["message"]), bytes.fromhex(expected["signature"])
        )
    assert set(known["duties"]) == set(Duty)


def test_a_note_is_the_same_text() -> None:
    known = vector("note.json")

    assert note.sign(known["text"], known["name"], key_of(known["seed"])) == known["note"]
    assert note.verify(note.parse(known["note"]), NoteVerifier.parse(known["vkey"])) == known["text"]


def test_a_checkpoint_is_the_same_text() -> None:
    known = vector("checkpoint.json")

    made = Checkpoint.sign(
        known["origin"], known["size"], bytes.fromhex(known["root"]), key_of(known["seed"])
    )

    assert (made.text, made.digest) == (known["text"], known["digest"])
    assert Checkpoint.parse(known["text"], NoteVerifier.parse(known["vkey"])) == made


def test_a_denial_is_the_same_line(tmp_path: Path) -> None:
    known = vector("deny_journal.json")

    DenyJournal.create(tmp_path / "deny").append(known["authorization"], [known["purpose"]])

    assert (tmp_path / "deny").read_text() == known["line"]


def test_what_another_program_cosigned_is_a_quorum() -> None:
    """Two lines under one checkpoint of ours: by aics-witness 0.1.0, and by our own witness."""
    known = vector("cosigned.json")
    policy = "log {log}\nwitness aics {aics}\nwitness ours {ours}\ngroup both all aics ours\nquorum both\n"

    seen = Trust.parse(policy.format(**known)).check(known["checkpoint"])

    assert seen.checkpoint.size == 623
    assert seen.at == {"aics": 1795865316, "ours": 1795865316}
    assert seen.checkpoint.plain == "".join(known["checkpoint"].splitlines(keepends=True)[:5])
