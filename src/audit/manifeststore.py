"""The C2PA manifest store of a file, as its bytes stand there (C2PA 2.4, A.5: the `uuid` box of an MP4)."""

import re
from hashlib import sha256
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


def kids(store: bytes, serial: int) -> frozenset[str]:
    """What names the certificates of this number in a store: 16 hex digits, of SHA-256 over their DER.

    A certificate of version 3 and more than 255 bytes, as every one is that may sign: RFC 5280, 4.1.
    """
    number = serial.to_bytes(serial.bit_length() // 8 + 1)
    begin = rb"\x30\x82(..)\x30(?:\x81.|\x82..)\xa0\x03\x02\x01\x02\x02" + re.escape(
        bytes([len(number)]) + number
    )
    places = ((found.start(), int.from_bytes(found[1])) for found in re.finditer(begin, store, re.S))
    return frozenset(sha256(store[at : at + 4 + size]).hexdigest()[:16] for at, size in places)
