"""The sound of a clip as plain samples. It is encoded anew: no coded byte of an upload reaches an output."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

RATE = 48_000
"""Samples a second of everything handed out here."""
_BLOCK = 8_192


@dataclass(frozen=True, slots=True)
class Sound:
    """A run of samples and its place on the clip's clock."""

    at: int
    """Place of the first sample, in 1/48000 s on the same clock as the frames' time stamps."""
    samples: NDArray[np.int16]
    """n x channels, one or two channels."""


def sounds(container: InputContainer) -> Iterator[Sound]:
    """The first sound track, in order; a packet that can't be decoded leaves a gap. Runs inside a cell."""
    stream = next(iter(container.streams.audio), None)
    if stream is None:
        return
    stream.codec_context.thread_type = "NONE"
    layout = "mono" if stream.codec_context.channels == 1 else "stereo"
    resampler = AudioResampler(format="s16", layout=layout, rate=RATE, frame_size=_BLOCK)
    channels = 1 if layout == "mono" else 2
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except MemoryError:
            raise
        except FFmpegError:
            continue  # a gap in the sound harms nobody; the encoder fills it with silence
        for frame in frames:
            for block in resampler.resample(frame):
                yield _sound(block, channels)
    for block in resampler.resample(None):
        yield _sound(block, channels)


def _sound(frame: AudioFrame, channels: int) -> Sound:
    at = round((frame.pts or 0) * (frame.time_base or 0) * RATE)
    return Sound(at, np.asarray(frame.to_ndarray(), np.int16).reshape(-1, channels))
