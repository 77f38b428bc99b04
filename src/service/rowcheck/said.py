"""What the log says, to hold rows against: entries opened for whom they are about, and what followed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from functools import cached_property
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, SQLModel

from audit import instant, prunerows
from audit.canonical import Json
from audit.errors import ConsentryError
from audit.fact import Subject
from audit.keystore import KeysErased
from audit.leaf import Leaf
from audit.ledger import Entry
from consent.case import Case, parse
from service.rowcheck.reading import Read, rows
from service.wiring import Record

FOLLOWED: Final = frozenset(
    {
        "ErasureCompleted", "HoldLapsed", "InjunctionReceived", "JobEnded", "KeysDestroyed", "KinEnded",
        "LegalHoldEnded", "OutputReleased", "OutputWithdrawn", "PaperEnded", "PermitExpired", "PermitVoided",
        "PetitionAnswered", "PortraitsAdded", "ProtectionEnded", "RefusalEnded", "FaceReleaseAsked",
        "FaceReleased", "RunFinished", "RunStarted", "DutyKeyRetired",
    }
)  # fmt: skip
"""Kinds of entries that change a row which names an earlier one: found by what they refer to."""

NAMED: Final[Mapping[str, str]] = {
    "ApiKeyIssued": "key",
    "ApiKeyRotated": "key",
    "ApiKeyRevoked": "key",
    "AppealAnswered": "appeal",
    "AppealReceived": "appeal",
    "DutyKeyCompromised": "kid",
    "TakedownDecided": "claim",
    "TemplateAdmitted": "template",
    "TemplateScanned": "template",
}
"""Kinds that no row points at: found by the id that they say."""


class Gone(Enum):
    """An entry that nobody opens any more."""

    ERASED = auto()
    PRUNED = auto()


@dataclass(frozen=True, slots=True)
class Told:
    """An entry, opened for one subject."""

    leaf_hash: str
    kind: str
    at: datetime
    refs: tuple[str, ...]
    payload: Mapping[str, Json]


@dataclass
class Said:
    """One look at the whole log, and everything it says about rows. In the caller's read session."""

    session: Session
    record: Record
    stray: list[str] = field(default_factory=list)
    """Leaf hashes of rows of the log whose instant is not the sealed one."""
    _tables: dict[str, list[Read]] = field(default_factory=dict)
    _indexes: dict[tuple[str, ...], Mapping[tuple[Any, ...], Sequence[Read]]] = field(default_factory=dict)
    _opened: dict[tuple[str, Subject], Told | Gone | None] = field(default_factory=dict)

    @property
    def tenant(self) -> Subject:
        """Facts about nobody are sealed for it."""
        return Subject("tenant", self.record.ledger.tenant)

    def table(self, name: str) -> list[Read]:
        """The rows of a table, of this tenant or damaged there."""
        if name not in self._tables:
            self._tables[name] = list(rows(self.session, SQLModel.metadata.tables[name]))
        return self._tables[name]

    def where(self, name: str, **values: Any) -> Sequence[Read]:
        """Rows of this tenant with these values, by an index that is made when it is first asked for."""
        which = (name, *values)
        if which not in self._indexes:
            made: dict[tuple[Any, ...], list[Read]] = defaultdict(list)
            for row in self.table(name):
                if row.values.get("tenant_id") == self.tenant.id and row.values.keys() >= values.keys():
                    made[tuple(row.values[column] for column in values)].append(row)
            self._indexes[which] = made
        return self._indexes[which].get(tuple(values.values()), ())

    def one(self, name: str, **values: Any) -> Read:
        """The one row with these values. Raises `LookupError`."""
        found = self.where(name, **values)
        if len(found) != 1:
            raise LookupError(name)
        return found[0]

    def told(self, leaf_hash: str, whose: Subject) -> Told | Gone | None:
        """What an entry says about somebody; None: nothing that opens, or there is no such entry."""
        key = (leaf_hash, whose)
        if key not in self._opened:
            self._opened[key] = self._open(leaf_hash, whose)
        return self._opened[key]

    def entry(self, leaf_hash: str) -> Entry | None:
        """The entry of this hash; None if there is none, or its row can't be read."""
        try:
            return self.record.ledger.find(self.session, leaf_hash)
        except (SQLAlchemyError, ConsentryError, ValueError):
            return None

    def sure(self, leaf_hash: str, whose: Subject) -> Told:
        """The same. Raises `LookupError` for what does not open."""
        told = self.told(leaf_hash, whose)
        if not isinstance(told, Told):
            raise LookupError(leaf_hash)  # noqa: TRY004  (not a type of argument: nothing is there)
        return told

    def following(self, kind: str, leaf_hash: str, whose: Subject | None = None) -> list[Told]:
        """Entries of a kind that refer to this one, in order of writing."""
        found = self._index[0].get((kind, leaf_hash), ())
        return [self.sure(each, whose or self.tenant) for each in found]

    def of(self, kind: str, name: Any) -> list[Told]:
        """Entries of a kind in `NAMED` about this, in order of writing."""
        return [self.sure(each, self.tenant) for each in self._index[1].get((kind, name), ())]

    @cached_property
    def cases(self) -> Mapping[str, Sequence[Case]]:
        """What was decided about each template, as far as a decision's row is what the log says."""
        found: dict[str, list[Case]] = defaultdict(list)
        for one in self.where("decision"):
            try:
                case = parse(one.values["case"])
                sealed = self.sure(one.values["entry"], self.tenant).payload["case"]
            except (ConsentryError, LookupError):
                continue  # its own finding
            if case.template is not None and sealed == case.digest:
                found[case.template].append(case)
        return found

    @cached_property
    def _index(self) -> tuple[dict[tuple[str, str], list[str]], dict[tuple[str, Any], list[str]]]:
        refs: dict[tuple[str, str], list[str]] = defaultdict(list)
        names: dict[tuple[str, Any], list[str]] = defaultdict(list)
        for row in rows(self.session, SQLModel.metadata.tables["log_entry"]):
            if row.damaged or row.values["tenant_id"] != self.tenant.id:
                continue  # its own finding
            leaf_hash: str = row.values["leaf_hash"]
            try:
                leaf = Leaf.parse(row.values["leaf"])
            except ConsentryError:
                continue  # the same
            if leaf.t in FOLLOWED:
                for ref in leaf.ref:
                    refs[leaf.t, ref].append(leaf_hash)
            told = self.told(leaf_hash, self.tenant) if leaf.t in NAMED else None
            if isinstance(told, Told):
                names[leaf.t, told.payload.get(NAMED[leaf.t])].append(leaf_hash)
        return refs, names

    def _open(self, leaf_hash: str, whose: Subject) -> Told | Gone | None:
        ledger = self.record.ledger
        try:
            entry = self.entry(leaf_hash)
            if entry is None:
                return Gone.PRUNED if self._pruned(leaf_hash) else None
            leaf = Leaf.parse(entry.leaf)
            opened = ledger.openings_in(self.session, entry, whose)
            if opened:
                told = Told(leaf_hash, leaf.t, entry.at, leaf.ref, opened[0].opening.payload)
                self._expect_instant(entry, told)
                return told
            return Gone.ERASED if self._erased(whose) else None
        except (SQLAlchemyError, ConsentryError, ValueError):
            return None  # its own row or part is damaged, which `Log.audit` names

    def _expect_instant(self, entry: Entry, told: Told) -> None:
        at = told.payload.get("at")
        if at is not None and at != instant.exact(entry.at):
            self.stray.append(entry.leaf_hash)

    def _pruned(self, leaf_hash: str) -> bool:
        """Whether its hash stands in the tree below the minimum."""
        try:
            return prunerows.pruned(self.session, self.tenant.id, leaf_hash)
        except ValueError:
            return False  # no hash at all

    def _erased(self, whose: Subject) -> bool:
        if whose.kind != "person":
            return False
        try:
            keys = self.record.keystore.get(whose)
        except KeysErased:
            return True
        # Her parts are dropped before her keys go.
        return keys is not None and bool(self.where("erasure", person_id=whose.id))
