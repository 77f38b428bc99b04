"""What goes of this room when its date has come: templates, outputs, donor photos, work folders, remains.

Files go inside the unit of work, before its commit: a crash in between leaves rows that are still due and
files that are gone, and the next run ends it. The other way round would forget the files.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from shutil import rmtree

from sqlmodel import Session

from audit import durable
from audit.ledger import Ledger
from swap import filelocks, holdings, library, orders, outputs
from swap.donors import let_go
from swap.draft import sweep
from swap.quarantine import Quarantine
from swap.retention import AFTER, BATCH, Kept, Purge
from swap.store import MediaStore


@dataclass(frozen=True, slots=True)
class Purging:
    """The purges of one tenant's files."""

    ledger: Ledger
    quarantine: Quarantine
    media: MediaStore
    work: Path

    @property
    def steps(self) -> tuple[Purge, ...]:
        """One a class."""
        templates = (Kept.UNANSWERED, Kept.REFUSED, Kept.WITHDRAWN, Kept.PUBLISHED)
        return (
            *(Purge(kept, partial(self._templates, kept)) for kept in templates),
            Purge(Kept.OUTPUT, self._outputs),
            Purge(Kept.DONOR, self._donors),
            Purge(Kept.WORK, self._work, hourly=True),
            Purge(Kept.DRAFT, self._drafts, hourly=True),
            Purge(Kept.ORPHAN, self._orphans, hourly=True),
        )

    def _templates(self, kept: Kept, session: Session, now: datetime) -> int:
        tenant = self.ledger.tenant
        due = holdings.due(session, tenant, kept, now=now, limit=BATCH)
        # Before the question who else needs the bytes: an admission of the same ones waits here.
        filelocks.lock(session, tenant, *(digest for one in due for digest in (one.received, one.media)))
        for one in due:
            library.purged(session, tenant, one.template, now=now)
            if one.received and not holdings.received_needed(session, tenant, one.received):
                self.quarantine.discard(one.received)
            if one.media and not holdings.media_needed(session, tenant, one.media):
                self.media.discard(one.media)
        return len(due)

    def _outputs(self, session: Session, now: datetime) -> int:
        tenant = self.ledger.tenant
        gone = 0
        for output in outputs.due(session, tenant, now=now, limit=BATCH):
            if outputs.withdraw(session, tenant, output.id, now=now):
                self.media.discard(output.digest)
                gone += 1
        return gone

    def _donors(self, session: Session, now: datetime) -> int:
        due = orders.donors_due(session, self.ledger.tenant, now=now, limit=BATCH)
        return sum(let_go(session, self.ledger, self.quarantine, donor, now=now) for donor in due)

    def _work(self, session: Session, now: datetime) -> int:
        before = now - AFTER[Kept.WORK]
        with durable.disk(self.work):
            folders = [each for each in _older(self.work.glob("*"), before) if each.is_dir()]
            idle = [each for each in folders if not orders.at_work(session, self.ledger.tenant, each.name)]
            for folder in idle[:BATCH]:
                rmtree(folder, ignore_errors=True)
        return len([each for each in idle[:BATCH] if not each.exists()])

    def _drafts(self, _session: Session, now: datetime) -> int:
        before = now - AFTER[Kept.DRAFT]
        with durable.disk(self.work):
            brought = sweep(self.work, before=before)
            return brought + self.media.sweep(before=before) + self.quarantine.sweep(before=before)

    def _orphans(self, session: Session, now: datetime) -> int:
        tenant, before = self.ledger.tenant, now - AFTER[Kept.ORPHAN]

        def uploaded(digest: str) -> bool:
            return holdings.received_needed(session, tenant, digest) or orders.photo_needed(
                session, tenant, digest
            )

        def made(digest: str) -> bool:
            return holdings.media_needed(session, tenant, digest) or outputs.file_needed(
                session, tenant, digest
            )

        return self._unnamed(session, self.quarantine, uploaded, before) + self._unnamed(
            session, self.media, made, before
        )

    def _unnamed(
        self,
        session: Session,
        folder: Quarantine | MediaStore,
        needed: Callable[[str], bool],
        before: datetime,
    ) -> int:
        with durable.disk(self.work):
            orphans = (
                digest
                for digest in folder.kept_since(before)
                # Looked at before it is held: a lock for every file that is kept is more than a server has.
                # Held by somebody, it is about to be needed, or gone.
                if not needed(digest)
                and filelocks.try_lock(session, self.ledger.tenant, digest)
                and not needed(digest)
            )
            return sum(folder.discard(digest) for digest in islice(orphans, BATCH // 2))


def _older(paths: Iterable[Path], before: datetime) -> list[Path]:
    return [path for path in paths if path.stat().st_mtime < before.timestamp()]
