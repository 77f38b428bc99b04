"""The C2PA manifest store of a file, as its bytes stand there (C2PA 2.4, A.5: the `uuid` box of an MP4)."""

from pathlib import Path

from audit import boxes
from audit.bmff import MANIFEST_UUID
from audit.boxes import MediaMalformed
from audit.durable import disk

_PURPOSE = b"\0\0\0\0manifest\0"
"""Version and flags, then what the box is for; 8 bytes of offset follow, then JUMBF."""


def store(path: Path) -> bytes | None:
    """The JUMBF bytes of the manifest store; None for a file that has none. Raises `DiskFailed`."""
    with disk(path), path.open("rb") as file:
        try:
            found = [boxes.payload(file, box) for box in boxes.top_level(file) if box.kind == b"uuid"]
        except MediaMalformed:
            return None
    head = MANIFEST_UUID + _PURPOSE
    stores = [data[len(head) + 8 :] for data in found if data.startswith(head)]
    return stores[0] if len(stores) == 1 else None
