"""A clip of somebody's camera: read in the sandbox by its own clock, and never too much of it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import clips
from consent.turning import LONGEST
from swap.faults import SourceTooLarge, SourceUnreadable
from swap.filmed import LARGEST, shots
from swap.limits import Limits
from swap.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits()) as sandbox:
        yield sandbox


def test_frames_come_with_the_seconds_of_the_clips_own_clock(sandbox: Sandbox, tmp_path: Path) -> None:
    times = [400, 450, 700, 1100]
    clip = clips.write(tmp_path / "clip.mp4", clips.gradients(4), times=times)

    seen = list(shots(sandbox, clip.read_bytes()))

    assert [round(shot.at, 3) for shot in seen] == [0.0, 0.05, 0.3, 0.7]
    assert {shot.image.shape for shot in seen} == {(64, 96, 3)}


def test_of_a_film_no_more_is_decoded_than_a_capture_may_have(sandbox: Sandbox, tmp_path: Path) -> None:
    step = int(LONGEST * 1000 / 4)
    clip = clips.write(tmp_path / "film.mp4", clips.gradients(9), times=[i * step for i in range(9)])

    assert len(list(shots(sandbox, clip.read_bytes()))) == 6, "one beyond the limit, to be refused by it"


def test_what_is_too_large_or_no_clip_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SourceTooLarge):
        next(shots(sandbox, b"0" * (LARGEST + 1)))
    with closing(shots(sandbox, b"no film" * 99)) as frames, pytest.raises(SourceUnreadable):
        next(frames)
