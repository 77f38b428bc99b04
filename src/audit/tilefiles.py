"""A copy of a log's public files as a tree: for whoever has them, and neither its database nor its word."""

from collections.abc import Iterator

from audit import tree
from audit.checkpoint import Checkpoint
from audit.errors import Diverged
from audit.fsck import Checked, fsck
from audit.note import NoteVerifier
from audit.storage import Storage, bundle_data, tile_data
from audit.tile import WIDTH, Tile, parse_bundle
from audit.treereader import ANY_SIZE, TreeReader


class CopyUnsound(Diverged):
    """Files of a log that are not what its checkpoint signed."""

    code = "LOG_COPY_UNSOUND"
    zh = "日志副本的文件与其检查点不符。"
    hint = "`consentry log fsck DIR` names each file that is wrong; have the copy made again."
    hint_zh = "请用 `consentry log fsck DIR` 查看有误的文件，并重新获取副本。"


class TileFiles(TreeReader):
    """Files that are what their checkpoint signed. Made by `read`."""

    def __init__(self, storage: Storage, verifier: NoteVerifier, done: Checked) -> None:
        self.storage, self.verifier, self.checkpoint = storage, verifier, done.checkpoint
        self.pruned = done.pruned
        """What the log says of its last pruning; None without one."""

    @classmethod
    def read(cls, storage: Storage, verifier: NoteVerifier) -> "TileFiles":
        """Read a copy from end to end. Raises `audit.fsck.CheckpointUnreadable`, `CopyUnsound`."""
        done = fsck(storage, verifier)
        if not done.sound:
            raise CopyUnsound(f"{len(done.wrong)} of its files are wrong, the first {done.wrong[0].path}")
        return cls(storage, verifier, done)

    def latest(self, most: int = ANY_SIZE) -> Checkpoint | None:
        return self.checkpoint if self.checkpoint.size <= most else None

    def placed(self) -> int:
        return self.checkpoint.size

    def minimum(self) -> int:
        return 0 if self.pruned is None else self.pruned.minimum

    def entries(self, begin: int, end: int) -> list[bytes]:
        return [
            entry
            for place, first, last in self._places(0, begin, end)
            for entry in parse_bundle(bundle_data(self.storage, place) or b"")[first:last]
        ]

    def hashes(self, level: int, begin: int, end: int) -> list[bytes]:
        found = list[bytes]()
        for place, first, last in self._places(level, begin, end):
            data = tile_data(self.storage, place) or b""
            size = tree.HASH_SIZE
            found += [data[at : at + size] for at in range(0, len(data), size)][first:last]
        return found

    def tile(self, level: int, n: int) -> bytes | None:
        complete = n < self.placed() >> (8 * level + 8)
        return self.storage.get(Tile(level, n).path) if complete else None

    def _places(self, level: int, begin: int, end: int) -> Iterator[tuple[Tile, int, int]]:
        """The files that hold `[begin, end)` of a level, and which of the things in each."""
        count = self.placed() >> (8 * level)
        for n in range(begin // WIDTH, -(-min(end, count) // WIDTH)):
            first = n * WIDTH
            yield Tile(level, n, min(WIDTH, count - first)), max(begin - first, 0), end - first
