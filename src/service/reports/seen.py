"""One entry as an auditor sees it: its public part, and what opens of it with the operator's own key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.errors import ConsentryError
from audit.fact import Seal, Subject
from audit.leaf import Leaf
from audit.ledger import Entry, Ledger
from audit.sealing import Opening


class Opens(StrEnum):
    """What becomes of the operator's part of an entry."""

    OPEN = "open"
    NOT_OURS = "sealed"
    """It has none: it is about people alone, and only their own keys open it."""
    GONE = "gone"
    """Nothing of what was sealed is here any more: erased, or lost."""
    BROKEN = "broken"
    """What is stored is not what the entry commits to."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry, looked at."""

    index: int | None
    """None: it has no place in the tree that the report is about."""
    entry: Entry
    leaf: Leaf
    opens: Opens
    gone: int
    """Parts of which nothing is kept."""
    opened: Mapping[int, Opening] = field(default_factory=dict)

    @property
    def minute(self) -> datetime:
        """When, as the log says publicly."""
        return instant.parse(self.leaf.ts)

    @property
    def said(self) -> Mapping[str, Json]:
        """What the operator's part says; empty where it does not open."""
        return next((one.payload for _, one in sorted(self.opened.items())), {})

    def word(self, name: str) -> str:
        """A text it says, or an empty one."""
        value = self.said.get(name)
        return value if isinstance(value, str) else ""

    def words(self, name: str) -> tuple[str, ...]:
        """A list of texts it says."""
        value = self.said.get(name)
        return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def see(session: Session, ledger: Ledger, entry: Entry, *, index: int | None, kept: int) -> Seen:
    """Look at an entry. One that was edited is told as such: a report goes on, and names it."""
    leaf = Leaf.parse(entry.leaf)
    gone = len(leaf.parts) - kept
    try:
        parts = ledger.openings_in(session, entry, Subject("tenant", ledger.tenant))
    except ConsentryError:
        return Seen(index, entry, leaf, Opens.BROKEN, gone)
    opened = {one.part: one.opening for one in parts if one.seal is Seal.EVID}
    if opened:
        return Seen(index, entry, leaf, Opens.OPEN, gone, opened)
    return Seen(index, entry, leaf, Opens.NOT_OURS if kept else Opens.GONE, gone)
