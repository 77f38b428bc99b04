"""What passes between the sandbox and a cell: one order down, messages up, pixels through shared memory.

Both sides import this. The parent trusts nothing that comes up: lengths are bounded here, contents
are checked by whoever reads them.
"""

import json
import mmap
import os
import struct
from dataclasses import dataclass
from enum import Enum

from swap.limits import Limits

MAX_MESSAGE = 1 << 20
SLOTS = 3
"""Frames in flight: one being written, one waiting, one being copied out."""

HEADER = struct.Struct("<cI")
FRAME = struct.Struct("<IqII")
"""Index, time stamp, width, height. The slot is index modulo `SLOTS`."""
SOUND = struct.Struct("<qB")
"""First sample's place, channels; 16 bit samples follow, interleaved."""


class Kind(bytes, Enum):
    """What a message is; one byte on the wire."""

    READY = b"R"
    CLIP = b"C"
    FRAME = b"F"
    SOUND = b"S"
    DONE = b"D"
    FAULT = b"X"


@dataclass(frozen=True, slots=True)
class Order:
    """The one thing a cell will do."""

    do: str
    limits: Limits

    def to_bytes(self) -> bytes:
        """As sent down the line."""
        return json.dumps({"do": self.do, "limits": self.limits.to_json()}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Order":
        """As read by the cell, from us."""
        value = json.loads(data)
        return cls(value["do"], Limits(**value["limits"]))


class Line:
    """The cell's end of the wire. Plain `read` and `write`: the filter allows nothing fancier."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def say(self, kind: Kind, body: bytes = b"") -> None:
        """Send one message, blocking while the parent is busy."""
        rest = memoryview(HEADER.pack(kind.value, len(body)) + body)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def tell(self, kind: Kind, value: object) -> None:
        """Send one message with JSON in it."""
        self.say(kind, json.dumps(value).encode())

    def wait_for_credit(self) -> None:
        """Block until the parent has copied a frame out. Ends the cell when the parent is gone."""
        if not os.read(self._fd, 1):
            os._exit(0)


def slot_bytes(pixels: int) -> int:
    """Room for one BGR picture of that many pixels, in whole pages."""
    return -(-pixels * 3 // mmap.PAGESIZE) * mmap.PAGESIZE
