"""The tools that a bundle's README names, none of them ours: its own commands, run by a shell.

`openssl ts` is run in `test_stamped_bundles.py`, a tlog-proof verifier in `tests/contracts/oracle`.
"""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.evidence import texts
from service.evidence.about import About, Kind
from service.evidence.making import make
from service.evidence.readme import README
from softkeys import Softkey, base64url, es256
from stranger import unpacked
from worlds import World


@dataclass
class Shell:
    """Somebody's shell in an unpacked bundle, the README's commands at hand."""

    folder: Path
    files: tuple[str, ...]

    def __call__(self, about: str, **words: str) -> "subprocess.CompletedProcess[bytes]":
        """Run the one block of commands that says `about`, with these for what is in capitals."""
        blocks = re.findall(r"(?:^    .+\n)+", (self.folder / "README.txt").read_text(), re.M)
        (block,) = [one for one in blocks if about in one]
        for word, value in words.items():
            block, count = re.subn(rf"\b{word}\b", value, block)
            assert count, word
        return subprocess.run(
            ["sh", "-euc", block], cwd=self.folder, capture_output=True, timeout=60, check=False
        )

    def json(self, name: str) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / name).read_text())
        return found

    def spoil(self, name: str) -> None:
        data = bytearray((self.folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (self.folder / name).write_bytes(data)


@pytest.fixture
def shell(at_stage: Callable[[str], World], tmp_path: Path) -> tuple[Shell, str]:
    """With a bundle of a person, and the verifier's own trust file."""
    world = at_stage("consented")
    made = make(world.record, About(Kind.PERSON, world.people["astronaut"].person), by="auditor-1")
    (tmp_path / "bundle.zip").write_bytes(made.data)
    folder = unpacked(tmp_path / "bundle.zip")
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return Shell(folder, tuple(sorted(names))), texts.trusted(world.record).decode()


def test_unzip_and_sha256sum_find_every_file_as_it_is_listed(shell: tuple[Shell, str]) -> None:
    run, _ = shell
    one, two = (
        line for line in run.folder.joinpath("README.txt").read_text().splitlines() if "unzip -p" in line
    )
    listed = json.loads(
        subprocess.run(["sh", "-euc", one], cwd=run.folder, capture_output=True, check=True).stdout
    )

    digests = dict[str, str]()
    for name in listed["files"]:
        done = subprocess.run(
            ["sh", "-euc", two.replace("NAME", name)], cwd=run.folder, capture_output=True, check=True
        )
        digests[name] = done.stdout.split()[0].decode()

    assert digests == listed["files"]
    assert {*listed["files"], "bundle.json", "bundle.sig"} == set(run.files)
    assert len(digests) > 20


def test_openssl_verifies_who_exported_it(shell: tuple[Shell, str]) -> None:
    run, trust = shell
    key = re.findall(r"^consentry/export/v1 [0-9a-f]{16} (\S+)$", trust, re.M)[0]

    done = run("consentry/export/v1", KEY=key)
    assert (done.returncode, done.stdout) == (0, b"Signature Verified Successfully\n")
    run.spoil("bundle.json")
    assert run("consentry/export/v1", KEY=key).returncode != 0


def test_openssl_verifies_what_a_person_signed(shell: tuple[Shell, str]) -> None:
    run, _ = shell
    (name,) = [name for name in run.files if name.endswith("/evidence.json")]
    consent, shown = name.split("/")[1], run.json(name)
    assert shown["method"] == "ed25519"
    words = {"ID": consent, "HEX_KEY": shown["key"], "HEX_SIGNATURE": shown["signature"]}

    done = run("consentry/authorization/v1", **words)
    assert (done.returncode, done.stdout) == (0, b"Signature Verified Successfully\n")
    # Whose key it is: what the entry of its enrolment says.
    enrolled = [run.json(one)["payload"] for one in run.files if one.startswith("open/")]
    assert any(isinstance(one, dict) and one.get("key") == shown["key"] for one in enrolled)
    run.spoil(f"consent/{consent}/document.json")
    assert run("consentry/authorization/v1", **words).returncode != 0


def test_openssl_verifies_a_passkey_as_the_readme_says(tmp_path: Path) -> None:
    """Over the authenticator's data and the digest of the client's, in which a digest of the message is."""
    assert 'over "authenticator_data" followed by the SHA-256 of "client_data"' in README
    assert "authenticator_data 后接 client_data 的 SHA-256" in README
    key, message = Softkey(es256()), b"consentry/authorization/v1\0" + sha256(b"a document").digest()
    shown = key.signs(message)
    data, client = bytes.fromhex(shown.authenticator_data or ""), bytes.fromhex(shown.client_data or "")
    (tmp_path / "key").write_bytes(
        key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "signature").write_bytes(bytes.fromhex(shown.signature))

    def verified(signed: bytes) -> int:
        (tmp_path / "message").write_bytes(signed)
        command = "openssl dgst -sha256 -verify key -signature signature message"
        return subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode

    assert verified(data + sha256(client).digest()) == 0
    assert verified(message) != 0
    assert json.loads(client)["challenge"] == base64url(sha256(message).digest())
