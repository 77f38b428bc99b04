"""What the log says, to hold rows against: entries opened for whom they are about, and what followed."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
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
from audit.storage import PosixStorage
from audit.tile import Tile
from consent.case import Case, parse
from consent.seals import Cell
from service.losses import Loss, losses
from service.rowcheck.reading import Read, rows
from service.wiring import Record

FOLLOWED: Final = frozenset(
    {
        "ErasureCompleted", "HoldLapsed", "InjunctionReceived", "JobEnded", "KeysDestroyed", "KinEnded",
        "LegalHoldEnded", "OutputHandedOver", "OutputReleased", "OutputWithdrawn", "PaperEnded",
        "PermitExpired", "PermitVoided", "PetitionAnswered", "PortraitsAdded", "ProtectionEnded",
        "RefusalEnded", "FaceReleaseAsked", "FaceReleased", "RunFinished", "RunStarted", "DutyKeyRetired",
    }
)  # fmt: skip
"""Kinds of entries that change a row which names an earlier one: found by what they refer to."""

NAMED: Final[Mapping[str, str]] = {
    "ApiKeyIssued": "key",
    "ApiKeyRotated": "key",
    "ApiKeyRevoked": "key",
    "AppealAnswered": "appeal",
    "AppealReceived": "appeal",
    "DutyKeyAdopted": "kid",
    "DutyKeyCompromised": "kid",
    "TakedownDecided": "claim",
    "TemplateAdmitted": "template",
    "TemplateScanned": "template",
    "TracksMatched": "template",
}
"""Kinds that no row points at: found by the id that they say."""

_CELLS = frozenset(str(each) for each in Cell)


class Unasked(LookupError):
    """A rule needs an entry that was pruned: what it said nobody knows."""


class Gone(Enum):
    """An entry that nobody opens any more."""

    ERASED = auto()
    PRUNED = auto()


@dataclass(frozen=True, slots=True)
class Told:
    """An entry, opened for one subject."""

    leaf_hash: str
    seq: int
    """The order of writing. Instants are no order: two processes have two clocks."""
    kind: str
    at: datetime
    refs: tuple[str, ...]
    payload: Mapping[str, Json]


@dataclass(frozen=True)
class _Log:
    """What one reading of the log came to, by leaf hash."""

    kinds: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    before: dict[str, str] = field(default_factory=dict)
    """What each entry follows from first."""
    commitments: dict[str, list[str]] = field(default_factory=dict)
    refs: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """Entries of the kinds in `FOLLOWED`, by kind and what they refer to."""
    names: dict[tuple[str, Any], list[str]] = field(default_factory=lambda: defaultdict(list))
    """Entries of the kinds in `NAMED`, by kind and what they name."""

    def take(self, leaf_hash: str, leaf: Leaf) -> None:
        self.kinds[leaf.t].append(leaf_hash)
        self.commitments[leaf_hash] = [part.ct for part in leaf.parts]
        if leaf.ref:
            self.before[leaf_hash] = leaf.ref[0]
        for ref in leaf.ref if leaf.t in FOLLOWED else ():
            self.refs[leaf.t, ref].append(leaf_hash)


@dataclass
class Said:
    """One look at the whole log, and everything it says about rows. In the caller's read session."""

    session: Session
    record: Record
    stray: list[str] = field(default_factory=list)
    """Leaf hashes of rows of the log whose instant is not the sealed one."""
    _tables: dict[str, list[Read]] = field(default_factory=dict)
    _indexes: dict[tuple[str, ...], Mapping[tuple[Any, ...], Sequence[Read]]] = field(default_factory=dict)
    _tiles: dict[Tile, bytes | None] = field(default_factory=dict)
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

    def value(self, read: Read, column: str) -> Any:
        """What a cell says: opened, where it is sealed for whom its row is about.

        Raises `audit.sealing.SealBroken`, `audit.keystore.KeysErased`, `LookupError`.
        """
        found = read.values[column]
        name = f"{read.table}.{column}"
        whose = self._whose(read) if name in _CELLS and found is not None else None
        if whose is None:
            return found
        row = "/".join(str(value) for key, value in read.key.items() if key != "tenant_id")
        return self.record.ledger.cells.open(name, row, whose, found)

    def _whose(self, read: Read) -> str | None:
        """Whom a row with sealed cells is about. Of a licence that is nobody's: None."""
        values = read.values
        if "authorization_id" in read.key:
            values = self.one("signed_authorization", id=values["authorization_id"]).values
        elif read.table == "passkey":
            values = self.one("person_key", key=values["key"]).values
        whose: str | None = values["about" if read.table == "link" else "person_id"]
        return whose

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
        """The same. Raises `Unasked` for what was pruned, `LookupError` for what does not open."""
        told = self.told(leaf_hash, whose)
        if told is Gone.PRUNED:
            raise Unasked(leaf_hash)
        if not isinstance(told, Told):
            raise LookupError(leaf_hash)  # noqa: TRY004  (not a type of argument: nothing is there)
        return told

    def back(self, told: Told, whose: Subject) -> Iterator[Told]:
        """An entry, the one that it refers to first, and so on to the beginning. Raises `LookupError`."""
        yield told
        while told.refs:
            told = self.sure(told.refs[0], whose)
            yield told

    def following(self, kind: str, leaf_hash: str, whose: Subject | None = None) -> list[Told]:
        """Entries of a kind that refer to this one, in order of writing."""
        found = self._log.refs.get((kind, leaf_hash), ())
        return [self.sure(each, whose or self.tenant) for each in found]

    def of(self, kind: str, name: Any) -> list[Told]:
        """Entries of a kind in `NAMED` about this, in order of writing."""
        return [self.sure(each, self.tenant) for each in self._log.names.get((kind, name), ())]

    @cached_property
    def cases(self) -> Mapping[str, Sequence[Case]]:
        """What was decided about each template, and about bytes (by digest as received) before there was one.

        As far as a decision's row is what the log says.
        """
        found: dict[str, list[Case]] = defaultdict(list)
        for one in self.where("decision"):
            try:
                case = parse(one.values["case"])
                sealed = self.sure(one.values["entry"], self.tenant).payload["case"]
            except (ConsentryError, LookupError):
                continue  # its own finding
            about = case.template or (case.source.received_digest if case.source else None)
            if about is not None and sealed == case.digest:
                found[about].append(case)
        return found

    def made(self, kinds: Collection[str]) -> Iterator[str]:
        """Leaf hashes of every entry of these kinds."""
        for kind in sorted(kinds):
            yield from self._log.kinds.get(kind, ())

    def lost(self, leaf_hash: str) -> bool:
        """Whether a recovery read this entry back without what was sealed for it, and without its rows."""
        entry = self.entry(leaf_hash)
        index = None if entry is None else entry.index
        return index is not None and any(one.has(index) for one in self._losses)

    @cached_property
    def _losses(self) -> Sequence[Loss]:
        return losses(self.record.ledger, self.session)

    def followed(self, leaf_hash: str) -> Iterator[str]:
        """An entry, what it follows from, and so on to the first: leaf hashes, as the leaves say."""
        at: str | None = leaf_hash
        while at is not None:
            yield at
            at = self._log.before.get(at)

    @property
    def commitments(self) -> Mapping[str, Sequence[str]]:
        """What each entry commits to, part by part, by leaf hash."""
        return self._log.commitments

    def tile(self, tile: Tile) -> bytes | None:
        """The hashes of a tile as its file has them; None without one."""
        if tile not in self._tiles:
            self._tiles[tile] = PosixStorage(self.record.layout.log).get(tile.path)
        return self._tiles[tile]

    @cached_property
    def _log(self) -> "_Log":
        found = _Log()
        for row in rows(self.session, SQLModel.metadata.tables["log_entry"]):
            if row.damaged or row.values["tenant_id"] != self.tenant.id:
                continue  # its own finding
            leaf_hash: str = row.values["leaf_hash"]
            try:
                leaf = Leaf.parse(row.values["leaf"])
            except ConsentryError:
                continue  # the same
            found.take(leaf_hash, leaf)
            told = self.told(leaf_hash, self.tenant) if leaf.t in NAMED else None
            if isinstance(told, Told):
                found.names[leaf.t, told.payload.get(NAMED[leaf.t])].append(leaf_hash)
        return found

    def _open(self, leaf_hash: str, whose: Subject) -> Told | Gone | None:
        ledger = self.record.ledger
        try:
            entry = self.entry(leaf_hash)
            if entry is None:
                return Gone.PRUNED if self._pruned(leaf_hash) else None
            leaf = Leaf.parse(entry.leaf)
            opened = ledger.openings_in(self.session, entry, whose)
            if opened:
                told = Told(leaf_hash, entry.seq, leaf.t, entry.at, leaf.ref, opened[0].opening.payload)
                self._expect_instant(entry, told)
                return told
            return Gone.ERASED if self.erased(whose) else None
        except (SQLAlchemyError, ConsentryError, ValueError, IndexError):
            return None  # its own row or part is damaged, which is a finding there

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

    def erased(self, whose: Subject) -> bool:
        """Whether what was sealed for a person may be gone, at this moment or since."""
        if whose.kind != "person":
            return False
        try:
            keys = self.record.keystore.get(whose)
        except KeysErased:
            return True
        if keys is None:
            return False
        # Her parts are dropped before her keys go; both may have gone since the moment that the rows are of.
        return (keys.ops is None and not keys.spoilt) or bool(self.where("erasure", person_id=whose.id))
