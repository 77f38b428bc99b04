"""Whether the log is all there and its numbers agree: with the tree, with the permits' rows, with erasures.

Nothing here can show that something was done without any entry. It shows that no entry is missing under a
checkpoint, and that what entries say of permits adds up.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from sqlmodel import Session

from audit import tree
from audit.canonical import Json
from audit.checkpoint import Checkpoint
from audit.edge import Edge
from audit.errors import ConsentryError
from audit.leaf import LeafMalformed
from audit.ledger import Ledger, Placed
from audit.pruned import Pruned, Totals, published
from audit.storage import PosixStorage
from audit.treerows import TreeRows
from consent import docket, tallies
from consent.docket import State
from consent.erasures import Erasures
from consent.recording import DECIDED
from service.losses import parts_lost
from service.reports.lives import ENDS, LIVE, Life, Lives
from service.reports.seen import Opens, Seen, see
from service.wiring import Record

NAMED = 100
"""So many of what does not add up are named; all are counted."""
UNREADABLE = "?"
"""Instead of a kind, of what is no entry any more."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not add up."""

    code: str
    en: str
    zh: str
    entries: tuple[str, ...] = ()
    """Leaf hashes, or indices of places; at most `NAMED`."""

    def json(self) -> dict[str, Json]:
        """For machines."""
        return {"code": self.code, "en": self.en, "zh": self.zh, "entries": list(self.entries)}


@dataclass(frozen=True, slots=True)
class Completeness:
    """What was counted under one checkpoint, and what of it does not add up."""

    size: int
    root: str
    minimum: int
    """The first entry that is kept; what came before is in no count but those of parts."""
    kinds: Mapping[str, int]
    permits: Mapping[str, Json]
    rows: Mapping[str, int]
    """Permits by state, as the database has them now."""
    gone: int
    erased: int
    lost: int
    unplaced: tuple[str, ...]
    """Leaf hashes of entries that the checkpoint does not cover."""
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        """Whether everything adds up."""
        return not self.faults

    def json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "size": self.size,
            "root": self.root,
            "minimum": self.minimum,
            "kinds": dict(self.kinds),
            "permits": dict(self.permits),
            "permit_rows": dict(self.rows),
            "parts_gone": self.gone,
            "parts_erased": self.erased,
            "parts_lost": self.lost,
            "unsequenced": list(self.unplaced),
            "faults": [one.json() for one in self.faults],
            "whole": self.whole,
        }


