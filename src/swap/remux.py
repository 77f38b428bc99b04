"""The normalised re-mux: the same coded pictures and sound in a container that we wrote.

Nothing is decoded. What is not the first video track or the first sound track is left behind: cover
pictures, subtitles, data, chapters, metadata, packet side data, bytes appended after the last box.
The same input gives the same bytes with the same FFmpeg. Runs inside a cell.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import Flags, InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from swap.demux import open_container
from swap.faults import NoFrames, SourceIrregular, SourceTooLarge, SourceTooLong, SourceTruncated, StorageFull
from swap.limits import Limits
from swap.window import Window

_SOUND = {"aac", "mp3", "opus"}
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True)
class Remuxed:
    """What went into the normalised file."""

    frames: int
    sound: str
    """`kept`, `none`, or `dropped` when its codec has no place in an MP4."""


def remux(source: int, target: int, limits: Limits) -> Remuxed:
    """Rewrite the container at descriptor `source` as an MP4 at descriptor `target`, index first.

    Raises the fault of what is wrong with the source, `SourceTooLarge` or `StorageFull`.
    """
    container, video = open_container(Window(source), limits)
    audio = next(iter(container.streams.audio), None)
    keep = audio is not None and _name(audio) in _SOUND
    with _written(target) as output:
        tracks: dict[int, Any] = {video.index: output.add_stream_from_template(video, opaque=True)}
        if audio is not None and keep:
            tracks[audio.index] = output.add_stream_from_template(audio, opaque=True)
        frames, end = 0, Fraction(0)
        for packet in _packets(container, [s for s in (video, audio) if s is not None and s.index in tracks]):
            if packet.stream_index == video.index:
                frames += 1
                end = max(end, _end(packet, video))
                if frames > limits.max_frames or end > limits.max_seconds:
                    raise SourceTooLong(f"more than {limits.max_frames} frames or {limits.max_seconds} s")
            output.mux_one(_bare(packet, tracks[packet.stream_index]))
        _complete(container, video, frames=frames, end=end)
    return Remuxed(frames, "kept" if keep else "none" if audio is None else "dropped")


def _name(audio: AudioStream) -> str:
    # There is no context for a codec FFmpeg has never heard of, whatever the type says.
    context: AudioCodecContext | None = getattr(audio, "codec_context", None)
    return "" if context is None else context.codec.canonical_name


@contextmanager
def _written(target: int) -> Iterator[OutputContainer]:
    # `faststart` re-reads what was written through a second window, since no path can be opened here.
    output = av.open(
        Window(target),
        "w",
        format="mp4",
        options={"movflags": "+faststart"},
        io_open=lambda _url, _flags, _options: Window(target),
    )
    output.flags |= cast(int, Flags.bitexact.value)
    try:
        yield output
        output.close()
    except MemoryError:
        raise
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise SourceTooLarge("the normalised file is larger than an upload may be") from None
        if error.errno in _FULL:
            raise StorageFull("no room for the normalised file") from None
        raise SourceIrregular(f"the tracks don't fit an MP4 ({type(error).__name__})") from None
    except (FFmpegError, ValueError) as error:
        raise SourceIrregular(f"the tracks don't fit an MP4 ({type(error).__name__})") from None


def _packets(container: InputContainer, streams: list[Any]) -> Iterator["Packet[Any]"]:
    try:
        for packet in container.demux(streams):
            if not packet.size:
                continue
            if packet.is_corrupt:
                raise SourceTruncated("a packet is cut short")
            if packet.dts is None or packet.pts is None:
                raise SourceIrregular("a packet carries no time stamp")
            yield packet
    except FFmpegError as error:
        raise SourceTruncated(f"the container breaks off ({type(error).__name__})") from None


def _bare(packet: "Packet[Any]", track: Any) -> "Packet[Any]":
    """The payload and its times, without side data: who knows what an editor put there."""
    bare: Packet[Any] = Packet(bytes(packet))
    bare.pts, bare.dts, bare.duration = packet.pts, packet.dts, packet.duration
    bare.time_base = packet.time_base
    bare.is_keyframe = packet.is_keyframe
    bare.stream = track
    return bare


def _end(packet: "Packet[Any]", stream: VideoStream) -> Fraction:
    ticks = (packet.pts or 0) + (packet.duration or 0) - (stream.start_time or 0)
    return ticks * (stream.time_base or Fraction(0))


def _complete(container: InputContainer, video: VideoStream, *, frames: int, end: Fraction) -> None:
    if not frames:
        raise NoFrames("the video track holds no frame")
    if frames < video.frames:
        raise SourceTruncated(f"{frames} frames of {video.frames} are there")
    # Matroska names no count. Its duration is that of the longest track, so leave sound a second.
    announced = video.duration * video.time_base if video.duration and video.time_base else Fraction(0)
    if not video.frames and not announced and not container.streams.audio:
        announced = Fraction(container.duration or 0, av.time_base)
    if announced - end > 1:
        raise SourceTruncated(f"{float(end):.1f} s of {float(announced):.1f} s are there")
