"""A clip from somebody's camera, behind walls: frames for `consent.turning`, one at a time, none kept."""

import os
from collections.abc import Generator

from consent.turning import LONGEST, Shot
from swap.faults import SourceTooLarge
from swap.sandbox import Sandbox

LARGEST = 32 << 20
"""Bytes of such a clip: a minute at 4 Mbit/s."""


def shots(sandbox: Sandbox, clip: bytes) -> Generator[Shot, None, None]:
    """The frames of `clip`, by the clip's own clock in seconds from its first.

    Raises `SourceTooLarge`, and what a sandbox raises of a file. Close it, or read it to its end.
    """
    if len(clip) > LARGEST:
        raise SourceTooLarge(f"{len(clip)} bytes; at most {LARGEST} of a capture")
    source = os.memfd_create("capture")
    try:
        with os.fdopen(os.dup(source), "wb") as file:
            file.write(clip)
        with sandbox.frames(source) as reading:
            first: int | None = None
            for frame in reading:
                first = frame.pts if first is None else first
                at = (frame.pts - first) / reading.clip.tick
                yield Shot(at, frame.image)
                if at > LONGEST:
                    # Whoever watches has said no by now; a film of ten minutes need not be decoded.
                    return
    finally:
        os.close(source)
