"""From rows to files: what a checkpoint promises must be there before anybody sees the checkpoint."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, wait
from functools import lru_cache
from itertools import islice

from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.guard import LogForked
from audit.head import Head, HeadMoved, TreeHead
from audit.keys import BadSignature
from audit.note import NoteMalformed, NoteVerifier
from audit.storage import Storage
from audit.tile import WIDTH, encode_bundle, grown
from audit.treereader import TreeReader

CHECKPOINT_PATH = "checkpoint"
_TRIES = 10
_MANY = 64 * WIDTH
"""Entries, from which on a directory is listed rather than each name in it tried."""
AT_ONCE = 4
"""Files that are being put. A put waits for the disk and hardly computes: four cost little more than one."""


def write(
    rows: TreeReader,
    storage: Storage,
    since: int,
    size: int,
    writers: Executor,
    *,
    missing_only: bool = False,
) -> None:
    """Put every tile and bundle that a tree of `size` has beside one of `since`, all from rows.

    Write-once and the same from whoever does it, so it may be done twice, at once, or by a process
    that has lost its lease. `missing_only` looks before it builds, for the replay at start.
    """
    files = _files(rows, storage, since, size, missing_only=missing_only)
    while some := list(islice(files, AT_ONCE)):
        # Read before any is put, and all waited for, also after a failure: once this has raised, nothing
        # is written any more.
        puts = [writers.submit(storage.put, *file) for file in some]
        wait(puts)
        for put in puts:
            put.result()


def _files(
    rows: TreeReader, storage: Storage, since: int, size: int, *, missing_only: bool
) -> Iterator[tuple[str, bytes]]:
    # A directory is asked for once: a log of a million entries has 8,000 files, and opens each day.
    names = lru_cache(maxsize=None)(storage.names)
    # What was pruned must not come back from rows that are still to go, nor empty from those that went.
    pruned = rows.minimum() // WIDTH if missing_only else 0

    def there(path: str) -> bool:
        directory, _, name = path.rpartition("/")
        return missing_only and name in names(directory)

    for place in grown(since, size):
        if place.level == 0 and place.n < pruned:
            continue
        entries: list[bytes] | None = None
        if place.level == 0 and not there(place.bundle_path):
            entries = rows.entries(place.n * WIDTH, place.n * WIDTH + place.width)
            yield place.bundle_path, encode_bundle(entries)
        if not there(place.path):
            yield place.path, rows.tile_data(place, entries)


def advance(head: Head, new: TreeHead, follows: Callable[[TreeHead], None] | None = None) -> None:
    """Move the stored head to `new`, whose files are durable; nothing if it is further already.

    `follows` raises for a head of another history than ours: the one that is there may have been put since
    anybody looked, by another database. Raises `LogForked` if it has another root at this size, `HeadMoved`
    if others keep moving it.
    """
    for _ in range(_TRIES):
        old = head.read()
        if old is not None and follows is not None:
            follows(old)
        if old is not None and old.size >= new.size:
            if old.size == new.size and old != new:
                raise LogForked(f"the stored head has another root at {new.size}")
            return
        try:
            head.advance(old, new)
        except HeadMoved:
            continue
        return
    raise HeadMoved("others keep moving the tree head")


def shown(storage: Storage, checkpoint: Checkpoint) -> bool:
    """Whether `checkpoint` is the published one."""
    return storage.get(CHECKPOINT_PATH) == checkpoint.text.encode()


def current(storage: Storage, verifier: NoteVerifier) -> Checkpoint | None:
    """The published checkpoint; None if there is none, or what is there was not signed by us."""
    data = storage.get(CHECKPOINT_PATH)
    try:
        return None if data is None else Checkpoint.parse(data.decode(), verifier)
    except (UnicodeError, NoteMalformed, CheckpointMalformed, BadSignature):
        return None


def show(storage: Storage, checkpoint: Checkpoint) -> None:
    """Publish `checkpoint`: the last of the writes."""
    storage.replace(CHECKPOINT_PATH, checkpoint.text.encode())


def clear(storage: Storage, since: int, size: int) -> None:
    """Drop the partial tiles of those that became full: a log published entry by entry has 255 of each.

    Only after the checkpoint that has the full ones is shown, which readers of an older one then
    find in the same place (c2sp.org/tlog-tiles, "Partial Tiles").
    """
    # Of many, as when a log is opened, hardly any has some: looking costs less than trying.
    names = lru_cache(maxsize=None)(storage.names) if size - since > _MANY else None
    for tile in grown(since, size):
        if tile.width == WIDTH:
            for directory in tile.partials[: 1 if tile.level else 2]:
                parent, _, name = directory.rpartition("/")
                if names is None or name in names(parent):
                    storage.discard(directory)
