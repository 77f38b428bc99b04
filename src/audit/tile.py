"""Tiles and entry bundles (c2sp.org/tlog-tiles v0.1.0): the tree as static files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from audit.errors import BadInput

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle. One level of tiles spans 8 levels of the tree."""

LONGEST_ENTRY = 65_535
"""Bytes; the length of an entry is two bytes in a bundle."""


class BundleMalformed(BadInput):
    """Bytes are not a sequence of length-prefixed entries."""

    code = "BUNDLE_MALFORMED"
    zh = "日志条目包格式无效。"
    hint = "The file was cut or changed; fetch it from the log again."
    hint_zh = "文件被截断或更改，请从日志重新获取。"


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile's place. `width` below 256 is a partial tile: immutable too, until nobody needs it."""

    level: int
    n: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """`tile/<level>/<n>[.p/<width>]`."""
        return f"tile/{self.level}/{self._place}"

    @property
    def bundle_path(self) -> str:
        """Where the entries under a tile of level 0 lie: `tile/entries/<n>[.p/<width>]`."""
        return f"tile/entries/{self._place}"

    @property
    def partials(self) -> tuple[str, str]:
        """The directories of this tile's partial forms: of hashes, and of entries (level 0 only)."""
        whole = Tile(self.level, self.n)
        return f"{whole.path}.p", f"{whole.bundle_path}.p"

    @property
    def _place(self) -> str:
        groups = f"{self.n % 1000:03d}"
        rest = self.n // 1000
        while rest:
            groups = f"x{rest % 1000:03d}/{groups}"
            rest //= 1000
        return groups if self.width == WIDTH else f"{groups}.p/{self.width}"


def grown(old: int, new: int) -> Iterator[Tile]:
    """The tiles a tree of `new` leaves needs beside those of `old`, full ones first at each level.

    Partial ones only for `new`: sizes between never had a checkpoint that was served.
    """
    level = 0
    while new >> (8 * level):
        complete = new >> (8 * level + 8)
        for n in range(old >> (8 * level + 8), complete):
            yield Tile(level, n)
        width = (new >> (8 * level)) % WIDTH
        if width and old != new:
            yield Tile(level, complete, width)
        level += 1


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries, each behind its length in two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def parse_bundle(data: bytes) -> Sequence[bytes]:
    """The entries of a bundle, at most 256. Raises `BundleMalformed`."""
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        begin = position + 2
        position = begin + int.from_bytes(data[position:begin])
        if position > len(data) or begin > len(data) or len(entries) == WIDTH:
            raise BundleMalformed("a bundle is at most 256 entries, each behind its length")
        entries.append(data[begin:position])
    return entries
