"""Directories of tiles as any C2SP log has them, made without our log."""

from pathlib import Path

from audit import tree
from audit.checkpoint import Checkpoint
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.storage import PosixStorage
from audit.tile import WIDTH, encode_bundle, grown

ORIGIN = "log.example/studio"
KEY = SigningKey.generate(Duty.LOG, lambda size: bytes([5]) * size)
VERIFIER = NoteVerifier(ORIGIN, KEY.verifying)


def entries_of(size: int) -> list[bytes]:
    return [b"entry %d of a log" % number for number in range(size)]


def written(folder: Path, size: int) -> PosixStorage:
    """The directory of a log of `size` entries."""
    storage = PosixStorage(folder)
    entries = entries_of(size)
    hashes = [tree.leaf_hash(entry) for entry in entries]
    for tile in grown(0, size):
        width = WIDTH**tile.level
        first = tile.n * WIDTH ** (tile.level + 1)
        starts = range(first, first + tile.width * width, width)
        storage.put(tile.path, b"".join(tree.root(hashes[at : at + width]) for at in starts))
        if not tile.level:
            storage.put(tile.bundle_path, encode_bundle(entries[first : first + tile.width]))
    storage.put("checkpoint", Checkpoint.sign(ORIGIN, size, tree.root(hashes), KEY).text.encode())
    return storage
