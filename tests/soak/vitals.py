"""What processes take of the machine while they live: memory, threads, descriptors; and their folders."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from soak.town import Town

MIB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


class Sample(NamedTuple):
    """One look at one run of a process."""

    at: float
    """Seconds since the soak began."""
    name: str
    start: int
    """Which run of it."""
    age: float
    """Seconds since this run was at work."""
    rss: float
    """MiB."""
    threads: int
    files: int
    cpu: float
    """Seconds, of all threads, without what ended children took."""


@dataclass(slots=True)
class Vitals:
    """All samples, and what lay in the folders that are for passing things."""

    samples: list[Sample] = field(default_factory=list)
    folders: list[tuple[float, Mapping[str, int]]] = field(default_factory=list)

    def of(self, name: str, start: int | None = None) -> Sequence[Sample]:
        """Samples of the last run of a process, or of one of its runs."""
        mine = [one for one in self.samples if one.name == name]
        which = start if start is not None else max((one.start for one in mine), default=0)
        return [one for one in mine if one.start == which]

    async def taken(self, town: Town, begun: float, every: float) -> None:
        """Sample until cancelled."""
        while True:
            now = time.monotonic()
            for each in town.processes:
                pid = each.pid
                seen = None if pid is None else look(pid)
                if seen is not None:
                    self.samples.append(Sample(now - begun, each.name, each.starts, each.age, *seen))
            self.folders.append((now - begun, passing(town)))
            await asyncio.sleep(every)


def look(pid: int) -> tuple[float, int, int, float] | None:
    """Resident MiB, threads, descriptors and CPU seconds of a process; None: it is gone."""
    proc = Path(f"/proc/{pid}")
    try:
        pages = int((proc / "statm").read_text().split()[1])
        stat = (proc / "stat").read_text().rpartition(")")[2].split()
        files = sum(1 for _ in (proc / "fd").iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return pages * PAGE / MIB, int(stat[17]), files, (int(stat[11]) + int(stat[12])) / TICK


def passing(town: Town) -> Mapping[str, int]:
    """Files in the folders where nothing is to stay."""
    data = town.shell.data
    places = {"work": data / "work", "uploads": data / "uploads", "tmp": town.scratch}
    places |= {"quarantine": data / "quarantine", "media": data / "media"}
    return {name: _files(place) for name, place in places.items()}


def _files(place: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(place))


@dataclass(frozen=True, slots=True)
class Trend:
    """How a number moved: a straight line through the samples, by least squares."""

    first: float
    last: float
    per_minute: float
    minutes: float

    @property
    def growth(self) -> float:
        """What was added over the whole time, as a part of what there was at its beginning."""
        return self.per_minute * self.minutes / self.first if self.first else 0.0


def trend(points: Sequence[tuple[float, float]]) -> Trend:
    """Of (second, value); at least two."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    begin, end = points[0][0], points[-1][0]
    return Trend(
        mean_y + slope * (begin - mean_x), mean_y + slope * (end - mean_x), slope * 60, (end - begin) / 60
    )


WARM_SECONDS = 90.0
"""Once it is up a process still loads and fills what it keeps: pools, caches, threads, each way it can go."""


def drifts(vitals: Vitals, since: float) -> Mapping[str, Mapping[str, Trend]]:
    """By process: how memory, threads and descriptors of its last run moved, from `since` on and once warm.

    A process of which there are fewer than six such samples is left out.
    """
    found = {}
    for name in sorted({one.name for one in vitals.samples}):
        warm = [one for one in vitals.of(name) if one.at >= since and one.age >= WARM_SECONDS]
        if len(warm) >= 6:
            found[name] = {
                "rss": trend([(one.at, one.rss) for one in warm]),
                "threads": trend([(one.at, one.threads) for one in warm]),
                "files": trend([(one.at, one.files) for one in warm]),
            }
    return found
