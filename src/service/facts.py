"""How a deployment is, as facts of one moment. What is wrong among them is judged in `service.alarms`."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Self, TypedDict, TypeVar

from sqlmodel import Session

from audit import certificate, durable, keydb, ledger, treerows
from audit.errors import ConsentryError
from audit.journal import DenyJournal
from audit.keydb import Damage
from audit.keystore import KeyStore
from audit.note import NoteVerifier
from audit.stamprows import StampRows
from audit.treerows import Standing, TreeRows
from audit.witnessing import Witnessing
from consent import docket, erasures, petitions
from consent.petitions import Waiting
from service.authorities import Authorities, open_authorities
from service.database import Database
from service.layout import Layout
from service.settings import Mode, Settings
from service.trusting import open_witnesses
from swap import appeals, claims, duties, orders, slots
from swap.duties import Backlog
from swap.orders import Unfinished

Thing = TypeVar("Thing")

SOON = timedelta(hours=24)
"""How long before its date a hold is about to lapse."""

Watched = tuple[Witnessing, NoteVerifier]
"""A log's witnesses, and its own key."""
_ANY_SIZE = 2**62

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
    witnessed: int | None = None
    """Entries under the last checkpoint that a quorum of witnesses saw; None where none is asked."""
    unwitnessed_since: datetime | None = None
    """When the first checkpoint after that was signed."""
    erasing: int = 0
    """Erasures that are due and not at their end; those that a legal hold keeps are not."""
    erasing_since: datetime | None = None
    """When the first of them was."""
    stamps_due: Mapping[str, datetime | None] | None = None
    """Since when a time stamp is due, by authority; None where none is asked, or none is due."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How it is at `now`. What could not be looked at is None."""

    now: datetime
    free: Mapping[str, int]
    """Bytes free, by the name of a data folder."""
    demo: bool = False
    rows: Rows | None = None
    database: str | None = None
    """Why there are no rows, or none can be written, as an error's code; empty when they can."""
    journal: str | None = None
    """Why the deny journal can't be read, as an error's code; empty when it can."""
    certificate: str | None = None
    """Why the C2PA chain can't be read, as an error's code; empty when it can."""
    certificate_ends: datetime | None = None
    ahead: Mapping[str, str] | None = None
    """Witnesses that have seen more than we have, and what was found; None where none is asked."""
    unfit: Mapping[str, str] | None = None
    """Time stamp authorities whose last answer did not hold, and why; None where none is asked."""
    strict: bool = False
    """Whether permits wait for a quorum of witnesses."""
    damage: Damage | None = None
    """Wrapped keys that do not open; None where the key store can't be read."""


def rows(
    database: Database,
    tenant: str,
    now: datetime,
    witnesses: Watched | None = None,
    authorities: Authorities | None = None,
) -> Rows:
    """Ask the database. Costs what is open, waits and is unfinished, not what ever was."""
    with database.read() as session:
        # As whoever begins to write does: a database of another shape, or one being upgraded, says so.
        database.allows(session.connection())
        requests, appealed = claims.next_due(session, tenant), appeals.next_due(session, tenant)
        due = [at for _, at in (requests, appealed) if at is not None]
        erasing, erasing_since = erasures.standing(session, tenant, now=now)
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
            erasing=erasing,
            erasing_since=erasing_since,
            **_witnessed(session, tenant, witnesses),
            stamps_due=_stamps_due(session, tenant, authorities),
        )


class _Seen(TypedDict, total=False):
    witnessed: int
    unwitnessed_since: datetime | None


def _witnessed(session: Session, tenant: str, watched: Watched | None) -> _Seen:
    if watched is None:
        return {}
    witnessing, log = watched
    seen = witnessing.newest(TreeRows(tenant, log, session), _ANY_SIZE)
    size = 0 if seen is None else seen.size
    return {"witnessed": size, "unwitnessed_since": treerows.signed_after(session, tenant, size)}


def _stamps_due(
    session: Session, tenant: str, authorities: Authorities | None
) -> Mapping[str, datetime | None] | None:
    if authorities is None:
        return None
    found: dict[str, datetime | None] = {}
    for name in authorities.urls:
        last = StampRows(tenant, session).last(name)
        grew = treerows.signed_after(session, tenant, last.size if last else 0)
        found[name] = max(grew, last.at + authorities.every) if grew and last else grew
    return found


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
    witnesses: Watched | None = None
    authorities: Authorities | None = None
    keystore: KeyStore | None = None
    _lock: Lock = field(default_factory=Lock)
    _last: Facts | None = None

    @classmethod
    def of(
        cls,
        settings: Settings,
        database: Database,
        journal: DenyJournal,
        clock: Callable[[], datetime],
        keystore: KeyStore | None = None,
    ) -> Self:
        """Over what a process has opened: a `Record` has all of it."""
        demo = settings.mode is Mode.DEMO
        watched = _tried(lambda: _watched(settings))[0]
        stamps = _tried(lambda: open_authorities(settings))[0]
        layout = Layout.of(settings)
        return cls(layout, settings.tenant, demo, database, journal, clock, watched, stamps, keystore)

    def facts(self) -> Facts:
        """How it is now, or was a moment ago. Never raises: what can't be looked at is a fact too."""
        with self._lock:
            now = self.clock()
            if self._last is None or not timedelta() <= now - self._last.now < FRESH:
                self._last = self._look(now)
            return self._last

    def _look(self, now: datetime) -> Facts:
        layout = self.layout
        stamps = self.authorities
        found, database = _tried(lambda: rows(self.database, self.tenant, now, self.witnesses, stamps))
        ends, chain = _tried(lambda: certificate.ends(layout.chain))
        witnessing = self.witnesses[0] if self.witnesses else None
        ahead, _ = _tried(lambda: witnessing.ahead() if witnessing else None)
        unfit, _ = _tried(lambda: stamps.unfit() if stamps else None)
        _, journal = _tried(lambda: self.journal.denies("", ""))
        return Facts(
            now=now,
            demo=self.demo,
            rows=found,
            database=database or self.database.fault or (self.keystore.fault if self.keystore else ""),
            journal=journal,
            certificate=chain,
            certificate_ends=ends,
            free=free(layout.folders),
            ahead=ahead,
            unfit=unfit,
            strict=witnessing is not None and witnessing.strict,
            damage=_tried(lambda: keydb.damage(layout.keystore, self.tenant, now))[0],
        )


def _watched(settings: Settings) -> Watched | None:
    if settings.witnesses is None:
        return None
    path = Layout.of(settings).vkey
    with durable.disk(path):
        log = NoteVerifier.parse(path.read_text())
    witnessing = open_witnesses(settings, log)
    return None if witnessing is None else (witnessing, log)


def _tried(look: Callable[[], Thing]) -> tuple[Thing | None, str]:
    try:
        return look(), ""
    except ConsentryError as error:
        return None, error.code
