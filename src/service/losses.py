"""What recoveries could not bring back, as the log says: in which places of it, and how many parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from audit.canonical import Json
from audit.fact import Subject
from audit.ledger import Ledger

RECOVERED = "Recovered"


@dataclass(frozen=True, slots=True)
class Loss:
    """That of one recovery."""

    entry: str
    """Leaf hash of its `Recovered` entry."""
    places: tuple[tuple[int, int], ...]
    """`[from, until)`."""
    parts: int

    def has(self, index: int) -> bool:
        """Whether what was sealed for the entry in this place was lost."""
        return any(begin <= index < end for begin, end in self.places)


def losses(ledger: Ledger, session: Session) -> Sequence[Loss]:
    """Every one, oldest first. Reads the whole log."""
    tenant, found = Subject("tenant", ledger.tenant), []
    for entry in ledger.of_kind(session, RECOVERED):
        # Of a recovery before the last, whose own words may have been lost since: that one tells of them.
        said = ledger.opened(session, entry.leaf_hash, tenant) or {}
        found.append(Loss(entry.leaf_hash, _places(said), _number(said.get("parts_lost"))))
    return found


def parts_lost(ledger: Ledger, session: Session) -> int:
    """How many parts of entries recoveries could not bring back, as the log says."""
    return sum(one.parts for one in losses(ledger, session))


def _places(said: Mapping[str, Json]) -> tuple[tuple[int, int], ...]:
    lost = said.get("lost")
    if isinstance(lost, Sequence) and not isinstance(lost, str):
        pairs = [one for one in lost if isinstance(one, Sequence) and len(one) == 2]
        return tuple((_number(begin), _number(end)) for begin, end in pairs)
    # Written before recoveries told the places one by one: all that was read back.
    begin = _number(said.get("held"))
    return ((begin, begin + _number(said.get("read_back"))),)


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0
