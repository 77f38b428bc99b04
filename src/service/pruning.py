"""The log pruned by retention: what the law leaves no choice about, how far it goes now, and doing it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from audit import adopted, files, keyhistory, pruneplan, prunerows
from audit.errors import BadInput
from audit.fact import Subject
from audit.leaf import Leaf
from audit.log import EntryUnpublished
from audit.pruned import Pruned, Totals
from audit.pruneplan import Plan
from audit.pruning import Pruner
from audit.storage import PosixStorage
from audit.treerows import standing
from consent.erasures import COMPLETED
from service.losses import RECOVERED
from service.needed import needs
from service.wiring import Record

LEAST_DAYS = 184
"""Six months: EU AI Act arts. 19, 26(6)."""


class LogRetentionShort(BadInput):
    """The log would be pruned of what the law still asks for."""

    code = "LOG_RETENTION_SHORT"
    zh = "日志保存期限短于法律要求。"
    hint = "Name an earlier date, or more days in `log_retention`: the message says how many at least."
    hint_zh = "请指定更早的日期，或增大 `log_retention`；最短天数见消息。"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long entries are kept at least, and on what ground."""

    days: int
    ground: str

    def latest(self, now: datetime) -> datetime:
        """What was written before this instant may go, if nothing needs it."""
        return now - timedelta(days=self.days)


def least(record: Record) -> Retention:
    """The strictest of the packs in use, and six months at least."""
    law = record.law
    pack, stated = law.stated["evidence_days"]
    if law["evidence_days"] > LEAST_DAYS:
        return Retention(law["evidence_days"], f"{pack}: {stated.citation}")
    return Retention(LEAST_DAYS, "EU AI Act arts. 19, 26(6)")


def plan(record: Record, before: datetime) -> Plan:
    """How far the log may be pruned of what was written before an instant. Changes nothing.

    Raises `LogRetentionShort`.
    """
    floor, now = least(record), record.clock()
    if before > floor.latest(now):
        raise LogRetentionShort(
            f"entries are kept for {floor.days} days at least ({floor.ground}): "
            f"before {floor.latest(now):%Y-%m-%d}"
        )
    shown = files.current(PosixStorage(record.layout.log), record.log.verifier)
    tenant = record.settings.tenant
    with record.database.read() as session:
        return pruneplan.plan(
            session,
            tenant,
            needs(session, record, before),
            before=before,
            shown=0 if shown is None else shown.size,
            size=standing(session, tenant).size,
        )


def prune(record: Record, made: Plan) -> Pruned | None:
    """Carry out a plan that was made a moment ago; None if nothing of it may go (any more).

    Raises `audit.pruning.PruningUnderWay`, and what `finish` raises: what was begun is gone on with.
    """
    if not made.entries:
        return None
    tenant, now = record.settings.tenant, record.clock()
    _restate(record, made.before)
    with record.database.read() as session:
        counted, last = pruneplan.totals(
            session, tenant, made, lambda session, leaf, name: _counted(record, session, leaf, name)
        )
    if last is None:
        return None
    with record.database.write() as session:
        fresh = needs(session, record, made.before)
        begun = _pruner(record).begin(session, made, fresh, counted, last, now=now)
    return None if begun is None else finish(record)


def finish(record: Record) -> Pruned | None:
    """Go on with what was begun and is not done. In strict mode it waits for the witnesses.

    Raises `audit.log.EntryUnpublished` until a quorum saw what is to go, and what publishing raises.
    """
    return _pruner(record).finish(record.clock())


def due(record: Record) -> int:
    """Finish what was begun; then prune what `log_retention` says, where it is set. How many entries went.

    Raises `LogRetentionShort` for a setting that the law in use does not allow.
    """
    before = _minimum(record)
    try:
        finish(record)
    except EntryUnpublished:
        return 0  # Not an error: the witnesses have not answered yet.
    days = record.settings.log_retention
    if days is not None:
        made = plan(record, record.clock() - timedelta(days=days))
        try:
            prune(record, made)
        except EntryUnpublished:
            return 0
    return _minimum(record) - before


def _restate(record: Record, before: datetime) -> None:
    """What is in use since then is said again first: the plan reckons with it."""
    ledger, now = record.ledger, record.clock()
    with record.database.write() as session:
        keyhistory.restate(session, ledger, before, now)
        for kind in (adopted.MODELS, adopted.SETTINGS):
            adopted.restate(session, ledger, kind, before, now)


def _minimum(record: Record) -> int:
    with record.database.read() as session:
        return prunerows.minimum(session, record.settings.tenant)


def _pruner(record: Record) -> Pruner:
    return Pruner(record.database, record.ledger, record.log, PosixStorage(record.layout.log))


def _counted(record: Record, session: Session, leaf: Leaf, name: str) -> Totals:
    """What an entry that goes had counted: its audit reads the count on, and not the entry."""
    counts = {COMPLETED: "parts", RECOVERED: "parts_lost"}
    if leaf.t not in counts:
        return Totals()
    said = record.ledger.opened(session, name, Subject("tenant", record.settings.tenant)) or {}
    count = said.get(counts[leaf.t])
    if not isinstance(count, int):
        return Totals()
    return Totals(erased=count) if leaf.t == COMPLETED else Totals(lost=count)
