"""`consentry recover`: after a restored backup, a lost journal or a lost tree head.

What the database lost is not known, so nobody's consent is: every authorization is suspended until
its person confirms it again. What the journal denies stays denied.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path

from sqlmodel import Session

from audit import durable, keyhistory, lease, recovery
from audit.canonical import Json
from audit.fact import Fact, Part
from audit.head import HeadDamaged, HeadFile, TreeHead
from audit.journal import DenyJournal, JournalDamaged, JournalMissing
from audit.keys import Duty, load_private
from audit.note import NoteVerifier
from audit.ownhead import OwnHead
from audit.storage import PosixStorage
from audit.treerows import TreeRows
from consent.withdrawal import Suspended
from service import keydenials, recovering, schema
from service.cosigning import Cosigner
from service.database import Database
from service.endings import Again, Endings
from service.layout import Layout
from service.losses import RECOVERED
from service.recovering import Recovering
from service.settings import Settings
from service.wiring import Record, open_record


class Found(Enum):
    """What lies in a file's place."""

    WHOLE, MISSING, DAMAGED = range(3)


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
    denied: tuple[str, ...]
    """Those that could not be suspended, for their persons' keys do not open: denied for good."""
    keys_ended: tuple[str, ...]
    """Kids of keys that others had, as the deny journal remembers: nothing holds that they signed since."""
    again: Again
    """What else had ended, or was held, and is so again."""
    entry: str
    """Leaf hash of the `Recovered` entry."""


def recover(settings: Settings, now: datetime) -> Recovery:
    """Mend what can be mended, suspend everything, and write it down; or go on where one broke off.

    Until its entry is committed nothing else starts (`service.recovering`). Raises `Unrecoverable`.
    """
    layout = Layout.of(settings)
    under_way = _guard(layout, Recovering.read(layout.recovering) or Recovering())
    under_way = _tree(settings, layout, under_way, now)
    suspended, ended, again, entry = _suspended(settings, layout, under_way, now)
    # Also with a key that others had: it is rotated where a log starts, and this one does not start before.
    record = open_record(settings, clock=lambda: now, ended=True)
    try:
        cosigner = Cosigner.of(record)
        if cosigner is not None:
            # A witness that was ahead may have been so of what was just read back. If it still is, the log
            # of a strict deployment goes on standing still, and this says so.
            cosigner.round()
        record.log.publish(entry, now=now)
    finally:
        record.close()
    tree = under_way.tree
    return Recovery(
        tree.held,
        tree.read_back,
        under_way.journal_replaced,
        under_way.head_replaced,
        suspended.ids,
        suspended.denied,
        ended,
        again,
        entry,
    )


def _guard(layout: Layout, before: Recovering) -> Recovering:
    """A journal and a head that can be read. Damaged ones are put aside, never thrown away."""
    journal, head = _journal(layout.journal), _head(layout.head)
    found = replace(
        before,
        journal_replaced=before.journal_replaced or journal is not Found.WHOLE,
        head_replaced=before.head_replaced or head is not Found.WHOLE,
    )
    if found.journal_replaced or found.head_replaced:
        # Before they are: the next look finds nothing amiss.
        found.put(layout.recovering)
    for path, state in ((layout.journal, journal), (layout.head, head)):
        if state is Found.DAMAGED:
            _aside(path)
    # Of every one that was put aside: who dies before this line finds them there again.
    with durable.disk(layout.journal):
        aside = sorted(layout.journal.parent.glob(f"{layout.journal.name}.damaged-*"))
        damaged = b"\n".join(path.read_bytes() for path in aside if path.is_file())
    DenyJournal.create(layout.journal, damaged)
    return found


def _keys_ended(record: Record, session: Session, size: int, now: datetime) -> tuple[str, ...]:
    """Say again that others had a key, where the journal remembers and the database does not. Their kids."""
    ledger, found = record.ledger, dict[str, int]()
    for one in keyhistory.every(session, ledger):
        since = keydenials.denied(record.journal, one.key.kid, size)
        if since is not None and (one.void_from is None or since < one.void_from):
            keyhistory.compromise(
                session, ledger, one.key.duty, one.key.kid, since=since, by="recover", now=now
            )
            found[one.key.kid] = since
    return tuple(found)


def _journal(path: Path) -> Found:
    try:
        DenyJournal(path).denies("", "")
    except JournalDamaged:
        return Found.DAMAGED
    except JournalMissing:
        return Found.MISSING
    return Found.WHOLE


def _head(path: Path) -> Found:
    try:
        return Found.MISSING if HeadFile(path).read() is None else Found.WHOLE
    except HeadDamaged:
        return Found.DAMAGED


def _tree(settings: Settings, layout: Layout, under_way: Recovering, now: datetime) -> Recovering:
    key = load_private(layout.key(Duty.LOG), Duty.LOG)
    storage, head = PosixStorage(layout.log), HeadFile(layout.head)
    database = Database(settings.database_url)

    def read(session: Session) -> TreeRows:
        return TreeRows(settings.tenant, NoteVerifier(settings.origin, key.verifying), session)

    try:
        schema.check(database)
        with database.write() as session:
            lease.lock(session, settings.tenant)
            rows = read(session)
            under_way = under_way.restored(recovery.restore(rows, storage, head.read(), key, now))
            latest = rows.latest()
            # Before the commit, after which nobody could tell what was read back.
            under_way.put(layout.recovering)
        if latest is not None:
            # After the commit, as publishing does: the head never runs ahead of the database.
            OwnHead(head, database, read).advance(TreeHead(latest.size, latest.root))
    finally:
        database.close()
    return under_way


def _suspended(
    settings: Settings, layout: Layout, under_way: Recovering, now: datetime
) -> tuple[Suspended, tuple[str, ...], Again, str]:
    """Everything suspended, and why, in one commit; then others may start again."""
    # Also with a key that has ended: what mends that starts only after this.
    record = open_record(settings, clock=lambda: now, ended=True, recovering=True)
    try:
        with record.database.write() as session:
            suspended = record.registry.suspend_all(session, now=now)
            ended = _keys_ended(record, session, under_way.tree.held + under_way.tree.read_back, now)
            again = Endings(record.ledger, record.journal, record.entropy).again(session, now)
            entry = under_way.entry
            if not entry or record.ledger.find(session, entry) is None:
                part = Part.of_tenant(settings.tenant, _said(under_way, suspended, ended))
                entry = record.ledger.append(session, Fact(RECOVERED, (part,)), now).leaf_hash
                # Before the commit: who dies after it does not count what was lost twice.
                replace(under_way, entry=entry).put(layout.recovering)
    finally:
        record.close()
    recovering.finished(layout.recovering)
    return suspended, ended, again, entry


def _said(under_way: Recovering, suspended: Suspended, ended: Sequence[str]) -> dict[str, Json]:
    tree = under_way.tree
    return {
        "held": tree.held,
        "read_back": tree.read_back,
        "parts_lost": tree.parts,
        "lost": [list(each) for each in tree.lost],
        "journal_replaced": under_way.journal_replaced,
        "head_replaced": under_way.head_replaced,
        "suspended": len(suspended.ids),
        "denied": len(suspended.denied),
        "keys_ended": list(ended),
    }


def _aside(path: Path) -> None:
    number = 1
    while (other := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.replace(other)
