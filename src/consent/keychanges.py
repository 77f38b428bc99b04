"""What became of her keys: which were enrolled or ended, when, and on whose word. She is told of each.

Whoever may enrol keys can enrol one of his own as hers. It can't be kept from happening here; that she
sees it in her inbox, and in the log, is what makes it a risk for him.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session, select

from audit.fact import Subject
from audit.ledger import Ledger
from consent.tables import PersonKeyRow


class What(StrEnum):
    """What happened to a key."""

    ENROLLED = "enrolled"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One of her keys began or ended."""

    key: str
    method: str
    what: What
    at: datetime
    by: str
    """Who did it, as the log has it: who enrolled it, or issued the link that it came by. Empty if erased."""
    entry: str


def told(session: Session, ledger: Ledger, person: str) -> tuple[KeyChange, ...]:
    """Every change of her keys, newest first."""
    rows = session.exec(
        select(PersonKeyRow).where(PersonKeyRow.tenant_id == ledger.tenant, PersonKeyRow.person_id == person)
    ).all()
    found = []
    for row in rows:
        said = ledger.opened(session, row.entry, Subject("person", person)) or {}
        enrolled = row.entry
        if row.valid_until is not None:
            found.append(_change(row, What.RETIRED, row.valid_until, said.get("by"), row.entry))
            enrolled = str(said.get("enrolled", ""))
            said = ledger.opened(session, enrolled, Subject("person", person)) or {}
        found.append(_change(row, What.ENROLLED, row.valid_from, said.get("by"), enrolled))
    return tuple(sorted(found, key=lambda one: (one.at, one.what, one.key), reverse=True))


def _change(row: PersonKeyRow, what: What, at: datetime, by: object, entry: str) -> KeyChange:
    return KeyChange(row.key, row.method, what, at, str(by or ""), entry)
