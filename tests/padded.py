"""Releases larger than a short clip makes them: the finished file ends in an MP4 box of air."""

import hashlib
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from swap.finishing import Finisher, Made

PIECE = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(1 << 15))
"""1 MiB that compresses to nothing."""


def padded(pieces: int) -> Any:
    """While this is entered, finished files have so many MiB more, before their entry is written."""
    make = Finisher.make

    def larger(finisher: Finisher, *arguments: Any, **more: Any) -> Made:
        made = make(finisher, *arguments, **more)
        with made.path.open("ab") as file:
            file.write((8 + pieces * len(PIECE)).to_bytes(4) + b"free" + pieces * PIECE)
        with made.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return replace(made, digest=digest, size=made.path.stat().st_size)

    return patch.object(Finisher, "make", larger)
