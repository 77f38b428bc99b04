"""Reading back what we encoded ourselves, to see that the file says what we meant.

The one place outside a cell where a container is opened, and only for files whose every byte came
from `swap.encode`. People's media go through `swap.sandbox`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swap.clip import Clip
from swap.decode import Decoding
from swap.demux import open_container
from swap.faults import NoFrames
from swap.frames import Frame
from swap.limits import Limits


@dataclass(frozen=True, slots=True)
class ReadBack:
    """One pass over a file of ours."""

    clip: Clip
    frames: Iterator[Frame]
    """Every frame, upright; the picture is a copy."""
    metadata: dict[str, str]


@contextmanager
def read_back(path: Path, limits: Limits) -> Iterator[ReadBack]:
    """Open a file that `encode` wrote. Raises the fault of what is wrong with it."""
    with path.open("rb") as file:
        container, stream = open_container(file, limits)
        with container:
            decoding = Decoding(container, stream, limits)
            pictures = decoding.pictures()
            first = next(pictures, None)
            if first is None:
                raise NoFrames("no frame in a file of ours")
            head = Frame(0, first[0], first[1].copy())
            clip = decoding.describe(stream.frames)

            def frames() -> Iterator[Frame]:
                yield head
                for index, (pts, view) in enumerate(pictures, start=1):
                    yield Frame(index, pts, view.copy())

            yield ReadBack(clip, frames(), dict(container.metadata))
