"""How a deployment is, as facts of one moment. What is wrong among them is judged in `service.alarms`."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Self, TypeVar

from audit import certificate, ledger, treerows
from audit.errors import ConsentryError
from audit.journal import DenyJournal
from audit.treerows import Standing
from consent import docket, petitions
from consent.petitions import Waiting
from service.database import Database
from service.layout import Layout
from service.settings import Mode, Settings
from swap import appeals, claims, duties, orders, slots
from swap.duties import Backlog
from swap.orders import Unfinished

Thing = TypeVar("Thing")

SOON = timedelta(hours=24)
"""How long before its date a hold is about to lapse."""

FRESH = timedelta(seconds=1)
"""How old an answer of `Lookout` may be: a probe and a scrape at once ask the database once."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the database says, in one transaction."""

    log: Standing
    last_entry: datetime | None
    duties: Sequence[Backlog]
    jobs: Sequence[Unfinished]
    holds: int
    lapsing: int
    """Open holds whose date comes within `SOON`, or has come."""
    unanswered: int
    """Takedown requests and appeals that wait for an answer."""
    answer_by: datetime | None
    """When the first of them must have it."""
    workers: int
    """Slots held by a live process."""
    last_beat: datetime | None
    petitions: Waiting = field(default_factory=lambda: Waiting(0, 0, None))
    """What people asked about their data and nobody has answered."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How it is at `now`. What could not be looked at is None."""

    now: datetime
    free: Mapping[str, int]
    """Bytes free, by the name of a data folder."""
    demo: bool = False
    rows: Rows | None = None
    database: str | None = None
    """Why there are no rows, as an error's code; empty when there are."""
    journal: str | None = None
    """Why the deny journal can't be read, as an error's code; empty when it can."""
    certificate: str | None = None
    """Why the C2PA chain can't be read, as an error's code; empty when it can."""
    certificate_ends: datetime | None = None


def rows(database: Database, tenant: str, now: datetime) -> Rows:
    """Ask the database. Costs what is open, waits and is unfinished, not what ever was."""
    with database.read() as session:
        # As whoever begins to write does: a database of another shape, or one being upgraded, says so.
        database.allows(session.connection())
        requests, appealed = claims.next_due(session, tenant), appeals.next_due(session, tenant)
        due = [at for _, at in (requests, appealed) if at is not None]
        holds, lapsing = docket.open_holds(session, tenant, until=now + SOON)
        return Rows(
            log=treerows.standing(session, tenant),
            last_entry=ledger.last_instant(session, tenant),
            duties=duties.backlog(session, tenant),
            jobs=orders.unfinished(session, tenant),
            holds=holds,
            lapsing=lapsing,
            unanswered=requests[0] + appealed[0],
            answer_by=min(due, default=None),
            workers=slots.live(session, tenant, now=now),
            last_beat=slots.last_beat(session, tenant),
            petitions=petitions.waiting(session, tenant, now=now),
        )


def free(folders: Mapping[str, Path]) -> Mapping[str, int]:
    """Bytes free on the disks that these folders are on, or will be."""
    found = {}
    for name, folder in folders.items():
        there = next(each for each in (folder, *folder.parents) if each.is_dir())
        found[name] = shutil.disk_usage(there).free
    return found


@dataclass(slots=True)
class Lookout:
    """Looks at a running deployment. For many threads."""

    layout: Layout
    tenant: str
    demo: bool
    database: Database
    journal: DenyJournal
    clock: Callable[[], datetime]
    _lock: Lock = field(default_factory=Lock)
    _last: Facts | None = None

    @classmethod
    def of(
        cls, settings: Settings, database: Database, journal: DenyJournal, clock: Callable[[], datetime]
    ) -> Self:
        """Over what a process has opened: a `Record` has all four."""
        demo = settings.mode is Mode.DEMO
        return cls(Layout.of(settings), settings.tenant, demo, database, journal, clock)

    def facts(self) -> Facts:
        """How it is now, or was a moment ago. Never raises: what can't be looked at is a fact too."""
        with self._lock:
            now = self.clock()
            if self._last is None or not timedelta() <= now - self._last.now < FRESH:
                self._last = self._look(now)
            return self._last

    def _look(self, now: datetime) -> Facts:
        layout = self.layout
        found, database = _tried(lambda: rows(self.database, self.tenant, now))
        ends, chain = _tried(lambda: certificate.ends(layout.chain))
        _, journal = _tried(lambda: self.journal.denies("", ""))
        return Facts(
            now=now,
            demo=self.demo,
            rows=found,
            database=database or self.database.fault,
            journal=journal,
            certificate=chain,
            certificate_ends=ends,
            free=free(layout.folders),
        )


def _tried(look: Callable[[], Thing]) -> tuple[Thing | None, str]:
    try:
        return look(), ""
    except ConsentryError as error:
        return None, error.code
