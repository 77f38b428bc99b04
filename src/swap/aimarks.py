"""Whether a file as received says of itself that AI made or altered it (Labelling Measures art. 6; G-03).

A search over the bytes and no parsing: nothing here can be led astray by a malformed file, and a mark that
stands where no reader looks is found all the same. What a platform stripped is not found: the absence of
marks proves nothing, and nobody is told that it does.
"""

import os
from collections.abc import Iterator

MARKS = (
    b"rainedAlgorithmicMedia",  # IPTC digital source types, alone and as composite, in a C2PA manifest or XMP
    b"algorithmicMedia",
    b"mdtaAIGC",  # GB 45438-2025 Annex E in MP4, by the key of its metadata
    b"TC260:AIGC",  # the same in XMP
    b'"ContentProducer"',  # its JSON, wherever it stands
    b'\\"ContentProducer\\"',
)
_PIECE = 1 << 20
_LONGEST = max(map(len, MARKS))


def marked(descriptor: int) -> bool:
    """Whether any mark stands in the file. Reads all of it from its beginning; leaves the offset alone."""
    return any(mark in piece for piece in _pieces(descriptor) for mark in MARKS)


def _pieces(descriptor: int) -> Iterator[bytes]:
    """The file in pieces that overlap: a mark that lies across two is whole in the second."""
    at, before = 0, b""
    while piece := os.pread(descriptor, _PIECE, at):
        yield before + piece
        at, before = at + len(piece), piece[-_LONGEST:]
