"""The uses a swap takes off her count: reserved with its permit, spent when it runs, else returned."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session

from consent.docket import Named
from consent.errors import NothingReserved
from consent.hearing import Bench
from consent.words import Purpose


def of(named: Sequence[Named]) -> tuple[tuple[str, Purpose], ...]:
    """Each (authorization, purpose) once, in the order in which counters are locked."""
    return tuple(sorted({(n.authorization, p) for n in named if n.authorization for p in n.purposes}))


def reserve(session: Session, bench: Bench, named: Sequence[Named]) -> str | None:
    """Take one use of each, or none at all. The authorization whose count is exhausted, or None."""
    taken: list[tuple[str, Purpose]] = []
    for authorization, purpose in of(named):
        if not bench.registry.reserve_use(session, bench.tenant, authorization, purpose):
            for earlier in taken:
                bench.registry.return_use(session, bench.tenant, *earlier)
            return authorization
        taken.append((authorization, purpose))
    return None


def spend(session: Session, bench: Bench, named: Sequence[Named]) -> None:
    """They are being used now. Raises `NothingReserved`: then nothing may run."""
    for authorization, purpose in of(named):
        bench.registry.spend_use(session, bench.tenant, authorization, purpose)


def give_back(session: Session, bench: Bench, permits: Iterable[Sequence[Named]]) -> None:
    """They were not used after all. Of several permits all at once: `named` of each."""
    # One order over all of them. Permit by permit, two who end permits on the same people's consents would
    # each hold a counter that the other waits for: measured, with two withdrawals and shared donors.
    for authorization, purpose in sorted(use for named in permits for use in of(named)):
        try:
            bench.registry.return_use(session, bench.tenant, authorization, purpose)
        except NothingReserved:
            # Swallowed: counters that disagree with permits must not stand in the way of a withdrawal.
            # A count that stays too high permits too little, never too much.
            continue
