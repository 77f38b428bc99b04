"""Small MP4 files for tests: made with PyAV, a second or two, moving gradients or given frames."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def gradient(width: int, height: int, number: int) -> NDArray[np.uint8]:
    """A BGR frame whose pattern depends on its number."""
    base = np.indices((height, width)).sum(0)
    return np.stack([(base + number * 5) % 256, (base * 2 + number * 3) % 256, base % 199], -1).astype(
        np.uint8
    )


def write_mp4(
    path: Path,
    *,
    width: int = 128,
    height: int = 96,
    frames: int = 12,
    images: Iterable[NDArray[np.uint8]] | None = None,
    metadata: Mapping[str, str] | None = None,
    movflags: str = "+faststart+use_metadata_tags",
    audio: bool = False,
    bit_rate: int = 800_000,
) -> Path:
    """An H.264 (and perhaps AAC) file at 12 frames a second."""
    images = images or (gradient(width, height, number) for number in range(frames))
    with av.open(str(path), "w", options={"movflags": movflags}) as container:
        container.metadata.update(metadata or {})
        video = container.add_stream("libx264", rate=12)
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, "yuv420p", bit_rate
        video.options = {"preset": "veryfast"}
        sound = container.add_stream("aac", rate=8000, layout="mono") if audio else None
        for image in images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(video.encode())
        if sound:
            tone = np.sin(np.arange(8192, dtype=np.float32) / 9)[None] * np.float32(0.2)
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 0
            container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path


def decoded(path: Path) -> list[NDArray[np.uint8]]:
    """Every frame of a file, BGR."""
    with av.open(str(path)) as container:
        return [np.asarray(each.to_ndarray(format="bgr24"), np.uint8) for each in container.decode(video=0)]
