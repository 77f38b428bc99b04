"""The log's public files: tiles, bundles, the checkpoint. Static, so any web server can serve them."""

import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from audit import durable
from audit.errors import BadInput, Diverged
from audit.tile import WIDTH, BundleMalformed, Tile, encode_bundle, parse_bundle
from audit.tree import HASH_SIZE

_PATH = re.compile(r"[a-z0-9][a-z0-9.]*(/[a-z0-9][a-z0-9.]*)*")


class FileDiverged(Diverged):
    """A write-once file holds other bytes than the database now says."""

    code = "FILE_DIVERGED"
    zh = "日志文件与数据库不一致。"
    hint = "Either was edited or restored from another time. Don't delete the file: it is evidence."
    hint_zh = "文件或数据库曾被修改，或恢复自不同时间的备份。请勿删除该文件，它是证据。"


class PathRefused(BadInput):
    """A path that no file of a log has."""

    code = "PATH_REFUSED"
    zh = "路径无效。"
    hint = "Ask for `checkpoint` or for a path below `tile/`."
    hint_zh = "请使用 `checkpoint` 或 `tile/` 之下的路径。"


class Storage(Protocol):
    """Write-once files, served as they are, and one that is replaced.

    Not trusted: whoever can change these files can make the log unreadable, never make it lie.
    May serve stale reads; must not lose what `put` has acknowledged. Safe to call from several
    threads and processes. A full disk raises `audit.durable.DiskFull` and leaves nothing half-written.
    """

    def put(self, path: str, data: bytes) -> None:
        """Store `data` at `path`, durable before this returns.

        Putting the same bytes again succeeds; putting other bytes raises `FileDiverged`.
        """
        ...

    def replace(self, path: str, data: bytes, *, lasting: bool = False) -> None:
        """Store `data` at `path` in place of what is there, at once: readers get all of the one or the other.

        Not `lasting`: a power cut may bring back the one before. Of the checkpoint the log repairs that when
        it starts.
        """
        ...

    def get(self, path: str) -> bytes | None:
        """The bytes at `path`, or None if nothing is there."""
        ...

    def names(self, directory: str) -> frozenset[str]:
        """What lies right below `directory`; empty if nothing does, or it is none."""
        ...

    def discard(self, directory: str) -> None:
        """Remove a directory of files that nobody needs. Promises nothing; no disk makes it raise."""
        ...

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files, those that are not there as well; durable before this returns."""
        ...


def tile_data(storage: Storage, tile: Tile) -> bytes | None:
    """The hashes of a tile, of a partial one that is gone as the full one begins; None: neither is there."""
    # In this order, here and below: a log drops partial ones once the full one is there.
    data = storage.get(tile.path)
    if data is None and tile.width < WIDTH:
        full = storage.get(Tile(tile.level, tile.n).path)
        data = None if full is None else full[: tile.width * HASH_SIZE]
    return data


def bundle_data(storage: Storage, tile: Tile) -> bytes | None:
    """The bundle under a tile of level 0, in the same way. A full one that is malformed stays as it is."""
    data = storage.get(tile.bundle_path)
    if data is None and tile.width < WIDTH:
        data = storage.get(Tile(0, tile.n).bundle_path)
        with suppress(BundleMalformed):
            data = None if data is None else encode_bundle(parse_bundle(data)[: tile.width])
    return data


class PosixStorage:
    """`Storage` in a directory of a local file system."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, path: str, data: bytes) -> None:
        place = self._place(path)
        if durable.create(place, data):
            return
        if self.get(path) != data:
            raise FileDiverged(f"{path} holds other bytes")
        # Who wrote it may have died, or still be, before its directory was synced. It is there
        # when *we* say so.
        with durable.disk(place):
            durable.sync_directory(place.parent)

    def replace(self, path: str, data: bytes, *, lasting: bool = False) -> None:
        durable.replace(self._place(path), data, lasting=lasting)

    def get(self, path: str) -> bytes | None:
        place = self._place(path)
        with durable.disk(place):
            try:
                return place.read_bytes()
            except FileNotFoundError:
                return None

    def names(self, directory: str) -> frozenset[str]:
        place = self._place(directory)
        with durable.disk(place):
            try:
                return frozenset(each.name for each in place.iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return frozenset()

    def discard(self, directory: str) -> None:
        # What stays costs space and says nothing wrong: not worth failing for.
        shutil.rmtree(self._place(directory), ignore_errors=True)

    def remove(self, paths: Iterable[str]) -> None:
        parents = set()
        for path in paths:
            place = self._place(path)
            with durable.disk(place):
                place.unlink(missing_ok=True)
            parents.add(place.parent)
        for parent in parents:
            with durable.disk(parent):
                if parent.is_dir():
                    durable.sync_directory(parent)

    def _place(self, path: str) -> Path:
        if not _PATH.fullmatch(path):
            raise PathRefused(f"not the path of a log's file: {path!r:.80}")
        return self._root / path
