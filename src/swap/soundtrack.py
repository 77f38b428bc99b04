"""Samples from a clip, laid without gaps along its clock and encoded beside the pictures."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from swap.sound import RATE, Sound

_BITS_PER_SECOND = 160_000


class Soundtrack:
    """An AAC track being filled. Silence stands where the source has a hole; what overlaps is cut."""

    def __init__(self, stream: AudioStream, first: Sound, rest: Iterator[Sound], end: Fraction) -> None:
        self._stream = stream
        self._ahead: Sound | None = first
        self._sounds = rest
        self._end = int(end * RATE)
        # Before the clock's zero there is no picture to go with.
        self._at = max(0, min(first.at, self._end))

    @classmethod
    def of(cls, container: OutputContainer, sounds: Iterable[Sound], *, end: Fraction) -> "Soundtrack | None":
        """A track for `sounds` in `container`, up to `end` seconds; None if there is no sound at all."""
        rest = iter(sounds)
        first = next(rest, None)
        if first is None:
            return None
        layout = "mono" if first.samples.shape[1] == 1 else "stereo"
        stream = container.add_stream("aac", rate=RATE, layout=layout, bit_rate=_BITS_PER_SECOND)
        return cls(stream, first, rest, end)

    def until(self, seconds: Fraction) -> Iterator["Packet[AudioStream]"]:
        """Encode what begins before `seconds`."""
        limit = min(int(seconds * RATE), self._end)
        while self._ahead is not None and self._ahead.at < limit:
            yield from self._lay(self._ahead)
            self._ahead = next(self._sounds, None)

    def rest(self) -> Iterator["Packet[AudioStream]"]:
        """Encode what is left, up to the end of the pictures, and finish."""
        yield from self.until(Fraction(self._end, RATE))
        yield from self._stream.encode()

    def _lay(self, sound: Sound) -> Iterator["Packet[AudioStream]"]:
        hole = sound.at - self._at
        if hole > 0:
            yield from self._put(np.zeros((hole, sound.samples.shape[1]), np.int16))
        samples = sound.samples[max(0, -hole) : max(0, self._end - sound.at)]
        if len(samples):
            yield from self._put(samples)

    def _put(self, samples: NDArray[np.int16]) -> Iterator["Packet[AudioStream]"]:
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
        self._at += len(samples)
        yield from self._stream.encode(frame)
