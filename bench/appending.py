"""What a log of one's own costs over plain inserts: the appender against SQLite, on one disk, by turns."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from statistics import median

from audit.appender import Appender
from audit.head import HeadFile
from audit.keys import Duty, SigningKey
from bench.house import temporary
from bench.meter import wall_seconds
from bench.row import Bound, Promise, Row

WRITERS = 64
EACH = 50
_TURNS = 150
_SLOW = 1000
_RAW = "Reference: the same bytes into one table of SQLite (WAL, synchronous FULL, `executemany`). "
_OURS = "Ours: `Appender.append_many`, which hashes them into the tree and signs it, in one commit. "


def rows() -> Iterator[Row]:
    """Batches of two sizes, then many writers of one entry each."""
    with temporary() as folder:
        desk = _Desk(folder)
        for size, least in ((64, 0.6), (1000, 0.5)):
            promise = Promise(
                name=f"append-{size}",
                what=f"appending {size} entries of 300 bytes at once",
                unit="entries/s",
                bound=Bound(">=", least),
                how=f"{_RAW}{_OURS}By the clock, {_TURNS} by turns, medians.",
            )
            ours, raw = desk.turns(size, desk.log.append_many), desk.turns(size, desk.insert)
            taken = [(next(ours), next(raw)) for _ in range(_TURNS)]
            yield promise.kept([one for one, _ in taken], [one for _, one in taken])
        yield _writers(desk)


def _writers(desk: "_Desk") -> Row:
    single, batch = desk.turns(1, desk.insert), desk.turns(64, desk.insert)
    taken = [
        (median(next(single) for _ in range(100)), median(next(batch) for _ in range(50)), desk.together())
        for _ in range(6)
    ][1:]
    ones, batches, ours = zip(*taken, strict=True)
    # Where a commit waits long for the disk, sharing it is all; where it doesn't, threads are.
    slow = median(ones) < _SLOW
    peer = "64 a commit" if slow else "one a commit"
    promise = Promise(
        name="append-writers",
        what=f"{WRITERS} threads that append one entry each time, against {peer}",
        unit="entries/s",
        bound=Bound(">=", 0.6) if slow else Bound(">=", 3),
        how=f"{_RAW}Here {peer} by one thread: the disk makes {'less' if slow else 'more'} than {_SLOW:,} "
        f"commits a second. Ours: `Appender.append`, {EACH} times by each of {WRITERS} threads. By the "
        "clock, by turns, medians.",
    )
    return promise.kept(ours, batches if slow else ones)


class _Desk:
    """A log and a table, on one disk."""

    def __init__(self, folder: Path) -> None:
        key = SigningKey.generate(Duty.LOG, os.urandom)
        head = HeadFile(folder / "apart" / "head")
        self.log = Appender(folder / "log.db", "consentry.invalid/bench", key, head)
        self._table = sqlite3.connect(folder / "table.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000"):
            self._table.execute(f"PRAGMA {pragma}")
        self._table.execute("CREATE TABLE entry (idx INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._numbers = count()

    def insert(self, entries: Sequence[bytes]) -> None:
        """What is written without a log."""
        self._table.execute("BEGIN IMMEDIATE")
        self._table.executemany("INSERT INTO entry (body) VALUES (?)", [(entry,) for entry in entries])
        self._table.execute("COMMIT")

    def turns(self, size: int, put: Callable[[Sequence[bytes]], object]) -> Iterator[float]:
        """Entries a second, of one turn after the other."""
        while True:
            entries = self._entries(size)
            before = time.perf_counter()
            put(entries)
            yield size / (time.perf_counter() - before)

    def together(self) -> float:
        """Entries a second of all writers."""
        ready = threading.Barrier(WRITERS + 1)

        def writer(entries: Sequence[bytes]) -> None:
            ready.wait()
            for entry in entries:
                self.log.append(entry)

        with ThreadPoolExecutor(WRITERS) as pool:
            done = [pool.submit(writer, self._entries(EACH)) for _ in range(WRITERS)]

            def work() -> None:
                ready.wait()
                for each in done:
                    each.result()

            return WRITERS * EACH / wall_seconds(work)

    def _entries(self, size: int) -> list[bytes]:
        numbers = islice(self._numbers, size)
        return [sha256(b"%d" % number).digest() * 9 + b"%012d" % number for number in numbers]
