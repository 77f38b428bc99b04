"""What is not a video we scan is refused by name, before it costs much, and opens no other file."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

import clips
from audit.errors import ConsentryError
from direct import Direct
from swap.limits import Limits
from swap.sandbox import Sandbox
from swap.window import Window

Open = Callable[[Path | bytes], int]


@pytest.fixture(scope="module", params=["behind walls", "here"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The same answers, whether a cell gives them or the functions it calls."""
    if request.param == "here":
        yield cast(Sandbox, Direct())
    else:
        with Sandbox(Limits()) as walled:
            yield walled


def refused(sandbox: Sandbox, source: int) -> str:
    """The code with which the whole way in says no: the re-mux, or if that passed, the reading."""
    target = _memory()
    try:
        sandbox.remux(source, target)
        with sandbox.frames(target) as reading:
            list(reading)
    except ConsentryError as fault:
        return fault.code
    finally:
        os.close(target)
    return "accepted"


def _memory() -> int:
    return os.memfd_create("target")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "SOURCE_EMPTY"),
        (b"not a video at all", "SOURCE_UNREADABLE"),
        (bytes(100_000), "SOURCE_UNREADABLE"),
        (
            b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
            "SOURCE_UNREADABLE",
        ),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "SOURCE_UNREADABLE"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n", "SOURCE_UNREADABLE"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "SOURCE_UNREADABLE"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "SOURCE_UNREADABLE"),
        (b"\x1a\x45\xdf\xa3" + bytes(200), "SOURCE_UNREADABLE"),
    ],
    ids=[
        "empty",
        "text",
        "zeros",
        "hls",
        "ffconcat",
        "sdp",
        "picture",
        "only a header",
        "only an ebml header",
    ],
)
def test_what_is_no_video_is_refused(data: bytes, code: str, sandbox: Sandbox, opened: Open) -> None:
    assert refused(sandbox, opened(data)) == code


