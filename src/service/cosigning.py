"""Asking the witnesses: each that has not seen the last checkpoint, all at once, each within its time.

No transaction is open while somebody else's server thinks. A line is checked before it is stored, stored
before it is shown; whoever dies in between has it shown by the next round.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event as Flag

from sqlmodel import Session

from audit import note
from audit.checkpoint import Checkpoint
from audit.cosignrows import CosignRows
from audit.errors import ConsentryError
from audit.log import Log
from audit.sessions import Sessions
from audit.treerows import TreeRows
from audit.witnessed import Cosigned, WitnessAhead, ask
from audit.witnessing import Witnessing
from service.logs import LOG
from service.outsiders import Outsiders
from service.wiring import Record
from service.witness_post import WitnessPost, allowed

SECONDS = 1.0
"""Between two looks whether there is a checkpoint that a witness has not seen."""
LONGEST_PAUSE = 30.0
"""Seconds at most before a witness that gave no signature is asked again."""
_AT_ONCE = 8

Answered = Cosigned | ConsentryError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one witness in a round."""

    witness: str
    size: int
    """What it was asked to cosign; what it has cosigned already, if it was not asked."""
    at: int | None = None
    """When it says it saw that, in POSIX seconds. None: it was not asked, or did not cosign."""
    fault: ConsentryError | None = None
    """Why there is no signature."""


@dataclass(slots=True)
class Cosigner:
    """Asks for one log. For one thread; other processes may ask at the same time."""

    sessions: Sessions
    log: Log
    witnessing: Witnessing
    seconds: float
    _outsiders: Outsiders = field(default_factory=lambda: Outsiders(SECONDS, LONGEST_PAUSE, _AT_ONCE))

    @classmethod
    def of(cls, record: Record) -> "Cosigner | None":
        """Over what a process has opened; None where no witness is asked."""
        if record.witnessing is None:
            return None
        return cls(record.database, record.log, record.witnessing, record.settings.witness_timeout)

    def round(self, *, patient: bool = False) -> Sequence[Outcome]:
        """Ask who has not seen the last checkpoint, keep what holds, and show it once it is a quorum.

        `patient` leaves those alone who failed a moment ago. Raises what the log raises, never what a
        witness does: that is an outcome.
        """
        with self.sessions.read() as session:
            checkpoint = self.log.latest(session)
            store = CosignRows(self.log.tenant, session)
            seen = {name: self._seen(store, name) for name in self.witnessing.trust.witnesses}
        if checkpoint is None:
            return [Outcome(name, size) for name, size in seen.items()]
        due = [name for name, size in seen.items() if size < checkpoint.size]
        if patient:
            due = [name for name in due if self._outsiders.may_be_asked(name)]
        done = self._ask(checkpoint, {name: seen[name] for name in due})
        self.log.show()
        return [done.get(name) or Outcome(name, size) for name, size in seen.items()]

    def _seen(self, store: CosignRows, name: str) -> int:
        """The largest size it cosigned with the key it has now; 0 has it tell."""
        size, line = store.last(name)
        witness, _ = self.witnessing.trust.witnesses[name]
        return size if line is not None and witness.signed(line) else 0

    def _ask(self, checkpoint: Checkpoint, due: dict[str, int]) -> dict[str, Outcome]:
        found = self._outsiders.ask(due, lambda name: self._one(name, checkpoint, due[name]))
        return {name: self._keep(name, *answer) for name, answer in found.items()}

    def _one(self, name: str, checkpoint: Checkpoint, old: int) -> tuple[Checkpoint, Answered, str]:
        """What was asked about, what came of it, and the proof of a claim to have seen more."""
        witness, url = self.witnessing.trust.witnesses[name]
        post = WitnessPost(name, allowed(url), time.monotonic() + self.seconds)
        while True:
            text = note.parse(checkpoint.text).text
            try:
                return checkpoint, ask(witness, post, checkpoint, text, self._node, old=old), ""
            except WitnessAhead as error:
                newer = self._latest() if error.seen else None
                if newer is None or not checkpoint.size < (error.seen or 0) <= newer.size:
                    return checkpoint, error, self._proof(name)
                # Another process of ours has published and shown it more in the meantime.
                checkpoint, old = newer, error.seen or 0
            except ConsentryError as error:
                return checkpoint, error, ""

    def _proof(self, name: str) -> str:
        """The note of a checkpoint that a witness saw, our key signed, and we do not have. Empty: none.

        What it shows is public. One that shows nothing, or not in time, has only claimed it.
        """
        _, url = self.witnessing.trust.witnesses[name]
        try:
            text = WitnessPost(name, allowed(url), time.monotonic() + self.seconds).seen(
                self.log.verifier.name
            )
        except ConsentryError:
            return ""
        with self.sessions.read() as session:
            found = self.witnessing.foreign(self._rows(session), text)
        return "" if found is None else found.plain

    def _rows(self, session: Session) -> TreeRows:
        return TreeRows(self.log.tenant, self.log.verifier, session)

    def _latest(self) -> Checkpoint | None:
        with self.sessions.read() as session:
            return self.log.latest(session)

    def _node(self, height: int, position: int) -> bytes:
        # A session each: none is held while a witness is waited for.
        with self.sessions.read() as session:
            return self._rows(session).nodes()(height, position)

    def _keep(self, name: str, checkpoint: Checkpoint, answer: Answered, proof: str) -> Outcome:
        if isinstance(answer, Cosigned):
            with self.sessions.write() as session:
                # The database may have been restored meanwhile: what is no longer there gets no line.
                if self._rows(session).of_size(checkpoint.size):
                    CosignRows(self.log.tenant, session).add(checkpoint.size, name, answer.line, answer.at)
            self._outsiders.answered(name)
            with self.sessions.read() as session:
                self.witnessing.settled(self._rows(session), name)
            return Outcome(name, checkpoint.size, answer.at)
        if isinstance(answer, WitnessAhead):
            self.witnessing.marks.put(name, str(answer), proof)
            more = {"witness": name, "code": answer.code, "proved": bool(proof)}
            LOG.critical("a witness has seen what is not here", extra=more)
        else:
            LOG.warning("a witness did not cosign", extra={"witness": name, "code": answer.code})
        self._outsiders.failed(name)
        return Outcome(name, checkpoint.size, fault=answer)


def run(cosigner: Cosigner, stop: Flag) -> None:
    """Ask until told to stop. What is not ready is waited for."""
    while not stop.wait(SECONDS):
        try:
            cosigner.round(patient=True)
        except ConsentryError as error:
            LOG.warning("witnesses wait", extra={"code": error.code})
