"""Bundles with somebody in them are in somebody's hands: who has one is told when she is erased.

GDPR art. 19: each recipient to whom her data were disclosed, unless that is impossible; she is told who they
are if she asks (art. 15(1)(c)). Nothing can be called back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from audit.fact import Subject
from audit.ledger import Ledger
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
    whose, found = Subject("person", person), []
    for entry in ledger.of_kind(session, MADE):
        for one in ledger.openings_in(session, entry, whose):
            said = {name: str(value) for name, value in one.opening.payload.items()}
            found.append(HandedOut(said["bundle"], said["about"], said["by"], said["at"], entry.leaf_hash))
    return found
