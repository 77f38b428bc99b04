"""What a decoder says of a clip is checked before anybody goes by it."""

import gc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

import clips
from audit.errors import BadInput
from clips import a_clip
from swap.clip import Clip
from swap.decode import Decoding
from swap.demux import open_container
from swap.faults import DecoderCrashed, FrameRateAbsurd, FrameTooLarge, NoFrames, SourceTooLong
from swap.limits import Limits


def test_a_clip_survives_the_wire() -> None:
    assert Clip.from_json(a_clip().to_json()) == a_clip()
    assert a_clip().seconds == 1
    assert a_clip().rate == Fraction(25)


@given(
    st.sampled_from(sorted(a_clip().to_json())),
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
)
def test_a_clip_from_a_decoder_is_possible_or_refused(name: str, value: object) -> None:
    try:
        clip = Clip.from_json({**a_clip().to_json(), name: value})
        clip.check(Limits())
    except BadInput:
        return
    assert clip.width * clip.height <= Limits().max_pixels
    assert 0 < clip.frames <= Limits().max_frames
    assert clip.rate > 0


@pytest.mark.parametrize("value", [None, [], {}, "x", {**a_clip().to_json(), "more": 1}])
def test_anything_else_is_no_clip(value: object) -> None:
    with pytest.raises(DecoderCrashed):
        Clip.from_json(value)


@pytest.mark.parametrize(
    ("clip", "fault"),
    [
        (replace(a_clip(), frames=0), NoFrames),
        (replace(a_clip(), frames=36_001, duration=1 << 40), SourceTooLong),
        (replace(a_clip(), duration=12_800 * 601), SourceTooLong),
        (replace(a_clip(), rate_num=121, rate_den=1), FrameRateAbsurd),
        (replace(a_clip(), frames=200), FrameRateAbsurd),
        (replace(a_clip(), width=4097), FrameTooLarge),
        (replace(a_clip(), width=4000, height=4000), FrameTooLarge),
    ],
)
def test_each_limit_is_checked_on_the_facts(clip: Clip, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        clip.check(Limits())


def test_a_single_picture_has_no_rate_to_be_absurd() -> None:
    replace(a_clip(), frames=1, duration=1).check(Limits())


def test_decoded_frames_do_not_pile_up_behind_the_reader(tmp_path: Path) -> None:
    """A hundred 4K frames kept alive by a reference cycle would be the memory limit of a cell."""
    path = clips.write(tmp_path / "a.mp4", clips.gradients(60))
    gc.collect()
    gc.disable()
    try:
        with path.open("rb") as file:
            container, stream = open_container(file, Limits())
            with container:
                most = 0
                for _ in Decoding(container, stream, Limits()).pictures():
                    most = max(most, sum(isinstance(thing, VideoFrame) for thing in gc.get_objects()))
    finally:
        gc.enable()

    assert most <= 4