@dataclass(slots=True)
class Census:
    """Counts entries as they are read, in order of the tree."""

    kinds: Counter[str] = field(default_factory=Counter)
    lives: Lives = field(default_factory=Lives)
    gone: int = 0
    edge: Edge = field(default_factory=Edge.empty)
    broken: list[str] = field(default_factory=list)
    shut: list[str] = field(default_factory=list)
    """Decisions and ends of permits that do not open: what they say is in no sum."""
    gaps: list[str] = field(default_factory=list)
    pruned: Pruned | None = None
    """Entries before its minimum are gone with its word: it has their sums, and the tiles their hashes."""
    _next: int = 0

    @classmethod
    def begin(cls, session: Session, record: Record) -> Self:
        """From where the log begins. Raises `audit.pruned.PruningUnproven`."""
        said = published(PosixStorage(record.layout.log), record.log.verifier)
        if said is None:
            return cls()
        rows = TreeRows(record.settings.tenant, record.log.verifier, session)
        return cls(edge=rows.edge(said.minimum), pruned=said, _next=said.minimum)

    def read(self, session: Session, ledger: Ledger, size: int) -> Iterator[tuple[Seen, Life | None]]:
        """Every entry under a tree of this size, counted, with the life of a permit that it ends.

        One whose bytes are no entry any more is counted as broken, and passed over.
        """
        for placed in ledger.placed(session, size):
            if placed.index < self.minimum:
                continue
            self._place(placed)
            try:
                seen = see(session, ledger, placed.entry, index=placed.index, kept=placed.kept)
            except LeafMalformed:
                self.kinds[UNREADABLE] += 1
                self.broken.append(str(placed.index))
                continue
            yield seen, self._see(seen)

    @property
    def minimum(self) -> int:
        """The first entry that the log keeps."""
        return self.pruned.minimum if self.pruned else 0

    def _place(self, placed: Placed) -> None:
        self.gaps += [str(index) for index in range(self._next, min(placed.index, self._next + NAMED))]
        self._next = placed.index + 1
        for _ in self.edge.append(tree.leaf_hash(placed.entry.leaf)):
            pass

    def _see(self, seen: Seen) -> Life | None:
        self.kinds[seen.leaf.t] += 1
        self.gone += seen.gone
        self._opens(seen)
        return self.lives.see(seen)

    def _opens(self, seen: Seen) -> None:
        if seen.opens is Opens.BROKEN:
            self.broken.append(str(seen.index))
        elif seen.opens is not Opens.OPEN and (seen.leaf.t == DECIDED or seen.leaf.t in ENDS):
            self.shut.append(str(seen.index))

    def close(self, session: Session, record: Record, checkpoint: Checkpoint) -> Completeness:
        """Hold the sums against the checkpoint, the erasures and the permits' rows."""
        tenant = record.settings.tenant
        self.gaps += [str(place) for place in range(self._next, min(checkpoint.size, self._next + NAMED))]
        permits = self.lives.json()
        later = [
            see(
                session,
                record.ledger,
                entry,
                index=None,
                kept=len(record.ledger.kept(session, entry.leaf_hash)),
            )
            for entry in record.ledger.unplaced(session, checkpoint.size)
        ]
        for one in later:
            # Rows are of now: what was written after the checkpoint has changed them already.
            self.lives.see(one)
        states = tallies.states(session, tenant)
        before = self.pruned.totals if self.pruned else Totals()
        # What was pruned is read no more, its sums are: else an erasure could be blamed for what is missing.
        self.gone += before.missing
        erased, lost = _explained(session, record)
        erased, lost = erased + before.erased, lost + before.lost
        faults = [
            *self._tree(checkpoint),
            *self._parts(erased + lost),
            *self._permits(states, frozenset(docket.alive(session, tenant))),
        ]
        return Completeness(
            size=checkpoint.size,
            root=checkpoint.root,
            minimum=self.minimum,
            kinds=dict(sorted(self.kinds.items())),
            permits=permits,
            rows={str(state): states[state] for state in State},
            gone=self.gone,
            erased=erased,
            lost=lost,
            unplaced=tuple(one.entry.leaf_hash for one in later),
            faults=tuple(faults),
        )

    def _tree(self, checkpoint: Checkpoint) -> list[Fault]:
        counted, faults = self.minimum + self.kinds.total(), []
        if self.gaps or counted != checkpoint.size:
            said = f"{counted} entries are here, the checkpoint has {checkpoint.size}"
            zh = f"现有 {counted} 条，检查点载明 {checkpoint.size} 条"
            faults.append(_fault("ENTRIES_MISSING", said, zh, self.gaps))
        elif self.edge.root().hex() != checkpoint.root:
            said = "the entries do not give the root that was signed: `consentry log audit` says where"
            faults.append(
                _fault("ROOT_DIFFERS", said, "条目与已签名的根不符：请运行 `consentry log audit`", [])
            )
        if self.broken:
            said = f"{len(self.broken)} entries hold something else than they commit to"
            faults.append(_fault("ENTRIES_BROKEN", said, f"{len(self.broken)} 条内容与承诺不符", self.broken))
        return faults

    def _parts(self, explained: int) -> list[Fault]:
        faults = []
        # Fewer: of entries that are not sequenced yet, or put back from a backup, without keys.
        if self.gone > explained:
            said = f"{self.gone} parts have no payload; the log says {explained} erased or lost"
            zh = f"{self.gone} 个部分无载荷；日志载明已删除或丢失 {explained} 个"
            faults.append(_fault("PARTS_UNEXPLAINED", said, zh, []))
        if self.shut:
            said = f"{len(self.shut)} decisions or ends of permits do not open, and are in no sum"
            faults.append(
                _fault("DECISIONS_SHUT", said, f"{len(self.shut)} 条决定或许可终止无法打开", self.shut)
            )
        return faults

    def _permits(self, states: Mapping[State, int], alive: frozenset[str]) -> list[Fault]:
        lives, faults = self.lives, []
        if lives.twice or lives.orphans:
            said = (
                f"{len(lives.twice)} permits were issued twice, {len(lives.orphans)} ended without being live"
            )
            zh = f"{len(lives.twice)} 个许可重复签发，{len(lives.orphans)} 个在非有效状态下终止"
            faults.append(_fault("PERMITS_UNPAIRED", said, zh, [*lives.twice, *lives.orphans]))
        differ = {str(state): (lives.ended[state], states.get(state, 0)) for state in ENDS.values()}
        differ[LIVE] = (len(lives.open), len(alive))
        wrong = {name: pair for name, pair in differ.items() if pair[0] != pair[1]}
        strange = sorted(alive ^ lives.open.keys())
        if wrong or strange:
            sums = "; ".join(f"{name}: log {log}, rows {rows}" for name, (log, rows) in sorted(wrong.items()))
            said = f"permits in the database are not those of the log ({sums or 'other permits are live'})"
            zh = f"数据库中的许可与日志不符（{sums or '有效许可不同'}）"
            faults.append(_fault("PERMIT_ROWS_DIFFER", said, zh, strange))
        return faults


def _explained(session: Session, record: Record) -> tuple[int, int]:
    """How many parts were erased and lost, as the log says. Where its word can't be read it explains none."""
    try:
        return Erasures(record.ledger, record.keystore).dropped(session), parts_lost(record.ledger, session)
    except ConsentryError:
        return 0, 0


def _fault(code: str, en: str, zh: str, entries: list[str]) -> Fault:
    return Fault(code, en, zh, tuple(entries[:NAMED]))
