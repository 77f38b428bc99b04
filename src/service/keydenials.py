"""That others had a key of ours, kept in the deny journal: a database of before has forgotten it.

The journal takes digests and no text, so a place is found again by trying each. That costs some seconds for a
million entries, and only where the journal says that there is something to find.
"""

from audit.journal import DenyJournal

_ENDED = "compromised"


def deny(journal: DenyJournal, kid: str, since: int) -> None:
    """Remember that nothing holds that a key signed from place `since` on. Raises as `append`."""
    journal.append(_name(kid), [_ENDED, _place(since)])


def denied(journal: DenyJournal, kid: str, size: int) -> int | None:
    """From which place of a log of `size` entries on; None where it was never said. The earliest counts."""
    name = _name(kid)
    if not journal.denies(name, _ENDED):
        return None
    found = journal.denied((name, _place(number)) for number in range(size + 1))
    # Said of a place that the log does not reach: then all of it is believed, and what comes is not.
    return min((int(place.rpartition(" ")[2]) for _, place in found), default=size)


def _name(kid: str) -> str:
    # No id of an authorization has a space in it.
    return f"key {kid}"


def _place(number: int) -> str:
    return f"{_ENDED} from {number}"
