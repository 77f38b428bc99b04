"""Videos for tests: packaged portraits under a moving camera, in several codecs, whole or broken."""

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from consent.faces import Image
from moving import shot
from portraits import only_face, portrait
from swap.clip import Clip


def walk(person: str, count: int, *, size: tuple[int, int] = (320, 240), zoom: float = 1.0) -> list[Image]:
    """The camera passes one person, a pixel a frame."""
    picture = portrait(person)
    face = only_face(picture)
    left = face.x + face.width / 2 - size[0] / zoom / 2 - count / 2
    top = face.y + face.height / 2 - size[1] / zoom / 2
    return [shot(picture, left=left + i, top=top, zoom=zoom, size=size) for i in range(count)]


def beside(left: Sequence[Image], right: Sequence[Image]) -> list[Image]:
    """Two clips side by side."""
    return [np.hstack(pair) for pair in zip(left, right, strict=True)]


def gradients(count: int, *, size: tuple[int, int] = (96, 64)) -> list[Image]:
    """Pictures without anybody, each different."""
    y, x = np.mgrid[: size[1], : size[0]]
    return [np.dstack([x * 2, y * 3, (x + y + 4 * i)]).astype(np.uint8) for i in range(count)]


def write(
    path: Path,
    pictures: Iterable[Image],
    *,
    codec: str = "libx264",
    rate: int = 25,
    sound: str | None = None,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    streams: int = 1,
    times: Sequence[int] | None = None,
    trc: int | None = None,
    pix_fmt: str = "yuv420p",
) -> Path:
    """Encode `pictures`, container by suffix, `streams` copies of the video, `times` in 1/1000 s."""
    pictures = list(pictures)
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        height, width = pictures[0].shape[:2]
        videos = [
            container.add_stream(
                codec,
                rate=rate,
                options=options or _quick(codec),
                width=width,
                height=height,
                pix_fmt=pix_fmt,
            )
            for _ in range(streams)
        ]
        for video in videos:
            video.codec_context.thread_count = 1
            if trc is not None:
                video.codec_context.color_trc = trc
            if times is not None:
                video.codec_context.time_base = Fraction(1, 1000)
        audio = None if sound is None else container.add_stream(sound, rate=48_000, layout="stereo")
        for index, picture in enumerate(pictures):
            for video in videos:
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
                if times is not None:
                    frame.pts, frame.time_base = times[index], Fraction(1, 1000)
                container.mux(video.encode(frame))
        if audio is not None:
            _tone(container, audio, len(pictures) / rate)
        for video in videos:
            container.mux(video.encode())
    return path


def a_clip(width: int = 96, height: int = 64, frames: int = 25, tick: int = 12_800) -> Clip:
    """The facts of a clip at 25 frames a second."""
    return Clip(
        width=width,
        height=height,
        tick=tick,
        rate_num=25,
        rate_den=1,
        frames=frames,
        start=0,
        duration=frames * tick // 25,
        rotation=0,
        aspect_num=1,
        aspect_den=1,
        codec="h264",
        has_audio=False,
    )


def rotated(data: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """An MP4 whose video track says it is to be shown turned (ISO/IEC 14496-12, 8.3.2)."""
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    one = 1 << 16
    return (
        data[:at]
        + struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
        + data[at + 36 :]
    )


def damaged(path: Path, numbers: Iterable[int]) -> bytes:
    """The file with the coded pictures of these numbers overwritten with noise."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    for number in numbers:
        start, size = packets[number]
        assert start is not None
        # The length prefix stays: the container is whole, the picture is not.
        data[start + 5 : start + size] = np.random.default_rng(number).bytes(size - 5)
    return bytes(data)


def of_two_sizes(path: Path) -> Path:
    """A VP9 track that changes its size on the way: legal in the codec, a trap for whoever sized a buffer."""
    parts = [write(path.with_name(f"{i}.webm"), gradients(3, size=s), codec="libvpx-vp9")
             for i, s in enumerate([(96, 64), (64, 96)])]  # fmt: skip
    with av.open(str(path), "w") as out:
        first = av.open(str(parts[0]))
        track = out.add_stream_from_template(first.streams.video[0])
        shift = 0
        for part in parts:
            with av.open(str(part)) as source:
                for packet in source.demux(video=0):
                    if packet.size and packet.pts is not None:
                        packet.pts += shift
                        packet.dts = packet.pts
                        packet.stream = track
                        out.mux(packet)
            shift += 1000
        first.close()
    return path


def _tone(container: Any, audio: Any, seconds: float) -> None:
    samples = np.arange(int(seconds * 48_000))
    wave = (8000 * np.sin(samples * 2 * np.pi * 440 / 48_000)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    container.mux([*audio.encode(frame), *audio.encode()])


def _quick(codec: str) -> dict[str, str]:
    return {
        "libx264": {"preset": "ultrafast", "crf": "20"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
        "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    }.get(codec, {})
