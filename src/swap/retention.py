"""Retention: everything stored has a class and a date, and a purge that keeps the promise.

What is kept how long follows from what it is for: PIPL art. 19 (the shortest time necessary), art. 47
(delete when the purpose is reached, the term over or consent withdrawn), Network Data Security
Regulations art. 24 (uploads nobody consented to). Each purge of a class leaves one entry that counts and
names nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.errors import ConsentryError
from audit.fact import Fact, Part
from audit.ledger import Ledger
from audit.sessions import Sessions

BATCH = 50
"""What one unit of work deletes: on SQLite nobody else writes meanwhile, and every file costs an fsync."""

PURGED = "Purged"
GONE = "gone"
"""Instead of a class, where the bytes are no more."""


class Kept(StrEnum):
    """Classes of what lies in this room's folders."""

    UNANSWERED = "unanswered-template"
    """Announced, uploaded or scanned, and never decided on."""
    REFUSED = "refused-template"
    WITHDRAWN = "withdrawn-template"
    """Somebody in the picture took her consent back: it can't be published again."""
    PUBLISHED = "published-template"
    """Until the first term of its cast ends, or earlier where somebody allowed fewer days."""
    OUTPUT = "output"
    """The same, of everybody the output rests on."""
    DONOR = "donor-photo"
    WORK = "work-folder"
    DRAFT = "unfinished-file"
    ORPHAN = "orphan-file"
    """Whole, and named by no row: its writer died between file and row."""


AFTER: Mapping[Kept, timedelta] = {
    Kept.UNANSWERED: timedelta(days=14),
    Kept.REFUSED: timedelta(hours=24),
    Kept.WITHDRAWN: timedelta(hours=24),
    Kept.DONOR: timedelta(hours=24),
    Kept.WORK: timedelta(hours=1),
    Kept.DRAFT: timedelta(hours=6),
    Kept.ORPHAN: timedelta(hours=24),
}
"""Where the class alone says how long; the other classes' dates come from what people signed."""


@dataclass(frozen=True, slots=True)
class Purge:
    """One class of what is stored, and how what is due of it goes."""

    retention: str
    """The class, as its entries name it."""
    act: Callable[[Session, datetime], int]
    """Delete at most `BATCH` of what is due by then, files before rows, in the caller's unit of work. How
    many. A crash in between repeats the step: files that are gone already are no error."""
    hourly: bool = False
    """Reads whole folders: not worth doing every minute."""


@dataclass(frozen=True, slots=True)
class Chore:
    """A class whose deletion takes several units of work, and leaves entries of its own."""

    retention: str
    act: Callable[[], int]
    """Delete what is due. How many. A crash in between is gone on from."""
    hourly: bool = False


@dataclass(frozen=True, slots=True)
class Purged:
    """What a run came to."""

    gone: Mapping[str, int]
    """By class, of those of which something went."""
    failed: Mapping[str, str]
    """By class that could not be purged, the code of what went wrong."""


@dataclass(frozen=True, slots=True)
class Purger:
    """All classes of one tenant."""

    sessions: Sessions
    ledger: Ledger
    steps: Sequence[Purge | Chore]
    clock: Callable[[], datetime]

    def run(self, *, whole: bool = True) -> Purged:
        """Delete what is due, class by class, each with its entry in the transaction of its rows.

        Not `whole`: without the hourly ones. A class that fails does not keep the others from going.
        """
        gone: dict[str, int] = {}
        failed: dict[str, str] = {}
        for step in self.steps:
            if step.hourly and not whole:
                continue
            try:
                if count := step.act() if isinstance(step, Chore) else self._purge(step):
                    gone[step.retention] = count
            except ConsentryError as error:
                failed[step.retention] = error.code
        return Purged(gone, failed)

    def _purge(self, step: Purge) -> int:
        total = 0
        while True:
            now = self.clock()
            with self.sessions.write() as session:
                count = step.act(session, now)
                if count:
                    said: dict[str, Json] = {
                        "class": step.retention,
                        "count": count,
                        "at": instant.exact(now),
                    }
                    part = Part.of_tenant(self.ledger.tenant, said)
                    self.ledger.append(session, Fact(PURGED, (part,)), now)
            total += count
            if count < BATCH:
                return total

    def _fact(self, retention: str, count: int, now: datetime) -> Fact:
        said: Mapping[str, Json] = {"class": retention, "count": count, "at": instant.exact(now)}
        return Fact(PURGED, (Part.of_tenant(self.ledger.tenant, said),))
