"""Which parts of log entries her erasure took: the list is for her alone, and stands in no entry.

It is told by the key that recognises her entries, so until her last key goes: whoever keeps a list links what
nobody else can any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from audit.canonical import Json
from audit.fact import Subject
from audit.keystore import KeysErased
from audit.rewrapping import KeyDamaged
from service.losses import losses
from service.wiring import Record

FORM = "consentry/erased-parts/v1"
"""Of the list as a file."""


@dataclass(frozen=True, slots=True)
class ErasedPart:
    """One part of an entry about her that nobody opens any more."""

    index: int | None
    """Of the entry in the log; None while it waits for its place."""
    entry: str
    """Its leaf hash."""
    part: int
    """Position in the leaf."""

    @property
    def value(self) -> dict[str, Json]:
        """As JSON."""
        return {"index": self.index, "entry": self.entry, "part": self.part}


def erased_parts(session: Session, record: Record, person: str) -> tuple[ErasedPart, ...] | None:
    """Those of hers, in order of writing; what a recovery lost is not among them. Reads the whole log.

    None: nobody can tell, because her last key went or is damaged. That is never the same as none of them.
    """
    lost = losses(record.ledger, session)
    try:
        return tuple(
            ErasedPart(entry.index, entry.leaf_hash, part)
            for entry, part in record.ledger.missing(session, Subject("person", person))
            if entry.index is None or not any(one.has(entry.index) for one in lost)
        )
    except (KeysErased, KeyDamaged):
        return None


def listed(parts: Sequence[ErasedPart] | None) -> Json:
    """The list as JSON: null where nobody can tell."""
    return None if parts is None else [one.value for one in parts]
