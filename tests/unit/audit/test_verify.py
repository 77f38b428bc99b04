"""What a stranger runs: yes with file, receipt and public keys; no, and which step, for anything else."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audit
from audit import certificate, manifest, sealing, testchain, tree
from audit.canonical import Json
from audit.checkpoint import Checkpoint
from audit.durable import DiskFailed
from audit.keys import Duty, SigningKey
from audit.leaf import Leaf
from audit.note import NoteVerifier
from audit.proof import Proof
from audit.receipt import Receipt
from audit.sealing import Opening
from audit.verify import StepName, Verdict, _second, verify
from outputs import a_hand, an_output
from small_mp4 import write_mp4

ORIGIN = "log.consentry.example/default"
KEY = SigningKey.generate(Duty.LOG, Random(1).randbytes)
VKEY = NoteVerifier(ORIGIN, KEY.verifying).text


@dataclass(frozen=True, slots=True)
class Released:
    """An output as it leaves the house."""

    file: Path
    receipt: bytes


def _receipt(
    payload: Mapping[str, Json], *, kind: str = "OutputReleased", key: SigningKey = KEY, origin: str = ORIGIN
) -> bytes:
    """A receipt under a log of five entries, ours the fourth."""
    entropy = Random(2).randbytes
    eid = entropy(16).hex()
    sealed = sealing.seal(payload, link=bytes(32), key=bytes(32), eid=eid, t=kind, entropy=entropy)
    opening = sealing.unseal(sealed.ciphertext, sealed.part, key=bytes(32), eid=eid, t=kind)
    leaf = Leaf(t=kind, ts="2026-11-22T12:35Z", eid=eid, parts=(sealed.part,)).data
    hashes = [tree.leaf_hash(data) for data in (b"a", b"b", b"c", leaf, b"e")]
    checkpoint = Checkpoint.sign(origin, 5, tree.root(hashes), key)
    path = tree.inclusion_path(tree.nodes_of(hashes), 3, 5)
    proof = Proof.make(3, path, checkpoint)
    return Receipt(leaf, 0, Opening(opening.salt, payload), proof.text).data


def _payload(file: Path, **changes: Json) -> dict[str, Json]:
    digest = sha256(file.read_bytes()).hexdigest()
    return {"output": digest, "action": "swap", "rules": ["G-08"], "proof": "self-asserted", **changes}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    directory = tmp_path_factory.mktemp("released")
    clip = write_mp4(directory / "clip.mp4", width=64, height=64, frames=6)
    hand, file = a_hand(), directory / "output.mp4"
    manifest.sign(clip, file, an_output(), template=clip, signer=hand.signer, trust_pem=hand.trust_pem)
    return Released(file, _receipt(_payload(file)))


def _ask(
    it: Released,
    *,
    vkey: str = VKEY,
    trust: str | None = None,
    now: datetime | None = None,
    ended: Mapping[str, int] | None = None,
) -> Verdict:
    trust = a_hand().trust_pem if trust is None else trust
    return verify(it.file, it.receipt, vkey, trust, now or datetime.now(UTC), ended=ended)


def _refused_at(verdict: Verdict) -> StepName:
    assert not verdict.ok
    assert verdict.notes == ()
    assert all(step.ok for step in verdict.steps[:-1])
    last = verdict.steps[-1]
    assert not last.ok
    assert last.detail
    assert last.zh
    return last.name


def test_file_receipt_and_public_keys_are_enough(released: Released) -> None:
    verdict = _ask(released)

    assert verdict.ok
    assert [step.name for step in verdict.steps] == list(StepName)
    assert all(step.ok and step.detail and step.zh for step in verdict.steps)


def test_a_yes_says_what_it_does_not_say(released: Released) -> None:
    notes = " ".join(note.detail for note in _ask(released).notes)
    zh = "".join(note.zh for note in _ask(released).notes)

    assert "withdrawal can't be seen offline" in notes
    assert f"until {a_hand().signer.valid_until:%Y-%m-%dT%H:%MZ}" in notes
    assert "TEST certificates" in notes
    assert "self-asserted" in notes
    assert "撤回" in zh
    assert "测试证书" in zh


def test_without_a_proof_level_there_is_no_note_about_it(released: Released) -> None:
    payload = _payload(released.file)
    del payload["proof"]

    verdict = _ask(replace(released, receipt=_receipt(payload)))

    assert verdict.ok
    assert "weakest proof" not in " ".join(note.detail for note in verdict.notes)


def test_it_needs_no_database() -> None:
    source = Path(audit.__file__).parents[1]
    code = (
        "import sys, audit.verify; sys.exit(any(m in sys.modules for m in ('sqlmodel', 'sqlalchemy', 'av')))"
    )

    result = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, check=False)

    assert result.returncode == 0


@settings(max_examples=300)
@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_receipt_makes_it_say_no(released: Released, at: int, bit: int) -> None:
    data = bytearray(released.receipt)
    data[at % len(data)] ^= 1 << bit

    verdict = _ask(replace(released, receipt=bytes(data)))

    assert _refused_at(verdict) in {StepName.RECEIPT, StepName.LOG}


@given(at=st.integers(min_value=0), value=st.integers(0, 255))
def test_any_other_byte_in_the_receipt_makes_it_say_no(released: Released, at: int, value: int) -> None:
    data = bytearray(released.receipt)
    before = data[at % len(data)]
    data[at % len(data)] = value

    assert _ask(replace(released, receipt=bytes(data))).ok == (before == value)


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_media_makes_it_say_no(
    released: Released, tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    data = bytearray(released.file.read_bytes())
    data[at % len(data)] ^= 1 << bit
    file = tmp_path_factory.getbasetemp() / "flipped.mp4"
    file.write_bytes(data)

    assert _refused_at(_ask(replace(released, file=file))) is StepName.FILE


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 5000, b" " * 2_000_000])
def test_what_is_no_receipt_is_said_to_be_none(released: Released, data: bytes) -> None:
    assert _refused_at(_ask(replace(released, receipt=data))) is StepName.RECEIPT


def test_a_receipt_laid_out_otherwise_is_refused(released: Released) -> None:
    assert _refused_at(_ask(replace(released, receipt=released.receipt + b"\n"))) is StepName.RECEIPT
    assert _refused_at(_ask(replace(released, receipt=released.receipt[:-1]))) is StepName.RECEIPT


def test_another_logs_key_is_a_no(released: Released) -> None:
    stranger = SigningKey.generate(Duty.LOG, Random(9).randbytes)

    for vkey in (NoteVerifier(ORIGIN, stranger.verifying).text, "", "not a vkey", VKEY[:-1]):
        assert _refused_at(_ask(released, vkey=vkey)) is StepName.LOG


def test_a_receipt_signed_by_somebody_else_is_a_no(released: Released) -> None:
    stranger = SigningKey.generate(Duty.LOG, Random(9).randbytes)
    receipt = _receipt(_payload(released.file), key=stranger)

    assert _refused_at(_ask(replace(released, receipt=receipt))) is StepName.LOG


@pytest.mark.parametrize("output", ["", "short", 7, None, "AB" * 32])
def test_a_receipt_that_names_no_output_is_a_no(released: Released, output: Json) -> None:
    receipt = _receipt(_payload(released.file, output=output))

    assert _refused_at(_ask(replace(released, receipt=receipt))) is StepName.LOG


def test_a_receipt_of_another_kind_of_entry_is_a_no(released: Released) -> None:
    receipt = _receipt(_payload(released.file), kind="TemplateAdmitted")

    assert _refused_at(_ask(replace(released, receipt=receipt))) is StepName.LOG


def test_another_file_of_the_same_house_is_a_no(released: Released, tmp_path: Path) -> None:
    clip = write_mp4(tmp_path / "clip.mp4", width=64, height=64, frames=3)

    assert _refused_at(_ask(replace(released, file=clip))) is StepName.FILE


def test_a_missing_file_is_an_error_not_a_verdict(released: Released, tmp_path: Path) -> None:
    with pytest.raises(DiskFailed):
        _ask(replace(released, file=tmp_path / "gone.mp4"))


def test_a_released_file_without_a_manifest_is_a_no(tmp_path: Path) -> None:
    clip = write_mp4(tmp_path / "clip.mp4", width=64, height=64, frames=3)

    assert _refused_at(_ask(Released(clip, _receipt(_payload(clip))))) is StepName.MANIFEST


@pytest.mark.parametrize("trust", ["", "not a certificate"])
def test_no_root_is_a_no(released: Released, trust: str) -> None:
    assert _refused_at(_ask(released, trust=trust)) is StepName.MANIFEST


def test_another_root_is_a_no(released: Released) -> None:
    verdict = _ask(released, trust=a_hand("stranger").trust_pem)

    assert _refused_at(verdict) is StepName.MANIFEST
    assert "signingCredential.untrusted" in verdict.steps[-1].detail


def test_a_manifest_of_another_log_is_a_no(released: Released) -> None:
    receipt = _receipt(_payload(released.file), origin="other.example/log")
    vkey = NoteVerifier("other.example/log", KEY.verifying).text

    verdict = _ask(replace(released, receipt=receipt), vkey=vkey)

    assert _refused_at(verdict) is StepName.MANIFEST
    assert "another log" in verdict.steps[-1].detail


def test_after_the_certificate_ended_a_manifest_without_a_time_stamp_is_a_no(released: Released) -> None:
    until = a_hand().signer.valid_until

    assert _ask(released, now=until - timedelta(seconds=2)).ok
    assert _refused_at(_ask(released, now=until)) is StepName.MANIFEST


def test_a_trusted_time_stamp_outlives_the_certificate(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = replace(manifest.read(released.file, a_hand().trust_pem), timed=True)
    monkeypatch.setattr(manifest, "read", lambda *_: verdict)

    later = _ask(released, now=a_hand().signer.valid_until + timedelta(days=400))

    assert later.ok
    assert "time stamp keeps the manifest valid" in " ".join(note.detail for note in later.notes)


def test_a_manifest_that_hides_when_its_certificate_ends_is_a_no(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = replace(manifest.read(released.file, a_hand().trust_pem), valid_until=None)
    monkeypatch.setattr(manifest, "read", lambda *_: verdict)

    assert _refused_at(_ask(released)) is StepName.MANIFEST


def test_roots_that_are_no_test_are_not_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testchain, "TEST", "Example Ltd")
    now = datetime.now(UTC)
    chain = testchain.make_test_chain(now)
    signer = certificate.manifest_signer(chain.chain_pem, chain.key_pem, now)
    clip, file = write_mp4(tmp_path / "clip.mp4", width=64, height=64, frames=3), tmp_path / "output.mp4"
    manifest.sign(clip, file, an_output(), template=clip, signer=signer, trust_pem=chain.root_pem)

    verdict = _ask(Released(file, _receipt(_payload(file))), trust=chain.root_pem)

    assert verdict.ok
    assert not signer.test
    assert "TEST" not in " ".join(note.detail for note in verdict.notes)


@pytest.mark.parametrize(("until", "ok"), [(4, False), (5, True)])
def test_a_log_key_that_others_had_proves_nothing_from_there_on(
    released: Released, until: int, ok: bool
) -> None:
    # The receipt's checkpoint is over five entries.
    verdict = _ask(released, vkey=f"{VKEY} until {until}")

    assert verdict.ok is ok
    if not ok:
        assert _refused_at(verdict) is StepName.LOG
        assert "had ended" in verdict.steps[-1].detail


def test_by_a_list_of_ended_keys_the_log_s_is_judged_by_its_tree(released: Released) -> None:
    # The receipt's checkpoint is over five entries.
    kid = KEY.verifying.kid

    assert _ask(released, ended={kid: 5}).ok
    for vkey, ended in ((VKEY, {kid: 4}), (f"{VKEY} until 4", {kid: 5}), (f"{VKEY} until 9", {kid: 4})):
        verdict = _ask(released, vkey=vkey, ended=ended)
        assert _refused_at(verdict) is StepName.LOG
        assert "had ended" in verdict.steps[-1].detail


def test_a_manifest_s_key_is_judged_at_the_place_of_the_release(released: Released, tmp_path: Path) -> None:
    # Given the kid under which the service adopted its chain, and a receipt of the fourth entry
    (tmp_path / "chain.pem").write_text(a_hand().signer.chain_pem)
    kid, _ = certificate.leaf(tmp_path / "chain.pem")

    # Then before the place all holds, and from it on nothing
    assert _ask(released, ended={kid: 4}).ok
    assert _ask(released, ended={"0" * 16: 0}).ok
    verdict = _ask(released, ended={kid: 3})
    assert _refused_at(verdict) is StepName.MANIFEST
    assert f"its key {kid} was in other hands from entry 3 on" in verdict.steps[-1].detail


def test_whose_manifest_it_is_must_be_found_once_keys_are_named(
    released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = replace(manifest.read(released.file, a_hand().trust_pem), serial=None)
    monkeypatch.setattr(manifest, "read", lambda *_: verdict)

    assert _ask(released).ok
    assert _ask(released, ended={}).ok
    refused = _ask(released, ended={"0" * 16: 0})
    assert _refused_at(refused) is StepName.MANIFEST
    assert "is not found in it" in refused.steps[-1].detail


def test_a_yes_says_which_keys_it_asked_for(released: Released) -> None:
    def said(ended: Mapping[str, int] | None) -> str:
        return " ".join(f"{note.detail} {note.zh}" for note in _ask(released, ended=ended).notes)

    for asked in (None, {}):
        assert "Only a bundle shows" in said(asked)
        assert "须以证据包核验" in said(asked)
    assert "nothing was asked here" in said(None)
    assert "held against those that were named" in said({})


def test_a_witness_s_clock_beyond_all_calendars_is_told_in_seconds() -> None:
    assert _second(0) == "1970-01-01T00:00:00Z"
    assert _second(2**64 - 1) == "second 18446744073709551615"
