"""Opening a container, and what its header must say before anything in it is decoded.

Runs inside a cell for people's media; outside only for files we encoded ourselves (`swap.media`).
"""

from fractions import Fraction
from typing import Any, Protocol

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from swap.clip import check_size
from swap.faults import (
    CodecNotAllowed,
    FrameRateAbsurd,
    NoVideo,
    SourceEmpty,
    SourceTooLong,
    SourceUnreadable,
    TooManyStreams,
)
from swap.limits import Limits

_OPTIONS = {
    # Never a playlist, a concatenation script or an image sequence: they name other files.
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm",
    "protocol_whitelist": "",
    # An edit list may hide frames that another player shows: we want every frame there is.
    "advanced_editlist": "0",
}
_CODECS = {"h264", "hevc", "vp9", "av1", "mpeg4"}
_PQ, _HLG = 16, 18
"""Transfer characteristics of HDR (ITU-T H.273 table 3): as plain BGR the picture is wrong."""


class Seekable(Protocol):
    """What a container is read from."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes."""
        ...

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move and say where to."""
        ...

    def tell(self) -> int:
        """The place."""
        ...


def open_container(file: Seekable, limits: Limits) -> tuple[InputContainer, VideoStream]:
    """The container and its first video track, header checked. Raises the fault of what is wrong."""
    if not file.read(1):
        raise SourceEmpty("the file has no bytes")
    file.seek(0)
    try:
        container = av.open(file, "r", options=_OPTIONS, metadata_errors="ignore", io_open=_refuse)
    except MemoryError:
        raise
    except (FFmpegError, ValueError, OSError) as error:
        raise SourceUnreadable(f"no video container we open ({type(error).__name__})") from None
    return container, _checked(container, limits)


def codec_of(stream: VideoStream) -> str:
    """The codec's common name: libdav1d decodes av1."""
    return stream.codec_context.codec.canonical_name


def rate_of(stream: VideoStream) -> Fraction:
    """Nominal frames a second; 1 where the container names none (a single frame)."""
    return stream.average_rate or stream.guessed_rate or Fraction(1)


def _checked(container: InputContainer, limits: Limits) -> VideoStream:
    if len(container.streams) > limits.max_streams:
        raise TooManyStreams(f"{len(container.streams)} streams; at most {limits.max_streams}")
    # A cover picture is a video stream to FFmpeg, and often the first one.
    covers = av.stream.Disposition.attached_pic
    stream = next((s for s in container.streams.video if not s.disposition & covers), None)
    if stream is None:
        raise NoVideo("no video track in the container")
    # None for a codec FFmpeg has never heard of, whatever the type says.
    context: VideoCodecContext | None = getattr(stream, "codec_context", None)
    if context is None or codec_of(stream) not in _CODECS:
        raise CodecNotAllowed(f"the video codec is not one of {', '.join(sorted(_CODECS))}")
    if context.color_trc in {_PQ, _HLG}:
        raise CodecNotAllowed("high dynamic range (PQ or HLG) is not read")
    check_size(context.width, context.height, limits)
    if stream.frames > limits.max_frames:
        raise SourceTooLong(f"{stream.frames} frames; at most {limits.max_frames} are scanned")
    seconds = (container.duration or 0) // av.time_base
    if seconds > limits.max_seconds:
        raise SourceTooLong(f"{seconds} s; at most {limits.max_seconds} s are scanned")
    if rate_of(stream) > limits.max_fps and stream.frames != 1:
        raise FrameRateAbsurd(f"{int(rate_of(stream))} frames a second; at most {limits.max_fps}")
    return stream


def _refuse(_url: str, _flags: int, _options: Any) -> Any:
    raise PermissionError("a container may not open other files")
