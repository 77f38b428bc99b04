"""Asking time stamp authorities: each when its interval is over and the log has grown, each within its time.

No transaction is open while somebody else's server thinks. A stamp is checked twice before it is stored: by
our reader, and by the one that strangers get. What does not hold is not kept; it is marked, said, and asked
for again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event as Flag

from audit import stamp
from audit.checkpoint import Checkpoint
from audit.errors import ConsentryError
from audit.log import Log
from audit.offline import Fault
from audit.sessions import Sessions
from audit.stamp import StampUnready
from audit.stamped import stamped
from audit.stamprows import Stamp, StampRows
from audit.treerows import TreeRows
from service.authorities import Authorities
from service.logs import LOG
from service.outsiders import Outsiders
from service.stamp_post import StampPost
from service.wiring import Record

SECONDS = 5.0
"""Between two looks whether a stamp is due."""
LONGEST_PAUSE = 900.0
"""Seconds at most before an authority that gave no stamp is asked again."""
_AT_ONCE = 4

Answered = Stamp | ConsentryError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one authority in a round."""

    authority: str
    size: int
    """Of the tree that it was asked to stamp; of the one it stamped last, if it was not asked."""
    says: datetime | None = None
    """The time in its stamp. None: there is none."""
    asked: bool = False
    fault: ConsentryError | None = None
    """Why it has not stamped what it was asked to."""


@dataclass(slots=True)
class Stamper:
    """Asks for one log. For one thread; other processes may ask at the same time."""

    sessions: Sessions
    log: Log
    authorities: Authorities
    clock: Callable[[], datetime]
    _outsiders: Outsiders = field(default_factory=lambda: Outsiders(SECONDS, LONGEST_PAUSE, _AT_ONCE))

    @classmethod
    def of(cls, record: Record) -> "Stamper | None":
        """Over what a process has opened; None where no authority is asked."""
        if record.authorities is None:
            return None
        return cls(record.database, record.log, record.authorities, record.clock)

    def round(self, *, patient: bool = False) -> Sequence[Outcome]:
        """Ask who has not stamped the last public checkpoint, and keep what holds.

        `patient` leaves alone whose interval is not over, and who failed a moment ago. Raises what the log
        raises, never what an authority does: that is an outcome.
        """
        with self.sessions.read() as session:
            # What others may see: in strict mode a checkpoint that no witness saw goes nowhere.
            checkpoint = self.log.public(session)
            store = StampRows(self.log.tenant, session)
            last = {name: store.last(name) for name in self.authorities.urls}
        done: dict[str, Outcome] = {}
        if checkpoint is not None:
            due = [name for name, held in last.items() if held is None or held.size < checkpoint.size]
            done = self._ask(checkpoint, [one for one in due if not patient or self._ripe(one, last[one])])
        return [
            done.get(name) or Outcome(name, held.size if held else 0, held.says if held else None)
            for name, held in last.items()
        ]

    def _ripe(self, name: str, held: Stamp | None) -> bool:
        if not self._outsiders.may_be_asked(name):
            return False
        # A clock that was set back must not put the next stamp off until it has caught up.
        return held is None or not timedelta() <= self.clock() - held.at < self.authorities.every

    def _ask(self, checkpoint: Checkpoint, due: Sequence[str]) -> dict[str, Outcome]:
        found = self._outsiders.ask(due, lambda name: self._one(name, checkpoint))
        return {name: self._keep(name, checkpoint, answer) for name, answer in found.items()}

    def _one(self, name: str, checkpoint: Checkpoint) -> Answered:
        whom, data = self.authorities, checkpoint.plain.encode()
        asked = stamp.request(data)
        try:
            response = StampPost(name, whom.urls[name], whom.seconds)(asked.data)
            now = self.clock()
            kept, says = stamp.accept(response, data, whom.trust, asked, now)
        except ConsentryError as error:
            return error
        return Stamp(checkpoint.size, name, checkpoint.digest, kept, says, now)

    def _keep(self, name: str, checkpoint: Checkpoint, answer: Answered) -> Outcome:
        if isinstance(answer, Stamp):
            with self.sessions.write() as session:
                # The database may have been restored meanwhile: what is no longer there gets no stamp.
                if TreeRows(self.log.tenant, self.log.verifier, session).of_size(checkpoint.size):
                    StampRows(self.log.tenant, session).add(answer)
            self._outsiders.answered(name)
            self.authorities.marks.drop(name)
            return Outcome(name, checkpoint.size, answer.says, asked=True)
        if not isinstance(answer, StampUnready):
            # It answered, and wrongly: nobody hears of that by waiting.
            self.authorities.marks.put(name, f"{name}: {answer.code}: {answer}")
        LOG.warning("an authority gave no time stamp", extra={"authority": name, "code": answer.code})
        self._outsiders.failed(name)
        return Outcome(name, checkpoint.size, asked=True, fault=answer)


def run(stamper: Stamper, stop: Flag) -> None:
    """Ask until told to stop. What is not ready is waited for."""
    while not stop.wait(SECONDS):
        try:
            stamper.round(patient=True)
        except ConsentryError as error:
            LOG.warning("time stamps wait", extra={"code": error.code})


def holds(held: Stamp, checkpoint: Checkpoint | None, authorities: Authorities) -> bool:
    """Whether a stored stamp is over this checkpoint, by whom we trust today: rows are no proof."""
    if checkpoint is None:
        return False
    try:
        says, _ = stamped(held.response, checkpoint.plain.encode(), authorities.certificates)
    except Fault:
        return False
    return (held.size, held.digest, held.says) == (checkpoint.size, checkpoint.digest, says)
