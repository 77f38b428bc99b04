"""The entries of a bundle and what of them opens: found in the log by what they say of the matter.

Reads the whole log once, as `audit.ledger.Ledger.entries_of` does and for the same reason: an index from
people or things to entries would be the profile that the log avoids.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from sqlmodel import Session

from audit import instant, keyhistory, prunerows
from audit.canonical import Json
from audit.fact import Seal, Subject
from audit.keys import Duty
from audit.leaf import Leaf
from audit.ledger import Entry, Opened
from audit.pruned import published
from audit.prunerows import EntryPruned
from audit.sealing import Opening
from audit.storage import PosixStorage
from audit.treerows import TreeRows
from audit.verdicts import ERASED, LOST
from consent import adoption, chain
from service.evidence.about import About, Kind
from service.evidence.reach import Reach
from service.losses import RECOVERED, Loss, losses
from service.wiring import Record

_BY_ROW = frozenset({"Decided", "ConsentGranted", "ConsentWithdrawn"})
"""Rows name those of the matter."""
_BY_REF = frozenset(
    {
        "RunStarted",
        "RunFinished",
        "JobEnded",
        "OutputReleased",
        "OutputWithdrawn",
        "PermitVoided",
        "PermitExpired",
    }
)
"""Refer to the decision, run or output that they follow from. With `_BY_ROW` they are most of a log, and
nothing is opened to find them."""
_WHO = frozenset({"PersonEnrolled", "PersonProven", "PersonCorrected", "KeyEnrolled", "KeyRetired"})
"""What is known of a person who consented, and her keys."""
_RESTS_ON = frozenset({Duty.LOG, Duty.PERMIT, Duty.COUNTERSIGN, Duty.EXPORT, Duty.MANIFEST})
_COUNTED = frozenset({"KeysDestroyed", "ErasureCompleted"})
_TOLD_BY = {ERASED: sorted(_COUNTED), LOST: [RECOVERED]}
"""Which entries say how many parts are in a state."""


@dataclass(frozen=True, slots=True)
class Found:
    """One entry, and what of it is opened for the bundle."""

    entry: Entry
    leaf: Leaf
    opened: Mapping[int, Opening]
    states: Mapping[int, str] = field(default_factory=dict)
    """Of each part: open, sealed, erased or lost in a recovery."""

    def says(self, name: str) -> Json:
        """The first opened part that has this field, or None."""
        return next((o.payload[name] for _, o in sorted(self.opened.items()) if name in o.payload), None)


@dataclass(slots=True)
class Gathering:
    """Looks for entries. One bundle, one of these."""

    session: Session
    record: Record
    about: About
    reach: Reach
    found: dict[str, Found] = field(default_factory=dict)
    _losses: Sequence[Loss] | None = None

    def all(self) -> Sequence[Found]:
        """The entries of the matter, and every one that they refer to, in order of writing.

        Raises `EntryPruned` where one of them went with its retention, or some of a period did.
        """
        wanted = self.reach.ids
        self._expect_there()
        for entry in self.record.ledger.every(self.session):
            if self._of_matter(entry, wanted):
                self._take(entry)
        return self._with_what_they_name(list(self.found))

    def adopted(self, policies: Collection[str]) -> Sequence[Found]:
        """The same, with what it rests on: adoptions of these policies, what became of service keys.

        And what counts parts that are gone, if there are any.
        """
        adoptions = adoption.every(self.session, self.record.settings.tenant)
        names = [one.entry for one in adoptions if one.digest in policies]
        for key in keyhistory.every(self.session, self.record.ledger):
            if key.key.duty in _RESTS_ON:
                # That it was retired may have been pruned before such entries were said again.
                retired = key.retired and self.record.ledger.find(self.session, key.retired)
                names += [one for one in key.entries if one != key.retired or retired]
        self._with_what_they_name(names)
        # Whose they were nobody can tell any more, so every count is shown: it names nobody. What counts the
        # erased may itself be lost.
        for state, kinds in _TOLD_BY.items():
            if not any(state in one.states.values() for one in self.found.values()):
                continue
            for entry in [one for kind in kinds for one in self.record.ledger.of_kind(self.session, kind)]:
                if entry.leaf_hash not in self.found:
                    self._take(entry)
        return self._in_order()

    def _expect_there(self) -> None:
        session, tenant = self.session, self.record.settings.tenant
        if not prunerows.minimum(session, tenant):
            return
        for name in sorted(self.reach.entries):
            if self.record.ledger.find(session, name) is None:
                raise EntryPruned(f"entry {name:.64}, which this rests on, is not in the log any more")
        period = self.about.period
        said = published(PosixStorage(self.record.layout.log), self.record.log.verifier)
        if period is not None and said is not None and period.since <= instant.parse(said.last):
            raise EntryPruned(f"entries up to {said.last} were pruned, and the period begins before")

    def _with_what_they_name(self, waiting: list[str]) -> Sequence[Found]:
        while waiting:
            name = waiting.pop()
            entry = None if name in self.found else self.record.ledger.find(self.session, name)
            if entry is not None:
                self._take(entry)
            if name not in self.found:
                # A bundle without what it rests on would be read as if that had never been.
                raise EntryPruned(f"entry {name:.64}, which this rests on, is not in the log any more")
            waiting += [one for one in self.found[name].leaf.ref if one not in self.found]
        return self._in_order()

    def _in_order(self) -> Sequence[Found]:
        return sorted(self.found.values(), key=lambda one: one.entry.seq)

    def _of_matter(self, entry: Entry, wanted: Set[str]) -> bool:
        leaf = Leaf.parse(entry.leaf)
        if entry.leaf_hash in self.reach.entries or entry.leaf_hash in self.reach.erasures:
            return True
        if leaf.t in _COUNTED and self.reach.erasures & set(leaf.ref):
            return True
        period = self.about.period
        if period is not None and period.has(entry.at):
            return True
        if leaf.t in _BY_ROW:
            # What ended a consent is taken by the chain too: a row that is gone must not take it along.
            return leaf.t == chain.WITHDRAWN and any(one in self.found for one in leaf.ref)
        if leaf.t in _BY_REF and leaf.ref:
            return any(one in self.found for one in leaf.ref)
        for subject, opened in self._openings(entry):
            hers = subject.kind == "person" and (leaf.t in _WHO or self._whole_person(subject))
            if hers or any(_mentions(one.opening.payload, wanted) for one in opened):
                return True
        return False

    def _whole_person(self, subject: Subject) -> bool:
        return self.about.kind is Kind.PERSON and subject.id == self.about.id

    def _take(self, entry: Entry) -> None:
        leaf = Leaf.parse(entry.leaf)
        opened = {
            one.part: one.opening
            for _, parts in self._openings(entry)
            for one in parts
            if one.seal is Seal.EVID
        }
        kept = self.record.ledger.kept(self.session, entry.leaf_hash)
        why = ERASED if len(kept) == len(leaf.parts) or not self._lost(entry) else LOST
        states = {
            part: "open" if part in opened else "sealed" if part in kept else why
            for part in range(len(leaf.parts))
        }
        self.found[entry.leaf_hash] = Found(entry, leaf, opened, states)

    def _lost(self, entry: Entry) -> bool:
        """Whether a recovery could not bring back what was sealed here."""
        if self._losses is None:
            self._losses = losses(self.record.ledger, self.session)
        if not self._losses:
            return False
        rows = TreeRows(self.record.settings.tenant, self.record.log.verifier, self.session)
        index = rows.index(entry.leaf_hash)
        return index is not None and any(one.has(index) for one in self._losses)

    def _openings(self, entry: Entry) -> Iterator[tuple[Subject, tuple[Opened, ...]]]:
        """Whose parts of an entry open, of those that the bundle is for."""
        for subject in self._subjects():
            if opened := self.record.ledger.openings_in(self.session, entry, subject):
                yield subject, opened

    def _subjects(self) -> Iterator[Subject]:
        yield Subject("tenant", self.record.settings.tenant)
        yield from (Subject("person", one) for one in sorted(self.reach.people))
        yield from (Subject("output", one.id) for one in self.reach.outputs)


def _mentions(value: Json, wanted: Set[str]) -> bool:
    if isinstance(value, str):
        return value in wanted
    if isinstance(value, Mapping):
        return any(_mentions(one, wanted) for one in value.values()) or not wanted.isdisjoint(value)
    return isinstance(value, Sequence) and any(_mentions(one, wanted) for one in value)
