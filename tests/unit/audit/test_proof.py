import pytest

from audit import tree
from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.ids import Entropy
from audit.keys import BadSignature, Duty, SigningKey
from audit.note import NoteVerifier
from audit.proof import Proof, ProofMalformed
from audit.spelling import to_base64
from audit.tree import ProofInvalid

ENTRIES = [f"entry {number}".encode() for number in range(7)]
HASHES = [tree.leaf_hash(entry) for entry in ENTRIES]


@pytest.fixture
def key(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.LOG, entropy)


@pytest.fixture
def verifier(key: SigningKey) -> NoteVerifier:
    return NoteVerifier("log.example", key.verifying)


@pytest.fixture
def proof(key: SigningKey) -> Proof:
    checkpoint = Checkpoint.sign("log.example", 7, tree.root(HASHES), key)
    return Proof.make(4, tree.inclusion_path(tree.nodes_of(HASHES), 4, 7), checkpoint)


def test_a_proof_leads_from_an_entry_to_a_signed_root(proof: Proof, verifier: NoteVerifier) -> None:
    checkpoint = Proof.parse(proof.text).check(ENTRIES[4], verifier)

    assert checkpoint.size == 7


def test_a_proof_is_for_one_entry_at_one_place(proof: Proof, verifier: NoteVerifier) -> None:
    with pytest.raises(ProofInvalid):
        proof.check(ENTRIES[3], verifier)
    with pytest.raises(ProofInvalid):
        Proof(5, proof.path, proof.checkpoint).check(ENTRIES[4], verifier)


def test_the_only_entry_of_a_log_needs_no_path(key: SigningKey, verifier: NoteVerifier) -> None:
    proof = Proof.make(0, [], Checkpoint.sign("log.example", 1, HASHES[0], key))

    assert Proof.parse(proof.text) == proof
    proof.check(ENTRIES[0], verifier)


def test_a_proof_has_one_spelling(proof: Proof) -> None:
    text = proof.text
    for other in [
        "",
        text.replace("@v1", "@v2"),
        text.replace("index 4", "index 04"),
        text.replace("index 4", "extra AAAA\nindex 4"),
        text.replace("index 4", "4"),
        text.replace("index 4\n", "index 4\nAAAA\n"),
        text.replace("index 4\n", "index 4\n????\n"),
        text.replace("\n", "\r\n"),
        text.partition("\n\n")[0],
    ]:
        with pytest.raises(ProofMalformed):
            Proof.parse(other)


def test_a_path_moved_into_the_checkpoint_is_not_what_was_signed(
    proof: Proof, verifier: NoteVerifier
) -> None:
    moved = Proof.parse(proof.text.replace("index 4\n", "index 4\n\n"))

    with pytest.raises(BadSignature):
        moved.check(ENTRIES[4], verifier)


def test_a_path_longer_than_any_tree_is_refused(proof: Proof) -> None:
    with pytest.raises(ProofMalformed):
        Proof.parse(proof.text.replace("index 4\n", "index 4\n" + 64 * f"{to_base64(HASHES[0])}\n"))


def test_a_proof_of_another_log_is_refused(proof: Proof, key: SigningKey) -> None:
    other = Proof.make(0, [], Checkpoint.sign("log.example", 1, HASHES[0], key))

    with pytest.raises((CheckpointMalformed, ProofInvalid)):
        Proof(4, proof.path, other.checkpoint).check(ENTRIES[4], NoteVerifier("log.example", key.verifying))
