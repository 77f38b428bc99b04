import os
import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from audit import keys, secretfile
from audit.ids import Entropy
from audit.keys import BadSignature, Duty, KeyMalformed, SigningKey, VerifyingKey
from audit.secretfile import KeyExists, KeyFileExposed, KeyMissing


def test_a_signature_holds_for_its_message_key_and_duty_only(entropy: Entropy) -> None:
    key = SigningKey.generate(Duty.PERMIT, entropy)
    signature = key.sign(b"swap")

    key.verifying.check(b"swap", signature)
    for verifier, message in [
        (key.verifying, b"swap!"),
        (SigningKey.generate(Duty.PERMIT, entropy).verifying, b"swap"),
        (VerifyingKey(Duty.EXPORT, key.verifying.public), b"swap"),
    ]:
        with pytest.raises(BadSignature):
            verifier.check(message, signature)


def test_a_signature_of_another_length_or_a_public_key_of_another_length_is_bad(entropy: Entropy) -> None:
    key = SigningKey.generate(Duty.PERMIT, entropy)

    for verifier, signature in [(key.verifying, b""), (VerifyingKey(Duty.PERMIT, b"short"), key.sign(b""))]:
        with pytest.raises(BadSignature):
            verifier.check(b"", signature)


def test_one_key_has_another_name_for_another_duty(entropy: Entropy) -> None:
    private = SigningKey.generate(Duty.LOG, entropy).private

    names = {SigningKey(duty, private).kid for duty in Duty}

    assert len(names) == len(Duty)
    assert all(len(name) == 16 for name in names)


def test_only_the_log_s_key_signs_notes(entropy: Entropy) -> None:
    with pytest.raises(KeyMalformed):
        SigningKey.generate(Duty.PERMIT, entropy).sign_note(b"text\n")


def test_a_public_key_line_reads_back_and_has_no_other_spelling(entropy: Entropy) -> None:
    key = SigningKey.generate(Duty.COUNTERSIGN, entropy).verifying
    other = SigningKey.generate(Duty.COUNTERSIGN, entropy).verifying

    assert VerifyingKey.parse(key.text) == key
    for text in [
        "",
        key.text + "\n",
        key.text.removesuffix("\n"),
        key.text.replace(" ", "  ", 1),
        key.text.replace("countersign", "reading"),
        key.text.replace("countersign", "permit"),
        key.text.replace(key.kid, other.kid),
        key.text.replace("=", ""),
    ]:
        with pytest.raises(KeyMalformed):
            VerifyingKey.parse(text)


def test_a_private_key_comes_back_from_its_file_for_its_owner_alone(tmp_path: Path, entropy: Entropy) -> None:
    key = SigningKey.generate(Duty.LOG, entropy)
    path = tmp_path / "private" / "log.key"

    keys.save_private(key, path)

    assert keys.load_private(path, Duty.LOG).verifying == key.verifying
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_in_the_place_of_another_is_noticed_before_it_signs(tmp_path: Path, entropy: Entropy) -> None:
    path = tmp_path / "private" / "permit.key"
    keys.save_private(SigningKey.generate(Duty.PERMIT, entropy), path)

    with pytest.raises(KeyMalformed):
        keys.load_private(path, Duty.LOG)


def test_a_key_is_never_overwritten(tmp_path: Path, entropy: Entropy) -> None:
    path = tmp_path / "private" / "log.key"
    key = SigningKey.generate(Duty.LOG, entropy)
    keys.save_private(key, path)

    with pytest.raises(KeyExists):
        keys.save_private(SigningKey.generate(Duty.LOG, entropy), path)

    assert keys.load_private(path, Duty.LOG).verifying == key.verifying


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_others_can_read_is_not_used(tmp_path: Path, entropy: Entropy, mode: int) -> None:
    path = tmp_path / "private" / "log.key"
    keys.save_private(SigningKey.generate(Duty.LOG, entropy), path)
    path.chmod(mode)

    with pytest.raises(KeyFileExposed):
        keys.load_private(path, Duty.LOG)


def test_a_key_in_a_folder_others_can_enter_is_not_used(tmp_path: Path, entropy: Entropy) -> None:
    path = tmp_path / "private" / "log.key"
    keys.save_private(SigningKey.generate(Duty.LOG, entropy), path)
    path.parent.chmod(0o750)

    with pytest.raises(KeyFileExposed):
        keys.load_private(path, Duty.LOG)


def test_a_missing_key_is_named_not_made(tmp_path: Path) -> None:
    private = tmp_path / "private"

    with pytest.raises(KeyMissing):
        keys.load_private(private / "log.key", Duty.LOG)
    private.mkdir(mode=0o700)
    with pytest.raises(KeyMissing):
        keys.load_private(private / "log.key", Duty.LOG)
    assert not (private / "log.key").exists()


def test_a_key_file_with_something_else_in_it_is_malformed(tmp_path: Path) -> None:
    pem = X25519PrivateKey.from_private_bytes(random.Random(1).randbytes(32)).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    heading = b"consentry/log/v1 private key\n"

    for number, content in enumerate([b"", heading, heading + b"-----BEGIN", heading + pem]):
        path = tmp_path / "private" / f"{number}.key"
        secretfile.write(path, content)
        with pytest.raises(KeyMalformed):
            keys.load_private(path, Duty.LOG)


def test_the_message_never_shows_the_key(tmp_path: Path) -> None:
    key = SigningKey.generate(Duty.LOG, os.urandom)

    assert key.private.private_bytes_raw().hex() not in repr(key)
