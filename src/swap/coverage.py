"""What a scan looked at and what it could not have seen, in words that end up in front of people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from audit.canonical import Json
from swap.clip import Clip
from swap.faults import ScanMalformed

RESOLVABLE = 28
"""Width in pixels, at the size the detector looks at, below which a face can't be told from another:
no false rejection in 30 probes at 28 px, 8 % and missed faces at 14."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The scan's statement about its own reach."""

    frames: int
    """Frames that were decoded and searched, each of them at full rate."""
    unread: int
    """Frames in the file that gave no picture, or a damaged one. Not 0: nobody knows who is in them."""
    side: int
    """Longest side in pixels at which frames were searched."""
    smallest: int
    """Width in source pixels of the smallest face that counts as seen."""

    @classmethod
    def of(cls, clip: Clip, *, frames: int, unread: int, side: int) -> "Coverage":
        """The statement for a clip of that size."""
        longest = max(clip.width, clip.height)
        return cls(frames, unread, side, ceil(RESOLVABLE * max(Fraction(1), Fraction(longest, side))))

    @property
    def complete(self) -> bool:
        """Whether every frame of the file was searched."""
        return self.unread == 0 and self.frames > 0

    def statement(self) -> str:
        """In English."""
        return (
            f"{self.frames} frames searched, each one; {self.unread} could not be read. "
            f"Faces under {self.smallest} pixels wide, or not upright, may have been missed."
        )

    def statement_zh(self) -> str:
        """In Chinese."""
        return (
            f"已逐帧检测 {self.frames} 帧，{self.unread} 帧无法读取。"
            f"宽度小于 {self.smallest} 像素或未正立的人脸可能未被检出。"
        )

    def to_json(self) -> Mapping[str, Json]:
        """As stored in a scan."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> "Coverage":
        """Read it back. Raises `ScanMalformed`."""
        if not isinstance(value, Mapping) or set(value) != set(cls.__slots__):
            raise ScanMalformed("a stored coverage statement is not one")
        if not all(type(number) is int and number >= 0 for number in value.values()):
            raise ScanMalformed("a stored coverage statement has odd numbers")
        return cls(**value)
