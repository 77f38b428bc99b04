"""Entries in, entries found. An entry is written in the transaction of the fact it records.

So state and log can't disagree: both commit, or neither. A place in the tree comes later, from
`audit.log`. If the process dies in between, the entry is there and waits.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    RowMapping,
    Table,
    bindparam,
    delete,
    func,
    select,
    union_all,
)
from sqlmodel import Session

from audit import entryrows, instant, tree
from audit.canonical import Json
from audit.cells import Cells
from audit.entryrows import NewEntry
from audit.fact import Fact, Part, Seal, Subject
from audit.ids import Entropy, fresh
from audit.keystore import KeysErased, KeyStore
from audit.kms import KekMismatch
from audit.leaf import Leaf, LeafMalformed
from audit.sealing import Opening, Sealed, handle, seal, unseal
from audit.tables import EntryRow, SealedRow

_ENTRY = cast(Table, EntryRow.__table__)  # type: ignore[attr-defined]
_SEALED = cast(Table, SealedRow.__table__)  # type: ignore[attr-defined]
_PAGE = 1000

# Two lookups by index instead of one over the whole table: those that wait, and the last placed.
# Built once: putting a statement together costs more than running it, and every decision asks this.
_HERE = _ENTRY.c.tenant_id == bindparam("tenant")
_PLACED = (
    select(_ENTRY.c.at)
    .where(_HERE, _ENTRY.c.idx.is_not(None))
    .order_by(_ENTRY.c.idx.desc())
    .limit(1)
    .subquery()
)
_NEWEST = union_all(select(_ENTRY.c.at).where(_HERE, _ENTRY.c.idx.is_(None)), select(_PLACED.c.at)).subquery()
# Decisions rest on entries: composing a statement costs as much as running it.
_FIND = select(_ENTRY).where(
    _ENTRY.c.tenant_id == bindparam("tenant"), _ENTRY.c.leaf_hash == bindparam("leaf_hash")
)
_PARTS = (
    select(_SEALED.c.part, _SEALED.c.seal, _SEALED.c.ciphertext)
    .where(_SEALED.c.tenant_id == bindparam("tenant"), _SEALED.c.leaf_hash == bindparam("leaf_hash"))
    .order_by(_SEALED.c.seal, _SEALED.c.part)
)
_SEALS = select(_SEALED.c.part).where(
    _SEALED.c.tenant_id == bindparam("tenant"),
    _SEALED.c.leaf_hash == bindparam("leaf_hash"),
    _SEALED.c.seal.in_(bindparam("seals", expanding=True)),
)
_DROP = delete(_SEALED).where(
    _SEALED.c.tenant_id == bindparam("tenant"),
    _SEALED.c.leaf_hash == bindparam("leaf_hash"),
    _SEALED.c.part == bindparam("part"),
)
_LAST_INSTANT = select(func.max(_NEWEST.c.at))
_RUN = (_HERE, _ENTRY.c.idx >= bindparam("begin"), _ENTRY.c.idx < bindparam("end"))
_PLACES = select(_ENTRY).where(*_RUN).order_by(_ENTRY.c.idx)
_COUNTS = (
    select(_SEALED.c.leaf_hash, func.count())
    .join(_ENTRY, (_ENTRY.c.tenant_id == _SEALED.c.tenant_id) & (_ENTRY.c.leaf_hash == _SEALED.c.leaf_hash))
    .where(*_RUN)
    .group_by(_SEALED.c.leaf_hash)
)
_REST = (
    select(_ENTRY)
    .where(_HERE, (_ENTRY.c.idx.is_(None)) | (_ENTRY.c.idx >= bindparam("size")))
    .order_by(_ENTRY.c.seq)
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact as the log keeps it."""

    seq: int
    """Order of writing in this database: gaps, never shown to anybody. Not the place in the tree."""

    eid: str
    leaf: bytes
    leaf_hash: str
    at: datetime
    index: int | None = None
    """The place in the tree; None while it waits for one."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One part of an entry, opened: `part` is its position in the leaf."""

    part: int
    seal: Seal
    opening: Opening


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with its place in the tree."""

    index: int
    entry: Entry
    kept: int
    """How many of its parts still have what was sealed: the others were erased, or lost."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one part is sealed."""

    seq: int
    leaf_hash: str
    part: int


Heard = Callable[[Session, Fact, Entry], None]
"""Is told of each appended fact in its transaction: to write what others are owed because of it."""


def newest() -> ColumnElement[datetime | None]:
    """As `last_instant`, of the tenant bound as `tenant`. A part of a statement."""
    return _LAST_INSTANT.scalar_subquery()


def last_instant(session: Session, tenant: str) -> datetime | None:
    """`Ledger.last_instant`, for who has no key store."""
    newest = session.connection().execute(_LAST_INSTANT, {"tenant": tenant}).scalar()
    return cast(datetime | None, newest)


