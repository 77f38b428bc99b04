"""Every evidence row against what the log says: which table, row and column differs, and which row is gone.

An entry can't be changed unseen, the tree sees to that (`Log.audit`). Rows beside it can: a state, a date,
a document. Here each of their columns is held against the entry, digest or signature that it must equal, or
derived again from the entries. An entry that made a row, and a row that rests on others, say what must be
there. Nothing is mended.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlmodel import Session

from audit.errors import ConsentryError
from audit.fact import Subject
from audit.keystore import KeysErased
from service.rowcheck.of_claims import CLAIMS
from service.rowcheck.of_consent import CONSENT
from service.rowcheck.of_decisions import DECISIONS
from service.rowcheck.of_history import HISTORY
from service.rowcheck.of_log import LOG
from service.rowcheck.of_outputs import OUTPUTS
from service.rowcheck.of_papers import PAPERS
from service.rowcheck.of_people import PEOPLE
from service.rowcheck.of_rights import RIGHTS
from service.rowcheck.of_swaps import SWAPS
from service.rowcheck.reading import Read
from service.rowcheck.rule import Broken, Covered, Row
from service.rowcheck.said import Gone, Said, Told, Unasked
from service.wiring import Record

_ROOMS = (LOG, HISTORY, PEOPLE, CONSENT, DECISIONS, RIGHTS, PAPERS, SWAPS, OUTPUTS, CLAIMS)
Thing = TypeVar("Thing")
COVERED = {one.table: one for room in _ROOMS for one in room}


@dataclass(frozen=True, slots=True)
class Differs:
    """A value that is not what the log says. No value is shown: only where it stands."""

    table: str
    key: str
    """Its primary key but the tenant, as `column=value`: ids and digests, in a few tables a label."""
    column: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A row that the log, or another row, says must be there."""

    table: str
    key: str
    """What tells it from others, as `column=value`; or `entry=` with the leaf hash of what made it."""


@dataclass(frozen=True, slots=True)
class RowsChecked:
    """What a look at the rows came to."""

    rows: int
    differs: tuple[Differs, ...]
    erased: int
    """Rows about somebody whose keys were destroyed, or whose entry was pruned: what it says nobody knows."""
    missing: tuple[Missing, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether every value is what the log says, of those that can still be asked, and no row is gone."""
        return not self.differs and not self.missing


def check(session: Session, record: Record, *, only: Collection[str] = COVERED) -> RowsChecked:
    """Compare the rows of these tables. Reads the whole log once and every row; changes nothing."""
    return compare(Said(session, record), only)


def compare(said: Said, only: Collection[str] = COVERED) -> RowsChecked:
    """The same by a look that was begun."""
    return _Check(said).run(only)


@dataclass(slots=True)
class _Check:
    said: Said
    rows: int = 0
    erased: int = 0
    there: set[str] = field(default_factory=set)
    """Leaf hashes of entries that have a row, of the table at work."""
    missing: dict[Missing, None] = field(default_factory=dict)

    def run(self, only: Collection[str]) -> RowsChecked:
        found = [one for table in COVERED if table in only for one in self._table(COVERED[table])]
        found += [Differs("log_entry", f"leaf_hash={each}", "at") for each in sorted(set(self.said.stray))]
        return RowsChecked(self.rows, tuple(found), self.erased, tuple(self.missing))

    def _table(self, covered: Covered) -> Iterator[Differs]:
        tenants = {row.values.get("tenant_id") for row in self.said.table("log_lease")}
        tenants.add(self.said.tenant.id)
        self.there.clear()
        for read in self.said.table(covered.table):
            tenant = read.values.get("tenant_id")
            if tenant not in tenants:
                yield _differs(read, "tenant_id")
            elif tenant == self.said.tenant.id:
                self.rows += 1
                yield from self._row(covered, read)
        for leaf_hash in self.said.made(covered.makes):
            if leaf_hash not in self.there and not self.said.lost(leaf_hash):
                self.missing[Missing(covered.table, f"entry={leaf_hash}")] = None

    def _row(self, covered: Covered, read: Read) -> Iterator[Differs]:
        yield from (_differs(read, column) for column in sorted(read.damaged))
        row = Row(read, self.said, None)
        if covered.makes:
            self.there.update(_all_of(covered.made or _entry_of(covered), row))
        if not covered.alone:
            try:
                blamed, told = self._entry(covered, row)
            except Broken:
                return  # it is a finding already that the way to the entry is damaged
            if isinstance(told, Gone):
                self.erased += 1
                return
            if blamed is not None or told is None:
                yield _differs(read, blamed or covered.entry)
                return
            row = Row(read, self.said, told)
        for column, rule in covered.rules.items():
            if column not in read.damaged and not _holds(rule, row, column):
                yield _differs(read, column)
        for owed in _all_of(covered.owes, row) if covered.owes else ():
            if len(self.said.where(owed.table, **owed.values)) < owed.count:
                self.missing[Missing(owed.table, _shown(owed.values))] = None

    def _entry(self, covered: Covered, row: Row) -> tuple[str | None, Any]:
        """The column to blame if there is no entry, or the entry."""
        whose = self.said.tenant
        try:
            if covered.whose is not None:
                whose = covered.whose(row)
            elif covered.person is not None:
                whose = Subject("person", row[covered.person])
            if covered.find is not None:
                told = covered.find(row)
            else:
                told = self.said.told(row[covered.entry], whose)
                if told is None and covered.unsealable:
                    told = self.said.told(row[covered.entry], self.said.tenant)
                there = self.said.entry(row[covered.entry])
                if told is None and there is not None:
                    # It is about somebody else, or of a key that is not hers.
                    return covered.person or covered.leads or covered.entry, None
        except Broken:
            raise
        except Unasked:
            return None, Gone.PRUNED
        except (ConsentryError, LookupError, ValueError, TypeError):
            return covered.leads or covered.entry, None
        if isinstance(told, Told) and covered.kinds and told.kind not in covered.kinds:
            return covered.entry, None
        return None, told


def _holds(rule: Any, row: Row, column: str) -> bool:
    try:
        value = row.said.value(row.read, column)
        return bool(rule(row, value))
    except (Broken, KeysErased, Unasked):
        return True  # what it needs is damaged, and named; or erased or pruned, and nobody can ask
    except Exception:  # noqa: BLE001  (a damaged value may break any parser in any way: that is the finding)
        return False


def _entry_of(covered: Covered) -> Callable[[Row], Iterable[str]]:
    return lambda row: (row[covered.entry],)


def _all_of(named: Callable[[Row], Iterable[Thing]], row: Row) -> Sequence[Thing]:
    try:
        return list(named(row))
    except Exception:  # noqa: BLE001  (the same: what is damaged names nothing, and is a finding itself)
        return ()


def _differs(read: Read, column: str) -> Differs:
    shown = {name: value for name, value in read.key.items() if name != "tenant_id"}
    return Differs(read.table, _shown(shown), column)


def _shown(key: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in key.items())
