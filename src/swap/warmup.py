"""Everything a cell will ever import or initialise, done once before its walls close.

PyAV and Pillow import parts of themselves at first use; behind the filter that import would fail.
Works on tiny media made in memory, so it needs no file and no trust.
"""

import io
import os

import av
import av.subtitles.stream  # PyAV imports it when it first meets a container
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image as Photo

from swap.decode import Decoding
from swap.demux import open_container
from swap.limits import Limits
from swap.picture import picture
from swap.remux import remux
from swap.sound import RATE, sounds
from swap.window import Window


def warm_up() -> None:
    """Make, re-mux and decode two frames with sound, and read three photos."""
    limits = Limits()
    source, target = _memory(_tiny_clip()), os.memfd_create("target")
    remux(source, target, limits)
    container, stream = open_container(Window(target), limits)
    for _ in Decoding(container, stream, limits).pictures():
        pass
    for _ in sounds(open_container(Window(target), limits)[0]):
        pass
    os.close(source)
    os.close(target)
    for kind in ("JPEG", "PNG", "WEBP"):
        data = io.BytesIO()
        Photo.new("RGB", (16, 16)).save(data, kind)
        photo = _memory(data.getvalue())
        picture(photo, limits)
        os.close(photo)


def _tiny_clip() -> bytes:
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=25, width=32, height=32)
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        for index in range(2):
            frame = VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="bgr24")
            frame.pts = index
            container.mux(video.encode(frame))
        silence = AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), format="s16", layout="mono")
        silence.rate, silence.pts = RATE, 0
        container.mux(sound.encode(silence))
        container.mux([*video.encode(), *sound.encode()])
    return data.getvalue()


def _memory(data: bytes) -> int:
    fd = os.memfd_create("warm")
    os.write(fd, data)
    return fd
