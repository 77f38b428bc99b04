"""`consentry recover`: after a restored backup, a lost journal or a lost tree head.

What the database lost is not known, so nobody's consent is: every authorization is suspended until
its person confirms it again. What the journal denies stays denied.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audit import files, lease, recovery
from audit.canonical import Json
from audit.fact import Fact, Part, Seal, Subject
from audit.head import HeadDamaged, HeadFile, TreeHead
from audit.journal import DenyJournal, JournalDamaged, JournalMissing
from audit.keys import Duty, load_private
from audit.note import NoteVerifier
from audit.storage import PosixStorage
from audit.treerows import TreeRows
from service import schema
from service.cosigning import Cosigner
from service.database import Database
from service.layout import Layout
from service.losses import RECOVERED
from service.settings import Settings
from service.wiring import open_record


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery found and did."""

    held: int
    """Log entries the database still had."""
    read_back: int
    """Entries read back from the published files; what they sealed is lost."""
    journal_replaced: bool
    head_replaced: bool
    suspended: tuple[str, ...]
    """Authorizations that wait for their persons."""
    entry: str
    """Leaf hash of the `Recovered` entry."""


def recover(settings: Settings, now: datetime) -> Recovery:
    """Mend what can be mended, suspend everything, and write it down. Raises `Unrecoverable`."""
    layout = Layout.of(settings)
    journal_replaced = _journal(layout.journal)
    head_replaced = _head(layout.head)
    restored = _tree(settings, layout, now)
    record = open_record(settings, clock=lambda: now)
    try:
        with record.database.write() as session:
            suspended = record.registry.suspend_all(session, now=now)
            payload: dict[str, Json] = {
                "held": restored.held,
                "read_back": restored.read_back,
                "parts_lost": restored.parts,
                "lost": [list(each) for each in restored.lost],
                "journal_replaced": journal_replaced,
                "head_replaced": head_replaced,
                "suspended": len(suspended),
            }
            part = Part(Subject("tenant", settings.tenant), Seal.EVID, payload)
            entry = record.ledger.append(session, Fact(RECOVERED, (part,)), now)
        cosigner = Cosigner.of(record)
        if cosigner is not None:
            # A witness that was ahead may have been so of what was just read back. If it still is, the log
            # of a strict deployment goes on standing still, and this says so.
            cosigner.round()
        record.log.publish(entry.leaf_hash, now=now)
    finally:
        record.close()
    return Recovery(
        restored.held, restored.read_back, journal_replaced, head_replaced, suspended, entry.leaf_hash
    )


def _journal(path: Path) -> bool:
    """A journal that can be read; a damaged one is put aside, never thrown away."""
    try:
        DenyJournal(path).denies("", "")
    except JournalDamaged:
        _aside(path)
    except JournalMissing:
        pass
    else:
        return False
    DenyJournal.create(path)
    return True


def _head(path: Path) -> bool:
    try:
        return HeadFile(path).read() is None
    except HeadDamaged:
        _aside(path)
        return True


def _tree(settings: Settings, layout: Layout, now: datetime) -> recovery.Restored:
    key = load_private(layout.key(Duty.LOG), Duty.LOG)
    storage, head = PosixStorage(layout.log), HeadFile(layout.head)
    database = Database(settings.database_url)
    try:
        schema.check(database)
        with database.write() as session:
            lease.lock(session, settings.tenant)
            rows = TreeRows(settings.tenant, NoteVerifier(settings.origin, key.verifying), session)
            restored = recovery.restore(rows, storage, head.read(), key, now)
            latest = rows.latest()
        if latest is not None:
            # After the commit, as publishing does: the head never runs ahead of the database.
            files.advance(head, TreeHead(latest.size, latest.root))
    finally:
        database.close()
    return restored


def _aside(path: Path) -> None:
    number = 1
    while (other := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.replace(other)
