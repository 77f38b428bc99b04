"""From a video track to upright BGR pictures, every one of them, counting what could not be read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import SideData
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from swap.clip import Clip
from swap.demux import codec_of, rate_of
from swap.faults import NoFrames, SourceIrregular, SourceTooLong
from swap.limits import Limits

_ONE = 1 << 16
_TURNS = {(_ONE, 0, 0, _ONE): 0, (0, -_ONE, _ONE, 0): 1, (-_ONE, 0, 0, -_ONE): 2, (0, _ONE, -_ONE, 0): 3}
"""Upper left of a display matrix to quarter turns counter-clockwise; anything else mirrors or skews."""


@dataclass(slots=True)
class Decoding:
    """One pass over a track. Iterate `pictures` once; `unread` is right when it is exhausted."""

    container: InputContainer
    stream: VideoStream
    limits: Limits
    packets: int = 0
    damaged: int = 0
    """Frames the decoder handed out but marked as damaged."""
    yielded: int = 0
    _reformat: Callable[..., VideoFrame] = field(default_factory=lambda: VideoReformatter().reformat)
    _size: tuple[int, int] = (0, 0)
    _rotation: int = 0
    _turns: int = 0
    _first: int | None = None
    _last: int | None = None

    @property
    def unread(self) -> int:
        """Coded frames that gave no picture, or a damaged one: nobody can say who is in them."""
        return max(0, self.packets - self.yielded) + self.damaged

    def pictures(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Time stamp and upright view of each frame, valid until the next one is asked for.

        Raises `NoFrames`, `SourceIrregular` (size, turn or time changes its mind), `SourceTooLong`.
        """
        context: VideoCodecContext = self.stream.codec_context
        context.thread_type = "NONE"
        context.thread_count = 1
        # Damage must surface as an error: a concealed frame is a guess, and who is in it is the question.
        context.options = {"err_detect": "explode", "max_pixels": str(self.limits.max_pixels)}
        for packet in self.container.demux(self.stream):
            self.packets += packet.size > 0
            if self.packets > self.limits.max_frames:
                raise SourceTooLong(f"more than {self.limits.max_frames} frames")
            try:
                frames = packet.decode()
            except MemoryError:
                raise
            except FFmpegError:
                continue  # counted: a packet without a picture is an unread frame
            for frame in frames:
                yield self._picture(frame)
        if not self.yielded:
            raise NoFrames("no frame of the video track could be decoded")

    def describe(self, frames: int) -> Clip:
        """The clip, once its first picture has been decoded; `frames` as the container counts them."""
        base = self.stream.time_base or Fraction(1, 1)
        if base.numerator != 1:
            raise SourceIrregular("time stamps in an odd unit")
        height, width = self._size
        width, height = (height, width) if self._turns % 2 else (width, height)
        rate, aspect = rate_of(self.stream), self.stream.sample_aspect_ratio or Fraction(1)
        aspect = 1 / aspect if self._turns % 2 else aspect
        return Clip(
            width=width,
            height=height,
            tick=base.denominator,
            rate_num=rate.numerator,
            rate_den=rate.denominator,
            frames=frames,
            start=self._first or 0,
            duration=self.stream.duration
            or (self.container.duration or 0) * base.denominator // av.time_base,
            rotation=90 * self._turns,
            aspect_num=aspect.numerator,
            aspect_den=aspect.denominator,
            codec=codec_of(self.stream),
            has_audio=bool(self.container.streams.audio),
        )

    def _picture(self, frame: VideoFrame) -> tuple[int, NDArray[np.uint8]]:
        size, rotation = (frame.height, frame.width), frame.rotation
        if not self.yielded:
            # Only once: asking a frame for its side data ties it into a cycle that keeps it alive.
            self._size, self._rotation, self._turns = size, rotation, _turns_of(frame)
        if (size, rotation) != (self._size, self._rotation):
            raise SourceIrregular("frames change size or turn on the way")
        if frame.pts is None or (self._last is not None and frame.pts <= self._last):
            raise SourceIrregular("time stamps are missing or do not increase")
        self._first = frame.pts if self._first is None else self._first
        self._last = frame.pts
        if (frame.pts - self._first) * (self.stream.time_base or 1) > self.limits.max_seconds:
            raise SourceTooLong(f"more than {self.limits.max_seconds} s")
        self.yielded += 1
        self.damaged += bool(frame.is_corrupt)
        plane: Any = self._reformat(frame, format="bgr24", threads=1).planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: size[0], : size[1] * 3]
        return frame.pts, np.rot90(rows.reshape(size[0], size[1], 3), self._turns)


def _turns_of(frame: VideoFrame) -> int:
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 0
    a, b, _, c, d = np.frombuffer(bytes(cast(SideData, data)), "<i4")[:5].tolist()
    turns = _TURNS.get((a, b, c, d))
    if turns is None:
        raise SourceIrregular("the picture is mirrored or turned by an odd angle")
    return turns
