"""What must not come back with an older database, beside consents: ended keys, an erasure, that data is held.

The deny journal is told with the entry that says so, before its commit. One that is not committed after all
leaves a line too many: then a recovery ends a key early, or holds data until somebody releases it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count, takewhile

from sqlmodel import Session

from audit.canonical import Json
from audit.fact import Fact
from audit.ids import Entropy
from audit.journal import DenyJournal
from audit.keystore import UNSEALABLE
from audit.ledger import Entry, Heard, Ledger
from consent import holds
from consent.erasures import ERASED
from consent.holds import LegalHolds
from consent.people import RETIRED, People
from service.apikeys import REVOKED, ROTATED, ApiKeys

BY = "recover"
_SAYS = {RETIRED: "key", REVOKED: "key", ROTATED: "follows", ERASED: "person"}
"""Which entries are heard, and the field of what they say that is the one that ended."""
_ENDED = "ended"
_NO_ORDER = sha256(b"held, as the deny journal remembers").hexdigest()
"""In the place of an order's digest, which went with the database."""


@dataclass(frozen=True, slots=True)
class Again:
    """What was said again, for the journal remembered it and the database did not."""

    keys_retired: int
    """Of people."""
    api_keys_revoked: int
    holds_placed: int
    keys_left: int
    """Of people whose own keys do not open: nothing says that theirs ended until those are mended."""


@dataclass(frozen=True, slots=True)
class Endings:
    """Those of one tenant."""

    ledger: Ledger
    journal: DenyJournal
    entropy: Entropy

    def erased(self, session: Session) -> frozenset[str]:
        """Who was erased, as the journal remembers, of those that the database has."""
        return self._ended(ERASED, People(self.ledger, self.entropy).every(session))

    def again(self, session: Session, now: datetime) -> Again:
        """End what had ended, and hold what was held: after the backup. Repeating it changes nothing."""
        api_keys = ApiKeys(self.ledger, self.entropy)
        known = api_keys.every(session)
        alive = {one.id for one in known if one.revoked_at is None and now < one.expires_at}
        # One whose successor is here was not forgotten: its day of overlap is its own.
        followed = {one.follows for one in known}
        revoked = sorted(self._ended(REVOKED, alive) | self._ended(ROTATED, alive - followed))
        for token in revoked:
            api_keys.revoke(session, token, by=BY, now=now)
        placed = self._hold(session, now)
        retired, left = self._retire(session, now)
        return Again(retired, len(revoked), placed, left)

    def _retire(self, session: Session, now: datetime) -> tuple[int, int]:
        people = People(self.ledger, self.entropy)
        keys, left = people.keys_in_use(session), 0
        ended = sorted(self._ended(RETIRED, keys))
        for key in ended:
            try:
                with session.begin_nested():
                    people.retire_key(session, keys[key], key, by=BY, now=now)
            except UNSEALABLE:
                # Counted and left: while hers do not open, nothing is taken that she signs.
                left += 1
        return len(ended) - left, left

    def _hold(self, session: Session, now: datetime) -> int:
        """One for each that is forgotten. Whether it had ended is not known: somebody has to end this one."""
        held, placed = LegalHolds(self.ledger, self.entropy), 0
        people = People(self.ledger, self.entropy).every(session)
        for person in sorted(self._ended(holds.PLACED, people, _nth(1))):
            for _ in range(self._placed(person) - holds.placed(session, self.ledger.tenant, person)):
                held.place(session, person, by=BY, order=_NO_ORDER, now=now)
                placed += 1
        return placed

    def _ended(self, kind: str, what: Iterable[str], word: str = _ENDED) -> frozenset[str]:
        names = {_named(kind, one): one for one in what}
        return frozenset(names[name] for name, _ in self.journal.denied((name, word) for name in names))

    def _placed(self, person: str) -> int:
        name = _named(holds.PLACED, person)
        return sum(1 for _ in takewhile(lambda number: self.journal.denies(name, _nth(number)), count(1)))


def hears(tenant: str, journal: DenyJournal) -> Heard:
    """Of every entry as it is written. Raises as `DenyJournal.append`: then nothing is committed."""

    def heard(session: Session, fact: Fact, _entry: Entry) -> None:
        said = fact.parts[0].payload
        if fact.kind in _SAYS:
            # Also where it is there already: that may be a line whose fsync failed.
            journal.append(_named(fact.kind, said[_SAYS[fact.kind]]), [_ENDED])
        elif fact.kind == holds.PLACED:
            # By number, for a digest can't be read, only found again; each time with all before, which may
            # have been placed when nobody heard. Of an end nothing is told: a line for one that was not
            # committed would let go of what is held.
            person = str(said["person"])
            journal.append(_named(fact.kind, person), _numbers(1 + holds.placed(session, tenant, person)))

    return heard


def _numbers(last: int) -> Sequence[str]:
    return [_nth(number) for number in range(1, last + 1)]


def _nth(number: int) -> str:
    return f"number {number}"


def _named(kind: str, what: Json) -> str:
    # No id of an authorization has a space in it.
    return f"{kind} {what}"
