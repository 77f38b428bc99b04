"""One decoded frame, as it travels from the decoder to the encoder."""

from dataclasses import dataclass

from consent.faces import Image


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture and its place in the clip."""

    index: int
    """Counted from 0 over all frames of the clip."""
    pts: int
    """Presentation time stamp in the stream's own time base: the frame's name in the record."""
    image: Image
