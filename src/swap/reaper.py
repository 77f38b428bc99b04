"""The reaper: what a worker that died left at work, a live one takes over.

DBOS recovers a process's own jobs when it starts again. A host that does not come back has nobody to
do that, so every worker looks for slots that have fallen silent (`slots`). A wrong verdict is safe and
costs machine time: whoever went on after all is fenced when the next run redeems the permit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from audit.sessions import Sessions
from swap import slots


class Heir(Protocol):
    """Who takes over (`swap.jobs.JobRunner`)."""

    def take_over(self, slots: Sequence[str]) -> int:
        """Queue anew what these slots' executors left at work; how many jobs."""
        ...


@dataclass(frozen=True, slots=True)
class Reaper:
    """Looks after the slots of one tenant, for the holder of one of them."""

    sessions: Sessions
    tenant: str
    slot: str
    """Our own. Silent too after a minute without database, and its jobs are at work here."""
    heir: Heir
    clock: Callable[[], datetime]

    def reap(self) -> int:
        """Take over what silent slots left at work. How many jobs."""
        now = self.clock()
        with self.sessions.read() as session:
            # Nearly always nobody: not worth a write lock every time.
            if not slots.silent(session, self.tenant, now=now, but=self.slot, lock=False):
                return 0
        with self.sessions.write() as session:
            # The slots' rows are the lock. A lock beside them would not keep a new holder from taking the
            # slot between this look and the hand-over, and then its jobs would run twice.
            gone = slots.silent(session, self.tenant, now=now, but=self.slot, lock=True)
            return self.heir.take_over(gone) if gone else 0
