"""What a video says of itself, checked: the facts every later step goes by."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction

from swap.faults import DecoderCrashed, FrameRateAbsurd, FrameTooLarge, NoFrames, SourceTooLong
from swap.limits import Limits


@dataclass(frozen=True, slots=True)
class Clip:
    """A video track, as its frames will be handed out: upright, in presentation order."""

    width: int
    height: int
    """Pixels of the upright frame: any rotation is already applied."""
    tick: int
    """Time stamps count in 1/tick seconds."""
    rate_num: int
    rate_den: int
    """Nominal frames a second, as a ratio."""
    frames: int
    """Coded frames in the file; more than we manage to read means some stayed unread."""
    start: int
    """Time stamp of the first frame."""
    duration: int
    """From the first frame's start to the last one's end, in ticks."""
    rotation: int
    """Quarter turns times 90, counter-clockwise, that were applied to make frames upright."""
    aspect_num: int
    aspect_den: int
    """Shape of a pixel, width to height."""
    codec: str
    has_audio: bool

    @property
    def rate(self) -> Fraction:
        """Nominal frames a second."""
        return Fraction(self.rate_num, self.rate_den)

    @property
    def seconds(self) -> Fraction:
        """How long it lasts."""
        return Fraction(self.duration, self.tick)

    def check(self, limits: Limits) -> None:
        """Raise the fault of the first limit this clip breaks."""
        check_size(self.width, self.height, limits)
        if self.frames < 1:
            raise NoFrames("the video track holds no frame")
        if self.frames > limits.max_frames:
            raise SourceTooLong(f"{self.frames} frames; at most {limits.max_frames} are scanned")
        if self.seconds > limits.max_seconds:
            raise SourceTooLong(f"{int(self.seconds)} s; at most {limits.max_seconds} s are scanned")
        # The nominal rate is what a header claims; frames over time is what a scan would face.
        # One frame has no rate: its duration is whatever the muxer made up.
        real = self.frames / self.seconds if self.frames > 1 and self.duration else Fraction(0)
        if max(self.rate, real) > limits.max_fps:
            raise FrameRateAbsurd(f"{int(max(self.rate, real))} frames a second; at most {limits.max_fps}")

    def to_json(self) -> dict[str, int | str | bool]:
        """As stored in a scan and sent by a cell."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> "Clip":
        """Read what a cell sent, trusting none of it. Raises `DecoderCrashed`."""
        if not isinstance(value, Mapping) or set(value) != set(cls.__slots__):
            raise DecoderCrashed("the decoder described no clip")
        numbers = [value[name] for name in cls.__slots__ if name not in {"codec", "has_audio"}]
        if (
            not all(type(n) is int and abs(n) < 1 << 53 for n in numbers)
            or not isinstance(value["codec"], str)
            or type(value["has_audio"]) is not bool
        ):
            raise DecoderCrashed("the decoder described an impossible clip")
        clip = cls(**value)
        positive = (clip.width, clip.height, clip.tick, clip.rate_num, clip.rate_den)
        if min(*positive, clip.aspect_num, clip.aspect_den) < 1 or min(clip.frames, clip.duration) < 0:
            raise DecoderCrashed("the decoder described an impossible clip")
        return clip


def check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse a picture before a byte of it is decoded. Raises `FrameTooLarge`."""
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise FrameTooLarge(
            f"{width} x {height} pixels; at most {limits.max_pixels} and {limits.max_side} a side"
        )
