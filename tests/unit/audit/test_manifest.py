"""The door to C2PA: what we sign, what we accept, and that nothing half-written stays."""

import errno
import hashlib
import json
import multiprocessing
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import c2pa
import encypher_c2pa
import pytest

from audit import bmff, durable, manifest
from audit.boxes import top_level
from audit.claim import GATE, OutputManifest, definition, handle, template_ingredient
from audit.provenance import State
from outputs import Hand, a_hand, an_output
from small_mp4 import write_mp4


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "rendered.mp4", metadata={"AIGC": '{"Label":"1"}'}, audio=True)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "template.mp4")


@pytest.fixture
def hand() -> Hand:
    return a_hand()


@pytest.fixture
def signed(clip: Path, template: Path, hand: Hand) -> Path:
    target = clip.with_name("signed.mp4")
    manifest.sign(clip, target, an_output(), template=template, signer=hand.signer, trust_pem=hand.trust_pem)
    return target


def _independent(path: Path, trust_pem: str) -> Any:
    return encypher_c2pa.verify(
        path.read_bytes(),
        "video/mp4",
        trust_pem=trust_pem,
        no_default_trust=True,
        telemetry=False,
        online=False,
    )


def _leftovers(directory: Path) -> list[str]:
    return [each.name for each in directory.iterdir() if each.name.endswith(manifest.UNFINISHED)]


def _raw_sign(
    definition_: Any, source: Path, hand: Hand, *, parent: Path | None = None, **edits: Any
) -> Path:
    """What a careless or hostile signer with our key could do: the library without our checks."""
    target = source.with_name("raw.mp4")
    settings = manifest._settings(hand.trust_pem)
    builder = c2pa.Builder(definition_, context=c2pa.Context.from_dict(settings))
    with source.open("rb") as unsigned, target.open("w+b") as file, (parent or source).open("rb") as opened:
        if parent:
            builder.add_ingredient({**template_ingredient(an_output()), **edits}, "video/mp4", opened)
        builder.sign(manifest._signer(hand.signer, None), "video/mp4", unsigned, file)
    return target


def test_what_we_sign_is_trusted_by_us_and_by_an_independent_verifier(
    clip: Path, template: Path, hand: Hand
) -> None:
    target = clip.with_name("signed.mp4")

    signed = manifest.sign(
        clip, target, an_output(), template=template, signer=hand.signer, trust_pem=hand.trust_pem
    )
    verdict = manifest.read(target, hand.trust_pem)
    report = _independent(target, hand.trust_pem)

    assert signed.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert signed.size == target.stat().st_size
    assert len(signed.manifest_sha256) == 64
    assert (verdict.state, verdict.faults, verdict.ok) == (State.TRUSTED, (), True)
    assert verdict.valid_until == hand.signer.valid_until.replace(microsecond=0)
    assert not verdict.timed
    assert report["integrity"] == "valid"
    assert report["trust"]["status"] == "valid_for_supplied_material"
    with av.open(str(target)) as container:
        assert container.metadata["AIGC"] == '{"Label":"1"}'
        assert sum(1 for _ in container.decode(video=0)) == 12


def test_the_gate_assertion_carries_only_salted_handles(signed: Path, hand: Hand) -> None:
    output = an_output()

    gate = manifest.read(signed, hand.trust_pem).gate

    assert gate == {
        "v": 1,
        "log_origin": "log.consentry.example/default",
        "permit": handle(output.salt, "permit", output.permit),
        "authorizations": sorted(
            handle(output.salt, "authorization", each) for each in output.authorizations
        ),
        "policy_sha256": "ef" * 32,
        "lowest_proof": "self-asserted",
        "rules": ["G-01", "G-08"],
        "aigc_produce_id": "78" * 16,
    }


def test_the_published_file_holds_no_id_no_second_and_no_picture(signed: Path) -> None:
    data = signed.read_bytes()

    for secret in ("12" * 16, "34" * 16, "56" * 16):
        assert secret.encode() not in data
        assert bytes.fromhex(secret) not in data
    assert an_output().salt not in data
    assert b"12:34:00Z" in data
    assert b"12:34:56" not in data
    assert b"thumbnail" not in data
    assert b"rendered.mp4" not in data
    assert b"template.mp4" not in data


