from hashlib import sha256

import pytest

from audit import note, tree
from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.ids import Entropy
from audit.keys import BadSignature, Duty, SigningKey
from audit.note import NoteVerifier

ORIGIN = "log.example/studio"
ROOT = tree.leaf_hash(b"only")


@pytest.fixture
def key(entropy: Entropy) -> SigningKey:
    return SigningKey.generate(Duty.LOG, entropy)


def parse(text: str, key: SigningKey, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint.parse(text, NoteVerifier(origin, key.verifying))


def signed(body: str, key: SigningKey) -> str:
    return note.sign(body, ORIGIN, key)


def test_a_checkpoint_says_which_log_had_which_root_at_which_size(key: SigningKey) -> None:
    made = Checkpoint.sign(ORIGIN, 1, ROOT, key)

    assert parse(made.text, key) == made
    assert (made.origin, made.size, made.root) == (ORIGIN, 1, ROOT.hex())
    assert made.digest == sha256(made.text.encode()).hexdigest()


def test_an_empty_log_has_the_empty_root(key: SigningKey) -> None:
    assert Checkpoint.sign(ORIGIN, 0, tree.EMPTY_ROOT, key).size == 0
    with pytest.raises(CheckpointMalformed):
        Checkpoint.sign(ORIGIN, 0, ROOT, key)


def test_a_checkpoint_by_another_key_is_refused(key: SigningKey, entropy: Entropy) -> None:
    other = SigningKey.generate(Duty.LOG, entropy)

    with pytest.raises(BadSignature):
        parse(Checkpoint.sign(ORIGIN, 1, ROOT, other).text, key)


def test_a_checkpoint_of_another_log_is_refused_though_the_key_is_right(key: SigningKey) -> None:
    with pytest.raises(CheckpointMalformed):
        parse(signed(f"log.example/other\n1\n{to_base64(ROOT)}\n", key), key)


@pytest.mark.parametrize("size", ["01", "+1", "-1", " 1", "1_0", "１", "1e3", "", "99999999999999999999"])
def test_a_size_has_one_spelling(key: SigningKey, size: str) -> None:
    with pytest.raises(CheckpointMalformed):
        parse(signed(f"{ORIGIN}\n{size}\n{to_base64(ROOT)}\n", key), key)


def test_a_root_is_32_bytes_and_nothing_follows(key: SigningKey) -> None:
    root = to_base64(ROOT)
    for body in [
        f"{ORIGIN}\n1\n{to_base64(ROOT[:31])}\n",
        f"{ORIGIN}\n1\n{root}\nextension\n",
        f"{ORIGIN}\n1\n{root}\n\n",
        f"{ORIGIN}\n1\n{root[:-1]}\n",
        f"{ORIGIN}\n1\n",
    ]:
        with pytest.raises(CheckpointMalformed):
            parse(signed(body, key), key)


def to_base64(data: bytes) -> str:
    from audit import spelling

    return spelling.to_base64(data)