def test_a_truncated_video_is_refused_wherever_it_was_cut(
    tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    index_last = clips.write(tmp_path / "a.mp4", clips.gradients(20)).read_bytes()
    target = _memory()
    sandbox.remux(opened(index_last), target)
    index_first = os.pread(target, 1 << 24, 0)
    os.close(target)
    matroska = clips.write(tmp_path / "a.mkv", clips.gradients(90)).read_bytes()

    assert refused(sandbox, opened(index_last[:-300])) == "SOURCE_UNREADABLE"
    assert refused(sandbox, opened(index_first[:-300])) == "SOURCE_TRUNCATED"
    assert refused(sandbox, opened(index_first[: len(index_first) // 2])) == "SOURCE_TRUNCATED"
    assert refused(sandbox, opened(matroska[: len(matroska) // 2])) == "SOURCE_TRUNCATED"


def test_a_bomb_is_refused_by_its_header_alone(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    huge = np.zeros((8192, 8192, 3), np.uint8)
    bomb = clips.write(tmp_path / "bomb.mp4", [huge])

    assert bomb.stat().st_size < 1_000_000
    assert refused(sandbox, opened(bomb)) == "FRAME_TOO_LARGE"
    with Sandbox(Limits(max_pixels=1 << 27, max_side=9000, memory_bytes=100 << 20), spares=0) as careless:
        # FFmpeg's H.264 decoder reports want of memory as bad data.
        assert refused(careless, opened(bomb)) in {"DECODER_MEMORY", "NO_FRAMES"}


def test_a_narrow_frame_is_refused_too(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    ribbon = np.zeros((16, 5000, 3), np.uint8)

    assert refused(sandbox, opened(clips.write(tmp_path / "a.mp4", [ribbon] * 2))) == "FRAME_TOO_LARGE"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(max_frames=29), "SOURCE_TOO_LONG"),
        (Limits(max_seconds=1), "SOURCE_TOO_LONG"),
        (Limits(max_fps=24), "FRAME_RATE_ABSURD"),
        (Limits(max_bytes=4_000), "SOURCE_TOO_LARGE"),
        (Limits(max_frames=30, max_seconds=2, max_fps=25), "accepted"),
    ],
    ids=["frames", "seconds", "rate", "bytes", "just right"],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_each_limit_has_its_name(
    limits: Limits, code: str, suffix: str, tmp_path: Path, opened: Open
) -> None:
    source = opened(clips.write(tmp_path / f"a.{suffix}", clips.gradients(30)))

    with Sandbox(limits, spares=0) as sandbox:
        assert refused(sandbox, source) == code


def test_frames_crowded_into_an_instant_are_an_absurd_rate(
    tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    path = clips.write(tmp_path / "a.mkv", clips.gradients(60), times=[*range(59), 4000], rate=25)

    with Sandbox(Limits(max_fps=14), spares=0) as strict:
        assert refused(strict, opened(path)) in {"FRAME_RATE_ABSURD", "SOURCE_TOO_LONG"}
    assert refused(sandbox, opened(path)) == "accepted"


def test_a_container_full_of_streams_is_refused(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    path = clips.write(tmp_path / "a.mkv", clips.gradients(3), streams=9)

    assert refused(sandbox, opened(path)) == "TOO_MANY_STREAMS"


def test_sound_alone_is_no_video(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as container:
        clips._tone(container, container.add_stream("aac", rate=48_000, layout="stereo"), 1.0)

    assert refused(sandbox, opened(tmp_path / "a.m4a")) == "NO_VIDEO"


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", "mkv"), ("ffv1", "mkv"), ("mpeg2video", "mp4")])
def test_a_codec_off_the_list_is_refused(
    codec: str, suffix: str, tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = clips.write(tmp_path / f"a.{suffix}", clips.gradients(3), codec=codec, pix_fmt=pix_fmt)

    assert refused(sandbox, opened(path)) == "CODEC_NOT_ALLOWED"


def test_high_dynamic_range_is_refused(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.gradients(3), trc=16)

    assert refused(sandbox, opened(path)) == "CODEC_NOT_ALLOWED"


def test_a_video_that_changes_its_size_on_the_way_is_refused(
    tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    path = clips.of_two_sizes(tmp_path / "a.webm")

    assert refused(sandbox, opened(path)) == "SOURCE_IRREGULAR"


def test_a_damaged_frame_in_the_middle_is_counted_not_skipped_in_silence(
    tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    path = clips.write(
        tmp_path / "a.mp4", clips.walk("astronaut", 24), options={"preset": "ultrafast", "g": "6", "bf": "0"}
    )

    with sandbox.frames(opened(clips.damaged(path, [8, 15]))) as reading:
        frames = list(reading)

    assert reading.clip.frames == 24
    assert reading.unread >= 2
    assert len(frames) + reading.unread >= 24


def test_a_video_of_noise_has_no_frames(tmp_path: Path, sandbox: Sandbox, opened: Open) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.gradients(5))

    assert refused(sandbox, opened(clips.damaged(path, range(5)))) == "NO_FRAMES"


@pytest.mark.parametrize(
    ("matrix", "turns"), [((0, 1, -1, 0), 3), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1), ((1, 0, 0, 1), 0)]
)
def test_a_turned_video_is_handed_out_upright(
    matrix: tuple[int, int, int, int], turns: int, tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    plain = clips.write(tmp_path / "a.mp4", clips.gradients(3)).read_bytes()
    with sandbox.frames(opened(plain)) as reading:
        expected = [np.rot90(frame.image, turns) for frame in reading]
    target = _memory()

    sandbox.remux(opened(clips.rotated(plain, matrix)), target)
    with sandbox.frames(target) as reading:
        frames = list(reading)

    with av.open(Window(target)) as container:
        assert reading.clip.rotation == next(container.decode(video=0)).rotation % 360
    assert (reading.clip.height, reading.clip.width) == expected[0].shape[:2]
    assert reading.clip.rotation == 90 * turns
    assert all((f.image == image).all() for f, image in zip(frames, expected, strict=True))


@pytest.mark.parametrize("matrix", [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (2, 0, 0, 2)])
def test_a_mirrored_or_skewed_video_is_refused(
    matrix: tuple[int, int, int, int], tmp_path: Path, sandbox: Sandbox, opened: Open
) -> None:
    plain = clips.write(tmp_path / "a.mp4", clips.gradients(3)).read_bytes()

    assert refused(sandbox, opened(clips.rotated(plain, matrix))) == "SOURCE_IRREGULAR"
