"""The demo's template: a camera moving over two portraits, three shots with two cuts.

One performer alone, then the performer beside a bystander whom nobody declared, then the
performer again, closer. 1280 x 720, with a soft tone, so that there is a voice track to drop.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from consent.faces import Image
from service.demo.portraits import portrait

WIDTH, HEIGHT, RATE = 1280, 720, 24
SHOT_FRAMES = (48, 48, 36)
SAMPLE_RATE = 44_100


def template(target: Path) -> None:
    """Write the demo clip as MP4: H.264, one AAC tone."""
    write(target, frames())


def write(target: Path, pictures: Iterable[Image]) -> None:
    """Write pictures of the demo's size as MP4: H.264, one AAC tone as long as they are."""
    count = 0
    with av.open(str(target), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "18"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for image in pictures:
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = count, Fraction(1, RATE)
            container.mux(video.encode(frame))
            count += 1
        container.mux(video.encode())
        for tone in _tone(count / RATE):
            container.mux(audio.encode(tone))
        container.mux(audio.encode())


def frames() -> Iterator[Image]:
    """The clip's pictures, in order."""
    astronaut, camera = portrait("astronaut"), portrait("camera")
    _, pair, closer = SHOT_FRAMES
    yield from alone()
    for step in np.linspace(0.0, 1.0, pair):
        left = _view(astronaut, (WIDTH // 2, HEIGHT), centre=(232 - 14 * step, 190), zoom=1.75 + 0.1 * step)
        right = _view(camera, (WIDTH // 2, HEIGHT), centre=(240 + 14 * step, 190), zoom=1.9 - 0.1 * step)
        yield np.hstack([left, right])
    for step in np.linspace(0.0, 1.0, closer):
        yield _view(astronaut, (WIDTH, HEIGHT), centre=(240 - 25 * step, 150), zoom=3.4 - 0.3 * step)


def alone() -> Iterator[Image]:
    """The first shot: the performer, nobody else."""
    astronaut = portrait("astronaut")
    for step in np.linspace(0.0, 1.0, SHOT_FRAMES[0]):
        yield _view(
            astronaut, (WIDTH, HEIGHT), centre=(250 - 14 * step, 160 + 12 * step), zoom=2.6 + 0.5 * step
        )


def _view(image: Image, size: tuple[int, int], *, centre: tuple[float, float], zoom: float) -> Image:
    """A window on `image`: `centre` in its pixels, `zoom` output pixels a source pixel."""
    width, height = size
    matrix = np.array(
        [[zoom, 0, width / 2 - zoom * centre[0]], [0, zoom, height / 2 - zoom * centre[1]]], np.float64
    )
    view = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return view.astype(np.uint8, copy=False)


def _tone(seconds: float) -> Iterator[av.AudioFrame]:
    block = 1024
    for start in range(0, int(seconds * SAMPLE_RATE), block):
        wave = 0.05 * np.sin(2 * np.pi * 220 * np.arange(start, start + block) / SAMPLE_RATE)
        frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, start
        yield frame
