"""Time stamps: a manifest with one outlives its certificate, and who asks for one gets no file without."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from audit import certificate, manifest, testchain
from audit.manifest import ManifestFailed, TimeStampFailed, TimeStampUntrusted
from audit.provenance import State
from outputs import Hand, a_hand, an_output
from small_mp4 import write_mp4
from stamps import Authority, Reply, authority, integer, sequence, wait_until

Misbehave = Callable[[Authority, bytes], Reply]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "rendered.mp4", metadata={"AIGC": '{"Label":"1"}'})


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "template.mp4")


def sign(clip: Path, template: Path, hand: Hand, url: str | None, *roots: str) -> Path:
    target = clip.with_name("signed.mp4")
    trust = "".join((hand.trust_pem, *roots))
    manifest.sign(
        clip, target, an_output(), template=template, signer=hand.signer, trust_pem=trust, tsa_url=url
    )
    return target


def left(clip: Path) -> set[str]:
    return {each.name for each in clip.parent.iterdir()} - {clip.name, "template.mp4"}


def test_a_stamp_is_asked_for_once_and_read_back(clip: Path, template: Path) -> None:
    with authority() as stamps:
        signed = sign(clip, template, a_hand(), stamps.url, stamps.root_pem)

    verdict = manifest.read(signed, a_hand().trust_pem + stamps.root_pem)
    assert verdict.ok, verdict.faults
    assert verdict.timed
    assert stamps.asked == 1
    # Who doesn't trust the authority has a valid manifest all the same, until its certificate ends.
    assert manifest.read(signed, a_hand().trust_pem).ok
    assert not manifest.read(signed, a_hand().trust_pem).timed


def test_without_an_authority_nothing_is_asked_and_nothing_timed(clip: Path, template: Path) -> None:
    signed = sign(clip, template, a_hand(), None)

    assert not manifest.read(signed, a_hand().trust_pem).timed


def test_an_authority_nobody_would_trust_is_refused_before_anything_is_kept(
    clip: Path, template: Path
) -> None:
    with authority() as stamps, pytest.raises(TimeStampUntrusted):
        sign(clip, template, a_hand(), stamps.url)

    assert left(clip) == set()


def _granted(token: bytes) -> Reply:
    return 200, sequence(sequence(integer(0)), token)


MISCONDUCT: dict[str, Misbehave] = {
    "refuses": lambda _a, _r: (200, sequence(sequence(integer(2)))),
    "grants nothing": lambda _a, _r: (200, sequence(sequence(integer(0)))),
    "stamps something else": lambda a, r: _granted(a.token(r, imprint=b"x" * 32)),
    "signs with another key": lambda a, r: _granted(a.token(r, key=a.root_key)),
    "answers another request": lambda a, r: _granted(a.token(r[:-4] + bytes([r[-4] ^ 1]) + r[-3:])),
    "is empty": lambda _a, _r: (200, b""),
    "is a web page": lambda _a, _r: (200, b"<html>" * 1000),
    "is cut short": lambda a, r: (200, _granted(a.token(r))[1][:400]),
    "never ends": lambda _a, _r: (200, b"\x30" * 5_000_000),
    "is busy": lambda _a, _r: (503, b"later"),
    "is not there": lambda _a, _r: (404, b""),
}


@pytest.mark.parametrize("how", MISCONDUCT)
def test_an_authority_that_misbehaves_leaves_no_file_and_is_blamed(
    clip: Path, template: Path, how: str
) -> None:
    with authority() as stamps:
        stamps.answer = lambda request: MISCONDUCT[how](stamps, request)
        with pytest.raises(TimeStampFailed) as caught:
            sign(clip, template, a_hand(), stamps.url, stamps.root_pem)

    assert caught.value.code == "TIME_STAMP_FAILED"
    assert left(clip) == set()


def test_an_authority_whose_own_certificate_has_ended_is_blamed(clip: Path, template: Path) -> None:
    with (
        authority(days=1, since=timedelta(days=3)) as stamps,
        pytest.raises(TimeStampFailed),
    ):
        sign(clip, template, a_hand(), stamps.url, stamps.root_pem)

    assert left(clip) == set()


def test_an_authority_that_is_down_is_blamed_at_once(clip: Path, template: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/tsr"

        with pytest.raises(TimeStampFailed):
            sign(clip, template, a_hand(), url)

    assert left(clip) == set()


def test_an_authority_that_never_answers_is_given_up_after_half_a_minute(clip: Path, template: Path) -> None:
    # Given one that takes the request and says nothing, while others of this process work.
    with authority() as stamps:

        def says_nothing(_request: bytes) -> Reply:
            stamps.let_go.wait(120)
            return 200, b""

        stamps.answer = says_nothing
        beats: list[float] = []
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(0.5):
                beats.append(time.monotonic())

        beating = threading.Thread(target=beat)
        beating.start()
        began = time.monotonic()
        with pytest.raises(TimeStampFailed):
            sign(clip, template, a_hand(), stamps.url, stamps.root_pem)
        took = time.monotonic() - began
        stop.set()
        beating.join()

    assert 25 < took < 60
    # The library waits outside the interpreter's lock: a slot's lease is renewed meanwhile.
    assert max(later - beat for beat, later in pairwise(beats)) < 10
    assert left(clip) == set()


def test_faults_of_chain_and_key_are_not_blamed_on_the_authority(clip: Path, template: Path) -> None:
    ours, other = a_hand(), a_hand("another").signer
    torn = certificate.ManifestSigner(
        ours.signer.chain_pem, other.key_pem, ours.signer.valid_until, ours.signer.test
    )

    with authority() as stamps, pytest.raises(ManifestFailed):
        sign(clip, template, Hand(torn, ours.trust_pem), stamps.url, stamps.root_pem)


def test_a_stamped_manifest_outlives_its_certificate_and_another_does_not(tmp_path: Path) -> None:
    # Given a chain that ends in a few seconds, and two files signed with it.
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    chain = testchain.make_test_chain(ends - timedelta(days=1), days=1)
    hand = Hand(
        certificate.manifest_signer(chain.chain_pem, chain.key_pem, datetime.now(UTC)), chain.root_pem
    )
    template = write_mp4(tmp_path / "template.mp4")
    clips = [write_mp4(tmp_path / name / "clip.mp4") for name in _made(tmp_path, "stamped", "bare")]
    with authority() as stamps:
        roots = chain.root_pem + stamps.root_pem
        stamped = sign(clips[0], template, hand, stamps.url, stamps.root_pem)
        bare = sign(clips[1], template, hand, None, stamps.root_pem)
    assert manifest.read(stamped, roots).ok
    assert manifest.read(bare, roots).ok

    wait_until(ends + timedelta(seconds=1))

    outlived, ended = manifest.read(stamped, roots), manifest.read(bare, roots)
    assert (outlived.state, outlived.faults, outlived.timed) == (State.TRUSTED, (), True)
    assert outlived.valid_until == ends
    assert ended.state is State.INVALID
    assert not ended.ok
    # Without the authority's root the stamp shows nothing.
    assert not manifest.read(stamped, chain.root_pem).ok
    with pytest.raises(certificate.CertificateUnfit):
        certificate.manifest_signer(chain.chain_pem, chain.key_pem, datetime.now(UTC))


def _made(folder: Path, *names: str) -> tuple[str, ...]:
    for name in names:
        (folder / name).mkdir()
    return names
