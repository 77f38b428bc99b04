"""What we hand out is encoded by us: every frame, at its time, and nothing at all if anything fails."""

import errno
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import clips
from consent.faces import Image
from swap import aigc
from swap.encode import Encoded, encode
from swap.faults import NothingToEncode, SourceUnreadable, StorageFull
from swap.limits import Limits
from swap.media import read_back
from swap.sandbox import Sandbox
from swap.sound import RATE, Sound

Open = Callable[[Path | bytes], int]


def timed(pictures: list[Image], tick: int = 12_800) -> Iterator[tuple[int, Image]]:
    return ((index * tick // 25, picture) for index, picture in enumerate(pictures))


def tone(start: int, count: int, channels: int = 2) -> Sound:
    wave = (9_000 * np.sin(np.arange(count) * 2 * np.pi * 440 / RATE)).astype(np.int16)
    return Sound(start, np.repeat(wave[:, None], channels, axis=1))


def test_every_frame_comes_back_at_its_time_and_looks_the_same(tmp_path: Path) -> None:
    pictures = clips.walk("hopper", 25)
    target = tmp_path / "out.mp4"

    encoded = encode(timed(pictures), target, clip=clips.a_clip(320, 240))

    assert encoded == Encoded(frames=25, width=320, height=240, has_audio=False)
    with read_back(target, Limits()) as back:
        frames = list(back.frames)
    assert [frame.pts for frame in frames] == [index * 512 for index in range(25)]
    differences = [f.image.astype(int) - picture for f, picture in zip(frames, pictures, strict=True)]
    assert max(np.abs(d).mean() for d in differences) < 4
    assert max(abs(d.mean()) for d in differences) < 1.5


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    times = [7, 90, 95, 1_000, 5_001]
    clip = replace(clips.a_clip(tick=1_000), start=7, duration=5_034)

    encode(zip(times, clips.gradients(5), strict=True), tmp_path / "out.mp4", clip=clip)

    with read_back(tmp_path / "out.mp4", Limits()) as back:
        assert back.clip.tick == 1_000
        assert [frame.pts for frame in back.frames] == times


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        encode(
            timed(clips.walk("astronaut", 25)),
            tmp_path / name,
            clip=clips.a_clip(320, 240),
            sound=[tone(0, 48_000)],
        )

    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def written() -> None:
    """What a process of its own does: a file, of which it says the digest."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "out.mp4"
        encode(
            timed(clips.walk("astronaut", 25)), target, clip=clips.a_clip(320, 240), sound=[tone(0, 48_000)]
        )
        sys.stdout.write(hashlib.sha256(target.read_bytes()).hexdigest())


def test_what_memory_held_before_is_not_in_the_bytes() -> None:
    # glibc fills with this what it hands out and what it takes back. Elsewhere this shows nothing.
    said = {
        subprocess.run(
            [sys.executable, "-c", "from unit.swap.test_encode import written; written()"],
            env={**os.environ, "MALLOC_PERTURB_": fill, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for fill in ("1", "85")
    }
    assert len(said) == 1


@pytest.mark.parametrize(("width", "height"), [(97, 64), (96, 63), (97, 63)])
def test_an_odd_picture_gets_its_last_line_twice(width: int, height: int, tmp_path: Path) -> None:
    pictures = clips.gradients(5, size=(width, height))

    encoded = encode(timed(pictures), tmp_path / "out.mp4", clip=clips.a_clip(width, height))

    with read_back(tmp_path / "out.mp4", Limits()) as back:
        image = next(back.frames).image
    assert image.shape == (encoded.height, encoded.width, 3) == (64, width + width % 2, 3)
    assert np.abs(image[:height, :width].astype(int) - pictures[0]).mean() < 12


def test_the_shape_of_a_pixel_is_kept(tmp_path: Path) -> None:
    encode(
        timed(clips.gradients(3)),
        tmp_path / "a.mp4",
        clip=replace(clips.a_clip(), aspect_num=4, aspect_den=3),
    )

    with read_back(tmp_path / "a.mp4", Limits()) as back:
        assert (back.clip.aspect_num, back.clip.aspect_den) == (4, 3)


def test_metadata_is_written_once_and_reads_back(tmp_path: Path) -> None:
    value = aigc.field("consentry-demo", "0" * 32, demo=True)

    encode(timed(clips.gradients(3)), tmp_path / "a.mp4", clip=clips.a_clip(), metadata={aigc.KEY: value})

    assert aigc.read(tmp_path / "a.mp4")["ContentProducer"] == "consentry-demo"
    with read_back(tmp_path / "a.mp4", Limits()) as back:
        assert back.metadata["AIGC"] == value
        assert set(back.metadata) - {"AIGC"} == {"major_brand", "minor_version", "compatible_brands"}


def test_the_index_stands_first(tmp_path: Path) -> None:
    encode(timed(clips.gradients(3)), tmp_path / "a.mp4", clip=clips.a_clip())

    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_is_laid_without_gaps_and_ends_with_the_pictures(
    channels: int, tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    sound = [tone(-500, 1_000, channels), tone(10_000, 4_800, channels), tone(12_000, 480_000, channels)]

    encoded = encode(timed(clips.gradients(25)), tmp_path / "a.mp4", clip=clips.a_clip(), sound=sound)

    assert encoded.has_audio
    heard = np.zeros((48_000 + 4_096, channels), np.int16)
    for block in sandbox.sound(opened(tmp_path / "a.mp4")):
        start = max(block.at, 0)
        heard[start : start + len(block.samples)] = block.samples[start - block.at :]
    loud = np.abs(heard.astype(int)).max(axis=1)
    assert loud[1_800:9_000].max() < 300  # silence where the source had a hole
    assert loud[11_000:47_000].max() > 5_000
    assert loud[49_200:].max() < 300


def test_sound_of_a_clip_survives_the_whole_way(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    source = opened(clips.write(tmp_path / "a.mkv", clips.gradients(50), sound="libopus"))

    with sandbox.frames(source) as reading:
        encoded = encode(
            ((frame.pts, frame.image) for frame in reading),
            tmp_path / "b.mp4",
            clip=reading.clip,
            sound=sandbox.sound(source),
        )

    assert (encoded.frames, encoded.has_audio) == (50, True)
    samples = np.concatenate([block.samples for block in sandbox.sound(opened(tmp_path / "b.mp4"))])
    assert abs(len(samples) - 2 * RATE) < 3_000
    spectrum = np.abs(np.fft.rfft(samples[20_000:68_000, 0].astype(float)))
    assert abs(int(spectrum.argmax()) - 440) <= 2


@pytest.mark.parametrize(
    "pictures",
    [
        [],
        [(0, np.zeros((64, 98, 3), np.uint8))],
        [(0, np.zeros((64, 96), np.uint8))],
        [(5, np.zeros((64, 96, 3), np.uint8)), (5, np.zeros((64, 96, 3), np.uint8))],
        [(5, np.zeros((64, 96, 3), np.uint8)), (4, np.zeros((64, 96, 3), np.uint8))],
    ],
    ids=["none", "size", "shape", "same time", "back in time"],
)
def test_what_is_no_clip_is_not_encoded(pictures: list[tuple[int, Image]], tmp_path: Path) -> None:
    with pytest.raises(NothingToEncode):
        encode(pictures, tmp_path / "out.mp4", clip=clips.a_clip())
    assert list(tmp_path.iterdir()) == []


class FullDisk(io.FileIO):
    room = 0

    def write(self, data: object) -> int:
        if self.tell() + len(bytes(data)) > self.room:  # type: ignore[call-overload]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_full_disk_leaves_the_old_file_and_nothing_new(share: float, tmp_path: Path) -> None:
    encode(timed(clips.walk("hopper", 25)), tmp_path / "out.mp4", clip=clips.a_clip(320, 240))
    room = int((tmp_path / "out.mp4").stat().st_size * share)
    (tmp_path / "out.mp4").write_bytes(b"old")

    def make(folder: Path) -> FullDisk:
        file = FullDisk(folder / ".draft-full", "x+")
        file.room = room
        return file

    with pytest.raises(StorageFull):
        encode(timed(clips.walk("hopper", 25)), tmp_path / "out.mp4", clip=clips.a_clip(320, 240), make=make)

    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == b"old"


def test_an_engine_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def breaking() -> Iterator[tuple[int, Image]]:
        yield 0, clips.gradients(1)[0]
        raise RuntimeError("engine")

    with pytest.raises(RuntimeError, match="engine"):
        encode(breaking(), tmp_path / "out.mp4", clip=clips.a_clip())
    assert list(tmp_path.iterdir()) == []


def test_reading_back_what_is_not_ours_fails_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"nothing")

    with pytest.raises(SourceUnreadable), read_back(tmp_path / "a.mp4", Limits()):
        pass


def test_rates_that_no_header_rounds_are_kept(tmp_path: Path) -> None:
    clip = replace(clips.a_clip(tick=30_000), rate_num=30_000, rate_den=1_001, duration=5 * 1_001)

    encode(((i * 1_001, p) for i, p in enumerate(clips.gradients(5))), tmp_path / "a.mp4", clip=clip)

    with read_back(tmp_path / "a.mp4", Limits()) as back:
        assert back.clip.rate == Fraction(30_000, 1_001)
        assert [frame.pts for frame in back.frames] == [0, 1_001, 2_002, 3_003, 4_004]
