"""Material to try a deployment with: a clip of one person, her portrait, and a donor's photo."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from service.demo import clips, portraits

NAMES = ("clip.mp4", "creator.png", "donor.jpg")


def write(folder: Path) -> Sequence[Path]:
    """Write `NAMES` into `folder`, over what lies there. Raises `PortraitsMissing`."""
    clip, creator, donor = (folder / name for name in NAMES)
    folder.mkdir(parents=True, exist_ok=True)
    clips.write(clip, clips.alone())
    shutil.copyfile(portraits.path("astronaut"), creator)
    shutil.copyfile(portraits.path("hopper"), donor)
    return clip, creator, donor