def test_two_outputs_under_two_salts_share_no_handle() -> None:
    one, other = an_output(), an_output(salt=bytes(32))

    def gate(output: OutputManifest) -> Any:
        (found,) = [each for each in definition(output)["assertions"] if each["label"] == GATE]
        return found["data"]

    assert gate(one)["permit"] != gate(other)["permit"]
    assert not set(gate(one)["authorizations"]) & set(gate(other)["authorizations"])


def test_a_permit_and_an_authorization_of_the_same_id_have_different_handles() -> None:
    assert handle(bytes(32), "permit", "ab" * 16) != handle(bytes(32), "authorization", "ab" * 16)


@pytest.mark.parametrize(
    "changes",
    [
        {"permit": "", "authorizations": ()},
        {"seconds": 0},
        {"engine": "a name with spaces"},
        {"engine_version": "v 1"},
        {"log_origin": "has space"},
        {"policy_sha256": "short"},
        {"rules": ("free text about somebody",)},
        {"lowest_proof": ""},
        {"aigc_produce_id": "user@example.com"},
        {"template_instance": "her-name"},
        {"donor_instance": "his-name"},
    ],
)
def test_claims_that_break_the_form_are_not_signed(
    clip: Path, template: Path, hand: Hand, changes: dict[str, object]
) -> None:
    target = clip.with_name("signed.mp4")

    with pytest.raises(manifest.ManifestUnfit):
        manifest.sign(
            clip,
            target,
            an_output(**changes),
            template=template,
            signer=hand.signer,
            trust_pem=hand.trust_pem,
        )

    assert not target.exists()


def test_a_file_laid_out_to_escape_the_hash_is_not_signed(clip: Path, template: Path, hand: Hand) -> None:
    clip.write_bytes(clip.read_bytes().replace(b"mdat", b"free", 1))

    with pytest.raises(bmff.MediaRefused):
        manifest.sign(
            clip,
            clip.with_name("signed.mp4"),
            an_output(),
            template=template,
            signer=hand.signer,
            trust_pem=hand.trust_pem,
        )


def test_a_file_signed_already_is_not_signed_again(signed: Path, template: Path, hand: Hand) -> None:
    """The library would drop the first manifest without a word."""
    with pytest.raises(bmff.MediaRefused):
        manifest.sign(
            signed,
            signed.with_name("twice.mp4"),
            an_output(),
            template=template,
            signer=hand.signer,
            trust_pem=hand.trust_pem,
        )


def test_a_root_that_does_not_belong_to_the_signer_leaves_nothing(
    clip: Path, template: Path, hand: Hand
) -> None:
    target = clip.with_name("signed.mp4")
    target.write_bytes(b"what was here before")

    with pytest.raises(manifest.ManifestDisagrees) as caught:
        manifest.sign(
            clip,
            target,
            an_output(),
            template=template,
            signer=hand.signer,
            trust_pem=a_hand("stranger").trust_pem,
        )

    assert "signingCredential.untrusted" in str(caught.value)
    assert target.read_bytes() == b"what was here before"
    assert _leftovers(clip.parent) == []


def test_a_library_that_fails_leaves_nothing(clip: Path, template: Path, hand: Hand) -> None:
    # Given a signer whose key is another chain's, which nobody checked.
    torn = replace(hand.signer, key_pem=a_hand("another").signer.key_pem)

    with pytest.raises(manifest.ManifestFailed):
        manifest.sign(
            clip,
            clip.with_name("signed.mp4"),
            an_output(),
            template=template,
            signer=torn,
            trust_pem=hand.trust_pem,
        )

    assert not clip.with_name("signed.mp4").exists()
    assert _leftovers(clip.parent) == []


