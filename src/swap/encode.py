"""From pictures to an MP4 that we wrote byte by byte: H.264, AAC, index first, one metadata entry a key.

The sound is encoded anew from samples, so no coded byte of an upload reaches an output. The same
pictures give the same bytes with the same FFmpeg: the number of threads is fixed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.container import Flags, OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from consent.faces import Image
from swap.clip import Clip
from swap.draft import Create, Draft, create, storage
from swap.faults import NothingToEncode
from swap.sound import Sound
from swap.soundtrack import Soundtrack
from swap.window import Window

QUALITY = 18
"""Constant rate factor; 18 can hardly be told from its source."""
_EXACT = (
    Interpolation.BILINEAR
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)
"""Without these the fast path rounds down and each generation gets darker by one level of 255."""
_BT709 = 1  # ITU-T H.273: primaries, transfer and matrix alike
_THREADS = 1  # with two, x264 gave other bytes now and then (3 runs of 004: two results)
_AVX_512F = 13  # OpenCV's CpuFeatures


@dataclass(frozen=True, slots=True)
class Encoded:
    """What stands in the finished file."""

    frames: int
    width: int
    height: int
    """Even numbers: an odd picture gets its last column or row twice."""
    has_audio: bool


def encode(
    pictures: Iterable[tuple[int, Image]],
    target: Path,
    *,
    clip: Clip,
    sound: Iterable[Sound] = (),
    metadata: Mapping[str, str] | None = None,
    quality: int = QUALITY,
    make: Create = create,
) -> Encoded:
    """Write `pictures` (time stamp in 1/`clip.tick` s, BGR) to `target`, durable when this returns.

    Time stamps are kept. Nothing appears at `target` unless all of it does. Raises `NothingToEncode`
    for no pictures, or pictures not of the clip's size or not in time order, and `StorageFull`.
    """
    with Draft(target.parent, make) as draft:
        encoded = _encoded(draft, pictures, clip=clip, sound=sound, metadata=metadata or {}, quality=quality)
        draft.publish(target)
    return encoded


def _encoded(
    draft: Draft,
    pictures: Iterable[tuple[int, Image]],
    *,
    clip: Clip,
    sound: Iterable[Sound],
    metadata: Mapping[str, str],
    quality: int,
) -> Encoded:
    options = {"movflags": "+faststart+use_metadata_tags", "video_track_timescale": str(clip.tick)}
    with storage():
        # Not a `with`: after a full disk it would write a trailer onto the same full disk. PyAV leaves a
        # container alone whose file is closed, and the draft closes itself.
        container = av.open(
            draft,
            "w",
            format="mp4",
            container_options=options,
            io_open=lambda *_: Window(draft.fileno()),
        )
        container.flags |= cast(int, Flags.bitexact.value)
        container.metadata.update(metadata)
        video = _video(container, clip, quality)
        track = Soundtrack.of(container, sound, end=Fraction(clip.start, clip.tick) + clip.seconds)
        frames = 0
        for frame in _frames(pictures, clip):
            container.mux(video.encode(frame))
            frames += 1
            if track is not None:
                container.mux(list(track.until(Fraction(frame.pts or 0, clip.tick))))
        if not frames:
            raise NothingToEncode("no pictures")
        container.mux(video.encode())
        if track is not None:
            container.mux(list(track.rest()))
        container.close()
    return Encoded(frames, video.width, video.height, track is not None)


def _video(container: OutputContainer, clip: Clip, quality: int) -> VideoStream:
    stream = container.add_stream(
        "libx264",
        rate=clip.rate,
        options={
            "crf": str(quality),
            "preset": "veryfast",
            "g": str(max(1, round(2 * clip.rate))),
            "x264-params": _steady(),
        },
        width=_even(clip.width),
        height=_even(clip.height),
        time_base=Fraction(1, clip.tick),
    )
    context = stream.codec_context
    context.thread_count = _THREADS
    context.sample_aspect_ratio = Fraction(clip.aspect_num, clip.aspect_den)
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = ColorRange.MPEG
    return stream


def _steady() -> str:
    """Settings under which x264 gives the same bytes each time, at no cost that could be measured.

    Its macroblock tree for AVX-512 reads memory that nobody wrote: what was freed before, an audio encoder's
    say, decided up to 8 % of the files. Asked only where there is AVX-512: x264 takes our word for the rest.
    """
    return "asm=AVX2" if cv2.checkHardwareSupport(_AVX_512F) else ""


def _frames(pictures: Iterable[tuple[int, Image]], clip: Clip) -> Iterator[VideoFrame]:
    reformat = VideoReformatter().reformat
    last: int | None = None
    for pts, image in pictures:
        if image.shape != (clip.height, clip.width, 3):
            raise NothingToEncode(
                f"a picture of shape {image.shape} in a clip of {clip.width} x {clip.height}"
            )
        if last is not None and pts <= last:
            raise NothingToEncode("pictures out of time order")
        last = pts
        frame = reformat(
            VideoFrame.from_ndarray(_even_sided(image), format="bgr24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=_EXACT,
            threads=1,
        )
        frame.pts, frame.time_base = pts, Fraction(1, clip.tick)
        yield frame


def _even_sided(image: Image) -> Image:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(image)


def _even(side: int) -> int:
    return side + side % 2
