"""Bundles with somebody in them are in somebody's hands: who has one is told when she is erased.

GDPR art. 19: each recipient to whom her data were disclosed, unless that is impossible; she is told who they
are if she asks (art. 15(1)(c)). Nothing can be called back.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlmodel import Session

from audit.fact import Subject
from audit.ledger import Entry, Ledger
from audit.rewrapping import KeyDamaged
from audit.sealing import SealBroken
from service.evidence.making import MADE


@dataclass(frozen=True, slots=True)
class HandedOut:
    """One bundle that opens something of hers."""

    bundle: str
    """SHA-256 of the zip."""
    about: str
    """template, person, output or period."""
    by: str
    """Who had it made."""
    at: str
    """When, as the log has it."""
    entry: str
    """Leaf hash of `EvidenceMade`."""


def handed_out(session: Session, ledger: Ledger, person: str) -> Sequence[HandedOut]:
    """Those that were made with her in them, oldest first. Reads the whole log.

    As her own parts of their entries say: empty once her evidence key is gone, when nobody can tell any more.
    """
    return [one for entry in ledger.of_kind(session, MADE) for one in _hers(session, ledger, entry, person)]


def readable(session: Session, ledger: Ledger, person: str) -> Sequence[HandedOut]:
    """The same, as far as her parts open: of those that were damaged nobody can tell, before or after."""
    found: list[HandedOut] = []
    for entry in ledger.of_kind(session, MADE):
        with suppress(KeyDamaged, SealBroken):
            found += _hers(session, ledger, entry, person)
    return found


def _hers(session: Session, ledger: Ledger, entry: Entry, person: str) -> Iterator[HandedOut]:
    for one in ledger.openings_in(session, entry, Subject("person", person)):
        said = {name: str(value) for name, value in one.opening.payload.items()}
        yield HandedOut(said["bundle"], said["about"], said["by"], said["at"], entry.leaf_hash)