@contextmanager
def _files_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 4096])
def test_a_full_disk_is_named_and_leaves_nothing(clip: Path, template: Path, hand: Hand, room: int) -> None:
    with _files_at_most(room), pytest.raises(durable.DiskFull):
        manifest.sign(
            clip,
            clip.with_name("signed.mp4"),
            an_output(),
            template=template,
            signer=hand.signer,
            trust_pem=hand.trust_pem,
        )

    assert not clip.with_name("signed.mp4").exists()
    assert _leftovers(clip.parent) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_at_the_last_step_leaves_nothing(
    clip: Path, template: Path, hand: Hand, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)

    with pytest.raises(durable.DiskFull):
        manifest.sign(
            clip,
            clip.with_name("signed.mp4"),
            an_output(),
            template=template,
            signer=hand.signer,
            trust_pem=hand.trust_pem,
        )

    assert not clip.with_name("signed.mp4").exists()
    assert _leftovers(clip.parent) == []


def test_a_template_that_carries_a_good_manifest_becomes_the_parent(
    clip: Path, signed: Path, hand: Hand
) -> None:
    target = clip.with_name("second.mp4")

    manifest.sign(clip, target, an_output(), template=signed, signer=hand.signer, trust_pem=hand.trust_pem)

    assert manifest.read(target, hand.trust_pem).faults == ()
    assert manifest.read(target, hand.trust_pem).ok
    assert _independent(target, hand.trust_pem)["integrity"] == "valid"


def test_a_template_signed_by_somebody_we_do_not_know_is_like_an_unsigned_one(
    clip: Path, template: Path, hand: Hand
) -> None:
    stranger = a_hand("stranger")
    theirs = clip.with_name("theirs.mp4")
    manifest.sign(
        clip, theirs, an_output(), template=template, signer=stranger.signer, trust_pem=stranger.trust_pem
    )
    target = clip.with_name("ours.mp4")

    manifest.sign(clip, target, an_output(), template=theirs, signer=hand.signer, trust_pem=hand.trust_pem)

    assert manifest.read(target, hand.trust_pem).ok


def _flip(path: Path, at: int) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    target = path.with_name("flipped.mp4")
    target.write_bytes(data)
    return target


def _place(path: Path, kind: bytes) -> int:
    with path.open("rb") as file:
        box = max((box for box in top_level(file) if box.kind == kind), key=lambda box: box.size)
    return box.start + box.size // 2


def test_a_template_tampered_with_before_it_came_in_is_refused_though_the_library_trusts_the_result(
    clip: Path, signed: Path, hand: Hand
) -> None:
    tampered = _flip(signed, _place(signed, b"mdat"))

    with pytest.raises(manifest.TemplateUntrustworthy):
        manifest.sign(
            clip,
            clip.with_name("x.mp4"),
            an_output(),
            template=tampered,
            signer=hand.signer,
            trust_pem=hand.trust_pem,
        )
    laundered = _raw_sign(definition(an_output()), clip, hand, parent=tampered)
    verdict = manifest.read(laundered, hand.trust_pem)

    assert verdict.state is State.TRUSTED
    assert "ingredient: assertion.bmffHash.mismatch" in verdict.faults
    assert not verdict.ok
    assert verdict.gate == {}


def test_a_template_whose_manifest_cannot_be_parsed_is_refused(clip: Path, signed: Path, hand: Hand) -> None:
    data = signed.read_bytes()
    broken = signed.with_name("broken.mp4")
    broken.write_bytes(data[: _place(signed, b"uuid")])

    with pytest.raises(manifest.TemplateUntrustworthy):
        manifest.sign(
            clip,
            clip.with_name("x.mp4"),
            an_output(),
            template=broken,
            signer=hand.signer,
            trust_pem=hand.trust_pem,
        )


@pytest.mark.parametrize(
    "hostile",
    [
        lambda d: d["assertions"][0]["data"]["actions"][1].update(action="c2pa.faceswapped"),
        lambda d: d["assertions"][0]["data"]["actions"][1].update(when="2026-11-22T12:34:56Z"),
        lambda d: d["assertions"][0]["data"]["actions"][1].update(digitalSourceType="digitalCapture"),
        lambda d: d["assertions"][0]["data"].update(allActionsIncluded=False),
        lambda d: d["assertions"][1]["data"]["entries"].pop("cawg.ai_training"),
        lambda d: d["assertions"].pop(1),
        lambda d: d["assertions"].append({"label": "com.example.note", "data": {"performer": "a name"}}),
        lambda d: d["assertions"][2]["data"].update(performer="a name"),
        lambda d: d["assertions"][2]["data"].update(authorizations=[]),
        lambda d: d.update(title="her-holiday.mp4"),
        lambda d: d["ingredients"][0].update(title="his-face.jpg"),
        lambda d: d["claim_generator_info"][0].update(name="Somebody else"),
    ],
)
def test_what_the_library_trusts_but_we_would_not_have_written_is_no(
    clip: Path, template: Path, hand: Hand, hostile: Any
) -> None:
    written = json.loads(json.dumps(definition(an_output())))
    hostile(written)

    verdict = manifest.read(_raw_sign(written, clip, hand, parent=template), hand.trust_pem)

    assert verdict.state is State.TRUSTED
    assert verdict.faults
    assert not verdict.ok