class Ledger:
    """Writes and reads one tenant's entries. For many threads; state is the key store's only."""

    def __init__(self, tenant: str, keystore: KeyStore, entropy: Entropy, *heard: Heard) -> None:
        if keystore.tenant != tenant:
            raise KekMismatch(f"the key store of tenant {keystore.tenant}, the ledger of {tenant}")
        self.tenant = tenant
        self._keystore = keystore
        self._entropy = entropy
        self._heard = heard
        self.cells = Cells(keystore, entropy)

    def append(self, session: Session, fact: Fact, now: datetime) -> Entry:
        """Write `fact` in the caller's transaction, which commits it together with what it records.

        Raises as `prepare`.
        """
        entry = self.write(session, self.prepare(fact, now))
        for hears in self._heard:
            hears(session, fact, entry)
        return entry

    def prepare(self, fact: Fact, now: datetime) -> NewEntry:
        """The entry of `fact`, not written yet: for rows that name it and must be there before it.

        Raises `LeafMalformed` or `audit.canonical.NotCanonical` for a fact that can't be written,
        and whatever `KeyStore.get_or_create` raises.
        """
        parts = [self._sealable(part) for part in fact.parts]
        if len({(part.subject, part.seal) for part in parts}) != len(parts):
            raise LeafMalformed("one subject, one seal, one part")
        eid = fresh(self._entropy)
        # Keys first, and durable: they are in another file, which this transaction does not cover.
        # Dying after leaves keys without entries (swept), never entries without keys (lost).
        sealed = sorted(
            (
                (self._seal(part.payload, part.subject, part.seal, eid, fact.kind), part.seal)
                for part in parts
            ),
            key=lambda pair: pair[0].part,
        )
        leaf = Leaf(
            t=fact.kind,
            ts=instant.minute(now),
            eid=eid,
            parts=tuple(each.part for each, _ in sealed),
            ref=fact.refs,
            cp=fact.checkpoint,
        ).data
        words = [(kind.value, each.ciphertext) for each, kind in sealed]
        return NewEntry(self.tenant, eid, leaf, tree.leaf_hash(leaf).hex(), now, words)

    def write(self, session: Session, new: NewEntry) -> Entry:
        """Write what `prepare` made, once, as the last statement that may wait for anybody."""
        seq = entryrows.write(session, new)
        return Entry(seq, new.eid, new.leaf, new.leaf_hash, new.at)

    def find(self, session: Session, leaf_hash: str) -> Entry | None:
        """The entry with this leaf hash, if this tenant has it."""
        row = (
            session.connection()
            .execute(_FIND, {"tenant": self.tenant, "leaf_hash": leaf_hash})
            .mappings()
            .one_or_none()
        )
        return None if row is None else _entry(row)

    def last_instant(self, session: Session) -> datetime | None:
        """The latest instant at which an entry was written, as this transaction sees it; None without any."""
        return last_instant(session, self.tenant)

    def opened(self, session: Session, leaf_hash: str, subject: Subject) -> Mapping[str, Json] | None:
        """What an entry says about `subject`, `evid` rather than `ops` if it has both. None if nothing."""
        parts = self.openings(session, leaf_hash, subject)
        return parts[0].opening.payload if parts else None

    def openings(self, session: Session, leaf_hash: str, subject: Subject) -> tuple[Opened, ...]:
        """Every part of an entry sealed for `subject`, `evid` before `ops`. Empty if none, or erased.

        Raises `audit.sealing.SealBroken` if a stored ciphertext is not what the leaf says.
        """
        entry = self.find(session, leaf_hash)
        return () if entry is None else self.openings_in(session, entry, subject)

    def openings_in(self, session: Session, entry: Entry, subject: Subject) -> tuple[Opened, ...]:
        """As `openings`, of an entry at hand."""
        try:
            keys = self._keystore.get(subject)
        except KeysErased:
            return ()
        if keys is None or (mine := handle(keys.link, entry.eid)).encode() not in entry.leaf:
            return ()
        leaf = Leaf.parse(entry.leaf)
        found = []
        rows = session.connection().execute(_PARTS, {"tenant": self.tenant, "leaf_hash": entry.leaf_hash})
        for part, seal_word, ciphertext in rows:
            if leaf.parts[part].h == mine:
                kind = Seal(seal_word)
                if kind is Seal.OPS and keys.ops is None and not keys.spoilt:
                    # Destroyed at her wish; what is sealed for evidence is still hers to read.
                    continue
                opening = unseal(ciphertext, leaf.parts[part], key=keys.sealing(kind), eid=leaf.eid, t=leaf.t)
                found.append(Opened(part, kind, opening))
        return tuple(found)

    def sealed(
        self, session: Session, subject: Subject, seals: Collection[Seal], *, after: int = 0
    ) -> tuple[Place, ...]:
        """Where something is sealed for `subject` in one of these ways, in entries written after `after`.

        As slow as `entries_of`. Empty for a subject whose keys are gone: nobody can tell any more.
        """
        try:
            keys = self._keystore.get(subject)
        except KeysErased:
            return ()
        if keys is None:
            return ()
        found = []
        for entry in self.entries_of(session, subject, after=after):
            leaf = Leaf.parse(entry.leaf)
            mine = handle(keys.link, leaf.eid)
            rows = session.connection().execute(
                _SEALS, {"tenant": self.tenant, "leaf_hash": entry.leaf_hash, "seals": sorted(seals)}
            )
            found += [
                Place(entry.seq, entry.leaf_hash, part)
                for part in rows.scalars()
                if leaf.parts[part].h == mine
            ]
        return tuple(found)

    def missing(self, session: Session, subject: Subject) -> Iterator[tuple[Entry, int]]:
        """Parts about `subject` of which nothing is sealed any more, erased or lost: entry and position.

        As slow as `entries_of`. Raises `KeysErased` once nobody can tell any more.
        """
        keys = self._keystore.get(subject)
        for entry in self.entries_of(session, subject):
            mine, kept = keys and handle(keys.link, entry.eid), self.kept(session, entry.leaf_hash)
            for position, part in enumerate(Leaf.parse(entry.leaf).parts):
                if part.h == mine and position not in kept:
                    yield entry, position

    def kept(self, session: Session, leaf_hash: str) -> frozenset[int]:
        """Which parts of an entry still have what was sealed: the others were erased."""
        rows = session.connection().execute(_PARTS, {"tenant": self.tenant, "leaf_hash": leaf_hash})
        return frozenset(row.part for row in rows)

    def drop(self, session: Session, places: Iterable[Place]) -> int:
        """Delete these ciphertexts: an erasure, before its keys go. How many; the leaves stay as they are."""
        done = 0
        for place in places:
            which = {"tenant": self.tenant, "leaf_hash": place.leaf_hash, "part": place.part}
            result = session.connection().execute(_DROP, which)
            done += cast("CursorResult[Any]", result).rowcount
        return done

    def entries_of(self, session: Session, subject: Subject, *, after: int = 0) -> Iterator[Entry]:
        """Every entry with a part about `subject` written after the one with this `seq`, in that order.

        Reads the whole log and tries each entry's handle. There is no index, on purpose: one would
        link a person's entries for everybody who can read the database.
        """
        keys = self._keystore.get(subject)
        if keys is None:
            return
        for entry in self._all(session, after):
            if f'"h":"{handle(keys.link, entry.eid)}"'.encode() in entry.leaf:
                yield entry

    def every(self, session: Session) -> Iterator[Entry]:
        """Every entry, in order of writing. Reads the whole log."""
        return self._all(session, 0)

    def placed(self, session: Session, size: int) -> Iterator[Placed]:
        """Every entry under a tree of this size, in its order; a place without one is passed over."""
        for begin in range(0, size, _PAGE):
            run = {"tenant": self.tenant, "begin": begin, "end": min(begin + _PAGE, size)}
            counted = session.connection().execute(_COUNTS, run).all()
            kept = {str(name): int(count) for name, count in counted}
            for row in session.connection().execute(_PLACES, run).mappings().all():
                yield Placed(row["idx"], _entry(row), kept.get(row["leaf_hash"], 0))

    def unplaced(self, session: Session, size: int) -> Iterator[Entry]:
        """Every entry that a tree of this size does not cover, in order of writing."""
        which = {"tenant": self.tenant, "size": size}
        yield from map(_entry, session.connection().execute(_REST, which).mappings())

    def of_kind(self, session: Session, kind: str) -> Iterator[Entry]:
        """Every entry of this kind, in order of writing. Reads the whole log."""
        for entry in self._all(session, 0):
            if f'"t":"{kind}"'.encode() in entry.leaf:
                yield entry

    def _all(self, session: Session, after: int) -> Iterator[Entry]:
        last = after
        while True:
            rows = (
                session.connection()
                .execute(
                    select(_ENTRY)
                    .where(_ENTRY.c.tenant_id == self.tenant, _ENTRY.c.seq > last)
                    .order_by(_ENTRY.c.seq)
                    .limit(_PAGE)
                )
                .mappings()
                .all()
            )
            yield from map(_entry, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1]["seq"]

    def _sealable(self, part: Part) -> Part:
        if part.ending:
            try:
                self._keystore.get_or_create(part.subject)
            except KeysErased:
                return Part(Subject("tenant", self.tenant), Seal.EVID, part.payload)
        return part

    def _seal(self, payload: Mapping[str, Json], subject: Subject, kind: Seal, eid: str, t: str) -> Sealed:
        keys = self._keystore.get_or_create(subject)
        return seal(payload, link=keys.link, key=keys.sealing(kind), eid=eid, t=t, entropy=self._entropy)


def _entry(row: RowMapping) -> Entry:
    return Entry(row["seq"], row["eid"], row["leaf"], row["leaf_hash"], row["at"], row["idx"])
