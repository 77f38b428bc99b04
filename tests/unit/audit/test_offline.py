"""What the verifier in a bundle reads by itself says the same as what we read with ours."""

import random
from pathlib import Path

import pytest

from audit import note, offline, tree
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.ids import Entropy
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.offline import Fault, Trust
from audit.proof import Proof
from consent.signature import Evidence
from softkeys import ORIGIN, RP_ID, UP, UV, Softkey, eddsa, es256, rs256

LOG = "log.example/studio"


@pytest.fixture
def log(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.LOG, entropy)


def trusting(log: SigningKey, *lines: str) -> Trust:
    return Trust.parse("\n".join(["# mine", "", f"log {NoteVerifier(LOG, log.verifying).text}", *lines]))


def test_a_trust_file_is_read_line_by_line(log: SigningKey, entropy: Entropy) -> None:
    export = SigningKey.generate(Duty.EXPORT, entropy).verifying

    trust = trusting(log, export.text, "rp sign.example https://sign.example")

    assert trust.keys == {("export", export.kid): export.public}
    assert [*trust.sites.values()] == [["https://sign.example"]]
    for wrong in (
        "log nonsense",
        f"witness {NoteVerifier(LOG, log.verifying).text}",
        export.text.replace(export.kid, "0" * 16),
        "consentry/permit/v1 0 0",
        "consentry/export/v1",
        "quorum none",
        "log",
        "rp",
    ):
        with pytest.raises(Fault, match="trust file, line 4"):
            trusting(log, wrong)


def test_proofs_are_those_of_the_tree(log: SigningKey) -> None:
    leaves = [tree.leaf_hash(bytes([one])) for one in range(37)]
    nodes, trust = tree.nodes_of(leaves), trusting(log)
    for size in (1, 2, 3, 8, 21, 37):
        checkpoint = Checkpoint.sign(LOG, size, tree.root(leaves[:size]), log)
        for index in range(size):
            path = tree.inclusion_path(nodes, index, size)
            text = Proof.make(index, path, checkpoint).text.encode()
            assert trust.proof("it", text, index, leaves[index].hex()) == checkpoint.text.encode()
            others = [*path[:-1]], [*path, leaves[0]], [*path[:-1], leaves[-1]]
            for other in others if path else ():
                wrong = Proof.make(index, other, checkpoint).text.encode()
                with pytest.raises(Fault):
                    trust.proof("it", wrong, index, leaves[index].hex())
            with pytest.raises(Fault):
                trust.proof("it", text, index, leaves[index - 1 if size > 1 else 5].hex())


def test_every_witness_in_the_trust_file_must_have_seen_it(log: SigningKey, entropy: Entropy) -> None:
    key = SigningKey.generate(Duty.WITNESS, entropy)
    witness = Witness("w.example/1", key.verifying)
    checkpoint = Checkpoint.sign(LOG, 7, bytes(range(32)), log)
    line = cosign(note.parse(checkpoint.text).text, witness.name, key, 1_700_000_000).line
    trust = trusting(log, f"witness {witness.text}")

    assert trust.checkpoint((checkpoint.text + line).encode()) == (7, bytes(range(32)))
    assert trusting(log).checkpoint((checkpoint.text + line).encode())[0] == 7
    for wrong in (checkpoint.text, f"{checkpoint.text.partition('— ')[0]}{line}"):
        with pytest.raises(Fault):
            trust.checkpoint(wrong.encode())


@pytest.mark.parametrize("make", [es256, eddsa, rs256])
def test_passkeys_verify_for_the_sites_of_the_trust_file(make, log: SigningKey) -> None:
    key, message, trust = Softkey(make()), b"a document", trusting(log, f"rp {RP_ID} {ORIGIN}")
    good = key.signs(message)

    trust.person("hers", shown(good), message)

    wrong = {
        "another text": (trust, good, b"another document"),
        "another site": (trust, key.but(origin="https://other.example").signs(message), message),
        "another party": (trust, key.but(rp_id="other.example").signs(message), message),
        "nobody verified": (trust, key.but(flags=UP).signs(message), message),
        "nobody there": (trust, key.but(flags=UV).signs(message), message),
        "in a frame": (trust, key.signs(message, crossOrigin=True), message),
        "below another page": (trust, key.signs(message, topOrigin=ORIGIN), message),
        "no site trusted": (trusting(log), good, message),
        "another key": (trust, Evidence(**{**fields(good), "key": Softkey(make()).key.hex()}), message),
        "no key": (trust, Evidence(**{**fields(good), "key": "a0"}), message),
    }
    for name, (trusted, evidence, over) in wrong.items():
        with pytest.raises(Fault):
            trusted.person(name, shown(evidence), over)


def fields(evidence: Evidence) -> dict[str, str | None]:
    names = ("method", "key", "signature", "client_data", "authenticator_data")
    return {name: getattr(evidence, name) for name in names}


def shown(evidence: Evidence) -> dict[str, str]:
    return {name: value for name, value in fields(evidence).items() if value is not None}


def test_a_folder_holds_files_of_a_bundle_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "audit" / "__pycache__").mkdir(parents=True)
    (tmp_path / "audit" / "__pycache__" / "offline.pyc").write_bytes(b"")
    (tmp_path / "audit" / "offline.py").write_bytes(b"it")
    assert offline.read_folder(tmp_path) == {"audit/offline.py": b"it"}

    (tmp_path / "way-out").symlink_to("/etc/hostname")
    with pytest.raises(Fault, match="way-out"):
        offline.read_folder(tmp_path)
    (tmp_path / "way-out").unlink()
    (tmp_path / ".hidden").write_bytes(b"")
    with pytest.raises(Fault, match="hidden"):
        offline.read_folder(tmp_path)
    (tmp_path / ".hidden").unlink()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(offline.LARGEST + 1)
    with pytest.raises(Fault, match="more than"):
        offline.read_folder(tmp_path)


def test_random_signatures_never_hold(log: SigningKey) -> None:
    chance, trust = random.Random(3), trusting(log)
    for _ in range(50):
        evidence = {
            "method": "ed25519",
            "key": chance.randbytes(32).hex(),
            "signature": chance.randbytes(64).hex(),
        }
        with pytest.raises(Fault):
            trust.person("hers", evidence, b"it")
