"""What clients bring along: short clips of one performer, and photos of one donor, each of other bytes."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2

from clips import walk, write
from portraits import PEOPLE, packaged, portrait

FRAMES = 8
SIZE = (480, 272)


@dataclass(frozen=True, slots=True)
class Clip:
    """A video file."""

    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Scenery:
    """The files of one soak. Some clips differ in their metadata alone: normalised, they are the same."""

    clips: tuple[Clip, ...]
    performer: bytes
    """A photo of the one in the clips."""
    donors: tuple[bytes, ...]
    """Photos of one donor. Several donors hand in the same one."""

    @classmethod
    def make(cls, folder: Path, clips: int = 6, photos: int = 6) -> "Scenery":
        """Write them into an empty folder."""
        folder.mkdir(parents=True)
        made = []
        for number in range(clips):
            pictures = walk("astronaut", FRAMES + number // 2, size=SIZE, zoom=1.3)
            path = write(folder / f"clip-{number}.mp4", pictures, metadata={"title": f"take {number}"})
            made.append(Clip(path, sha256(path.read_bytes()).hexdigest()))
        return cls(
            tuple(made),
            packaged(*PEOPLE["astronaut"]).read_bytes(),
            tuple(_jpeg("hopper", 95 - number) for number in range(photos)),
        )


def _jpeg(person: str, quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", portrait(person), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()
