"""A signature is over these rules as they are, by a key that is trusted for it."""

from random import Random

import pytest

from audit.keys import Duty, KeyMalformed, SigningKey
from audit.note import NoteVerifier
from consent.endorsement import PolicyUnsigned, endorse, endorsers, text_of
from consent.policy import of_files
from gating import POLICY

KEY, OTHER = (SigningKey.generate(Duty.POLICY, Random(seed).randbytes) for seed in (1, 2))
COUNSEL, BOARD = NoteVerifier("counsel", KEY.verifying), NoteVerifier("board", OTHER.verifying)
SIGNED = endorse(POLICY, "counsel", KEY)


def test_who_signed_is_told() -> None:
    assert endorsers(POLICY, SIGNED, [BOARD, COUNSEL]) == ("counsel",)


def test_what_is_signed_names_the_digest_and_every_pack() -> None:
    lines = text_of(POLICY).splitlines()

    assert lines == ["consentry/policy/v1", POLICY.digest, *(pack.name for pack in POLICY.packs)]


@pytest.mark.parametrize("name", sorted(POLICY.files))
def test_a_changed_byte_in_any_file_is_another_policy(name: str) -> None:
    comment = b"\n# \n" if name.endswith(".toml") else b"\n// \n"
    changed = of_files({**POLICY.files, name: POLICY.files[name] + comment})

    with pytest.raises(PolicyUnsigned, match="other rules"):
        endorsers(changed, SIGNED, [COUNSEL])


def test_a_file_more_or_less_is_another_policy() -> None:
    pack = POLICY.files["packs/EU.toml"].replace(b'id = "EU"', b'id = "ZZ"')
    fewer = {name: data for name, data in POLICY.files.items() if name != "packs/EU.toml"}

    for files in ({**POLICY.files, "packs/ZZ.toml": pack}, fewer):
        with pytest.raises(PolicyUnsigned, match="other rules"):
            endorsers(of_files(files), SIGNED, [COUNSEL])


@pytest.mark.parametrize(
    "trusted", [[], [BOARD], [NoteVerifier("counsel", OTHER.verifying)], [NoteVerifier("x", KEY.verifying)]]
)
def test_another_key_or_another_name_is_nobody(trusted: list[NoteVerifier]) -> None:
    with pytest.raises(PolicyUnsigned, match="no signature"):
        endorsers(POLICY, SIGNED, trusted)


@pytest.mark.parametrize("text", ["", "nonsense", SIGNED.partition("\n\n")[0], SIGNED[:-8] + "AAAA==\n"])
def test_what_is_no_note_or_a_broken_one_is_refused(text: str) -> None:
    with pytest.raises(PolicyUnsigned):
        endorsers(POLICY, text, [COUNSEL])


def test_a_key_for_another_duty_signs_no_policy() -> None:
    with pytest.raises(KeyMalformed):
        endorse(POLICY, "counsel", SigningKey.generate(Duty.PERMIT, Random(3).randbytes))
