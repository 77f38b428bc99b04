"""Permits as the log tells of them: each issued once, and ended once, or still live."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from audit.canonical import Json
from consent.docket import Answer, State
from consent.question import Stage
from consent.recording import DECIDED
from consent.words import Action
from service.reports.seen import Seen

ENDS: Mapping[str, State] = {
    "OutputReleased": State.FINISHED,
    "PermitExpired": State.EXPIRED,
    "PermitVoided": State.VOID,
}
LIVE = "live"


@dataclass(frozen=True, slots=True)
class Life:
    """A permit, and the entries that begin and end it; None: it lives, or that entry has no place yet."""

    permit: str
    issued: int | None
    ended: int | None
    how: str

    def json(self) -> dict[str, Json]:
        """As a line of JSON."""
        return {"permit": self.permit, "issued": self.issued, "ended": self.ended, "how": self.how}


@dataclass(slots=True)
class Lives:
    """Told of entries in order. Keeps what is open, and counts what is not: its memory is of live permits."""

    issued: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    open: dict[str, int | None] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    """Entries that issue what is issued already."""
    orphans: list[str] = field(default_factory=list)
    """Entries that end what was never issued, or has ended before."""

    def see(self, seen: Seen) -> Life | None:
        """Take an entry in; the life that it ends, if it ends one."""
        if begins(seen):
            self._begin(seen)
            return None
        how = ENDS.get(seen.leaf.t)
        if how is None or not (permit := seen.word("permit")):
            return None
        if permit not in self.open:
            self.orphans.append(seen.entry.leaf_hash)
            return None
        self.ended[how] += 1
        return Life(permit, self.open.pop(permit), seen.index, str(how))

    def _begin(self, seen: Seen) -> None:
        permit = seen.word("decision")
        if permit in self.open:
            self.twice.append(seen.entry.leaf_hash)
            return
        self.issued += 1
        self.open[permit] = seen.index

    def living(self) -> Iterator[Life]:
        """Those that have not ended, in order of issue."""
        return (Life(permit, index, None, LIVE) for permit, index in self.open.items())

    def json(self) -> dict[str, Json]:
        """The equation, term by term."""
        ends = {str(state): self.ended[state] for state in ENDS.values()}
        return {"issued": self.issued, **ends, LIVE: len(self.open)}


def begins(seen: Seen) -> bool:
    """Whether an entry issues a permit: a yes to a swap. A yes to its release ends one."""
    said = (seen.word("answer"), seen.word("action"), seen.word("stage"))
    return seen.leaf.t == DECIDED and said == (Answer.PERMIT, Action.SWAP, Stage.DECIDE)