def test_a_template_with_a_title_is_no(clip: Path, template: Path, hand: Hand) -> None:
    raw = _raw_sign(definition(an_output()), clip, hand, parent=template, title="her-holiday.mp4")

    assert not manifest.read(raw, hand.trust_pem).ok


def test_samples_in_an_unhashed_box_are_no_though_every_verifier_says_yes(
    clip: Path, template: Path, hand: Hand
) -> None:
    clip.write_bytes(clip.read_bytes().replace(b"mdat", b"free", 1))
    raw = _raw_sign(definition(an_output()), clip, hand, parent=template)
    tampered = _flip(raw, _place(raw, b"free"))

    verdict = manifest.read(tampered, hand.trust_pem)

    assert verdict.state is State.TRUSTED
    assert _independent(tampered, hand.trust_pem)["integrity"] == "valid"
    assert not verdict.ok


@pytest.mark.parametrize("kind", [b"mdat", b"moov", b"uuid"])
def test_a_flipped_bit_is_no(signed: Path, hand: Hand, kind: bytes) -> None:
    assert not manifest.read(_flip(signed, _place(signed, kind)), hand.trust_pem).ok


def test_another_root_is_no(signed: Path) -> None:
    verdict = manifest.read(signed, a_hand("stranger").trust_pem)

    assert verdict.state is State.VALID
    assert "manifest: signingCredential.untrusted" in verdict.faults


def test_no_manifest_is_no(clip: Path, hand: Hand) -> None:
    verdict = manifest.read(clip, hand.trust_pem)

    assert (verdict.state, verdict.ok) == (State.MISSING, False)


@pytest.mark.parametrize("data", [b"", b"not a video", b"\0\0\0\x08ftyp"])
def test_what_is_no_video_is_no(tmp_path: Path, hand: Hand, data: bytes) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(data)

    verdict = manifest.read(path, hand.trust_pem)

    assert verdict.state in {State.MISSING, State.UNREADABLE}
    assert verdict.faults


def test_a_missing_file_is_an_error(clip: Path, template: Path, hand: Hand) -> None:
    gone = clip.with_name("gone.mp4")

    with pytest.raises(durable.DiskFailed):
        manifest.read(gone, hand.trust_pem)
    for source, parent in ((gone, template), (clip, gone)):
        with pytest.raises(durable.DiskFailed):
            manifest.sign(
                source,
                clip.with_name("signed.mp4"),
                an_output(),
                template=parent,
                signer=hand.signer,
                trust_pem=hand.trust_pem,
            )


def test_roots_that_are_no_pem_are_no(signed: Path) -> None:
    assert not manifest.read(signed, "not a certificate").ok


def _read_in_child(path: str, trust_pem: str, answer: Any) -> None:
    answer.put(manifest.read(Path(path), trust_pem).ok)


def test_a_forked_process_reads_as_well_as_its_parent(signed: Path, hand: Hand) -> None:
    """A context made before a fork is dead after it; ours are never older than the call."""
    assert manifest.read(signed, hand.trust_pem).ok
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    child = context.Process(target=_read_in_child, args=(str(signed), hand.trust_pem, answer))
    child.start()

    assert answer.get(timeout=30)
    child.join(30)


def test_the_key_is_not_in_the_repr_of_its_signer(hand: Hand) -> None:
    assert "PRIVATE" not in repr(hand.signer)
    assert an_output().salt.hex() not in repr(an_output())
    assert repr(bytes(range(32))) not in repr(an_output())
    assert hand.signer.valid_until > an_output().when - timedelta(days=3650)
