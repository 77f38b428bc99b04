"""Handing a released file over, and its receipt: each time through the serving gate."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore

from sqlmodel import Session

from audit.canonical import Json, digest_of
from audit.fact import Subject
from audit.ledger import Ledger
from audit.log import EntryUnpublished, Log
from audit.receipt import Receipt
from audit.remembered import Remembered
from audit.sessions import Sessions
from consent.hearing import SKEW
from consent.standing import Lock, Standings
from swap import outputs, recipients, serving
from swap.errors import ClockSetBack, NoSuchThing, Tampered
from swap.faults import MediaMissing
from swap.outputs import Output
from swap.serving import Gone, Leave
from swap.store import MediaStore, Opened

AT_ONCE = 2
"""Threads that ask without counting. Each row read lets go of the interpreter and waits to have it back:
sixteen threads at once take 7 ms a question, and 600 changes of thread; two take 3."""

HERE = "operator"
"""Who is served at this machine's own prompt."""

_SHARED: Lock = "share"

_CONFIRMED: Remembered[bool] = Remembered(4096)
"""What the entry of a release said yes to, by tenant, leaf hash and digest of what the rows say."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A file that may leave, open: now and this once. Whoever was given it closes it."""

    output: Output
    opened: Opened


@dataclass(frozen=True, slots=True)
class Delivery:
    """Outputs of one tenant on their way to people."""

    sessions: Sessions
    ledger: Ledger
    log: Log
    media: MediaStore
    standings: Standings
    clock: Callable[[], datetime]
    turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE), compare=False)

    def deliver(self, output: str, *, to: str = HERE) -> Path | Gone:
        """The file, for one delivery, counted. Raises as `hand_over`, and `NoSuchThing`."""
        handed = self.hand_over(self.find(output), counted=True, to=to)
        if isinstance(handed, Gone):
            return handed
        handed.opened.close()
        return self.media.path(handed.output.digest)

    def find(self, output: str) -> Output:
        """What is known of it, by its row. Raises `NoSuchThing`."""
        with self.sessions.read() as session:
            return outputs.get(session, self.ledger.tenant, output)

    def hand_over(self, output: Output, *, counted: bool, to: str = HERE) -> Handed | Gone:
        """The file, open. Ask again for every request and every range, and `still` while it takes long.

        `counted`, a copy begins to leave: in a write session, under the consents' locks, so that a withdrawal
        that comes after lists it as delivered, and `to` whom. Else this goes on with such a copy.

        Raises `NoSuchThing`, `ClockSetBack`, and `Tampered` or `MediaMissing` for a file or rows that are no
        longer the released ones.
        """
        tenant = self.ledger.tenant
        with ExitStack() as undo:
            # Opened before the question, outside its transaction: no writer waits while a file is hashed.
            opened = self._opened(output.digest)
            if opened is not None:
                undo.callback(opened.close)
            with self.sessions.write() if counted else self._looking() as session:
                now, lock = self._now(session), _SHARED if counted else None
                leave = serving.ask(session, tenant, output.id, self.standings, now=now, lock=lock)
                if isinstance(leave, Gone):
                    return leave
                if opened is None:
                    raise MediaMissing(f"no file {output.digest}")
                if leave.output.digest != output.digest:
                    raise Tampered(f"output {output.id} is another file than a moment ago")
                if not self._as_released(session, leave):
                    raise Tampered(f"the rows of output {output.id} are not what its release says")
                if counted:
                    # Frozen while we asked: on PostgreSQL that shows only here, at the row's own lock.
                    if not outputs.count_served(session, tenant, output.id):
                        return Gone.FROZEN
                    recipients.served(session, self.ledger, leave.output, to, now=now)
            undo.pop_all()
            return Handed(leave.output, opened)

    def still(self, handed: Handed) -> bool:
        """Whether more of it may leave. Raises `NoSuchThing`, `ClockSetBack`."""
        return handed.opened.unchanged and self.gone(handed.output.id) is None

    def gone(self, output: str) -> Gone | None:
        """Why it may not be served now, if so. Nothing is handed over by it. Raises `NoSuchThing`."""
        with self._looking() as session:
            now = self._now(session)
            leave = serving.ask(session, self.ledger.tenant, output, self.standings, now=now)
        return leave if isinstance(leave, Gone) else None

    @contextmanager
    def _looking(self) -> Iterator[Session]:
        with self.turns, self.sessions.read() as session:
            yield session

    def _opened(self, digest: str) -> Opened | None:
        try:
            return self.media.opened(digest)
        except MediaMissing:
            # A withdrawal took it away, or somebody else: the gate knows which.
            return None

    def _now(self, session: Session) -> datetime:
        # As the gate reads it: a consent that has ended must not come back with the clock.
        now, last = self.clock(), self.ledger.last_instant(session)
        if last is not None and last - now > SKEW:
            raise ClockSetBack("the clock is behind the log: whether a consent still holds is not known")
        return now if last is None else max(now, last)

    def _as_released(self, session: Session, leave: Leave) -> bool:
        # Rows make a file reachable, and edited ones would make another file so, or rest on nobody who left.
        tenant, output = self.ledger.tenant, leave.output
        now_says: Mapping[str, Json] = {
            "output": output.id,
            "digest": output.digest,
            "rests_on": leave.foundations,
        }

        def confirmed() -> bool | None:
            said = self.ledger.opened(session, output.leaf_hash, Subject("tenant", tenant)) or {}
            return all(said.get(name) == value for name, value in now_says.items()) or None

        return _CONFIRMED.of((tenant, output.leaf_hash, digest_of(now_says)), confirmed) is True

    def receipt(self, output: str) -> bytes:
        """The receipt of a release: its entry, the part about the output opened, the proof of its place.

        It names nobody, so it may be handed out also when the file may not. Raises `NoSuchThing`,
        `audit.prunerows.EntryPruned`.
        """
        try:
            return self._receipt(output)
        except EntryUnpublished:
            # Released a moment ago. Who released it publishes it next, if nothing ends him before.
            self.log.publish(self.find(output).leaf_hash, now=self.clock())
            return self._receipt(output)

    def _receipt(self, output: str) -> bytes:
        with self.sessions.read() as session:
            released = outputs.get(session, self.ledger.tenant, output)
            entry = self.ledger.find(session, released.leaf_hash)
            parts = self.ledger.openings(session, released.leaf_hash, Subject("output", output))
            # First: it says so where the entry was pruned.
            proof = self.log.proof(session, released.leaf_hash)
            if entry is None or not parts:
                raise NoSuchThing(f"no release entry of output {output}")
        return Receipt(entry.leaf, parts[0].part, parts[0].opening, proof).data
