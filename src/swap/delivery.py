"""Handing a released file over, and its receipt: each time through the serving gate."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from audit.fact import Subject
from audit.ledger import Ledger
from audit.log import Log
from audit.receipt import Receipt
from audit.sessions import Sessions
from consent.hearing import SKEW
from consent.standing import Standings
from swap import outputs, serving
from swap.errors import ClockSetBack, NoSuchThing
from swap.faults import MediaMissing
from swap.serving import Gone
from swap.store import MediaStore


@dataclass(frozen=True, slots=True)
class Delivery:
    """Outputs of one tenant on their way to people."""

    sessions: Sessions
    ledger: Ledger
    log: Log
    media: MediaStore
    standings: Standings
    clock: Callable[[], datetime]

    def deliver(self, output: str) -> Path | Gone:
        """The file, for one delivery, counted. Ask again for every request and every range.

        In a write session, under the consents' locks: the count is what a withdrawal that comes after lists
        as delivered. Raises `NoSuchThing`, `ClockSetBack`, and `Tampered` or `MediaMissing` for a file that
        is no longer the released one.
        """
        tenant = self.ledger.tenant
        with self.sessions.read() as session:
            output_digest = outputs.get(session, tenant, output).digest
        # Hashed before the question, outside its transaction: no writer waits for a large file.
        with suppress(MediaMissing), self.media.descriptor(output_digest):
            pass
        with self.sessions.write() as session:
            now = self._now(session)
            leave = serving.ask(session, tenant, output, self.standings, now=now, lock="share")
            if isinstance(leave, Gone):
                return leave
            path = self.media.path(leave.output.digest)
            outputs.count_served(session, tenant, output)
            return path

    def _now(self, session: Session) -> datetime:
        # As the gate reads it: a consent that has ended must not come back with the clock.
        now, last = self.clock(), self.ledger.last_instant(session)
        if last is not None and last - now > SKEW:
            raise ClockSetBack("the clock is behind the log: whether a consent still holds is not known")
        return now if last is None else max(now, last)

    def receipt(self, output: str) -> bytes:
        """The receipt of a release: its entry, the part about the output opened, the proof of its place.

        It names nobody, so it may be handed out also when the file may not. Raises `NoSuchThing`.
        """
        with self.sessions.read() as session:
            released = outputs.get(session, self.ledger.tenant, output)
            entry = self.ledger.find(session, released.leaf_hash)
            parts = self.ledger.openings(session, released.leaf_hash, Subject("output", output))
            if entry is None or not parts:
                raise NoSuchThing(f"no release entry of output {output}")
            proof = self.log.proof(session, released.leaf_hash)
        return Receipt(entry.leaf, parts[0].part, parts[0].opening, proof).data
