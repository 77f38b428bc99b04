"""Scans as work for a worker: asked for in one transaction, done outside any, safe to do again.

Whoever takes a scan up begins its next attempt, which fences the one before: that one writes no progress
any more and does not end it. What both may have seen is the same, for the same bytes are the same scan.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from audit.errors import ConsentryError, Unready
from audit.ids import fresh
from swap import duties, library, scans
from swap.admission import Admission, Tell
from swap.duties import Kind
from swap.errors import JobStopped, NoSuchThing
from swap.library import State as Stage
from swap.scans import ScanOrder, State

ATTEMPTS = 5
"""A clip that kills the process each time must not do so for ever."""

EVERY = timedelta(seconds=1)
"""How often progress is written, and looked whether the scan is still wanted."""

_HERE = {Stage.QUARANTINED, Stage.SCANNED, Stage.PUBLISHED, Stage.REFUSED}


def _untold(_done: int, _total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Scanning:
    """Scans of one tenant's templates."""

    admission: Admission

    def ask(self, requester: str, template: str) -> ScanOrder:
        """Order a scan. The gate is asked when it begins, and again once faces are counted.

        Raises `NoSuchThing`, and `WrongState` before the bytes are here or while a scan is under way.
        """
        tenant, now = self.admission.tenant, self.admission.clock()
        order = fresh(self.admission.entropy)
        with self.admission.sessions.write() as session:
            library.lock(session, tenant, template, exclusive=True)
            self.admission.at_least_quarantined(session, template)
            scans.add(session, tenant, order, template, requester, now=now)
            duties.owe(session, tenant, Kind.RUN_SCAN, order, now=now, entropy=self.admission.entropy)
            return scans.get(session, tenant, order)

    def run(self, order_id: str, tell: Tell = _untold) -> None:
        """Do a scan, unless it is over. `tell` hears of every frame, and may raise to give it back.

        What goes wrong with the media or the template ends it as failed, under the error's code; what is
        wrong with the deployment is raised, and the scan waits for its next attempt.
        """
        tenant, sessions = self.admission.tenant, self.admission.sessions
        with sessions.write() as session:
            order = scans.begin(session, tenant, order_id, now=self.admission.clock())
        if order.state.final:
            return
        if order.attempt > ATTEMPTS:
            self._end(order, State.FAILED, outcome=JobStopped.code)
            return
        watch = _Watch(self.admission, order, self.admission.clock(), tell)
        try:
            seen = self.admission.scan(
                order.requester, order.template, cancelled=watch.cancelled, progress=watch.progress
            )
        except Unready:
            raise
        except ConsentryError as error:
            self._end(order, State.FAILED, outcome=error.code)
            return
        watch.say()
        self._end(order, State.DONE, decision=seen.decision.ruling.id)

    def give_up(self, order_id: str, code: str) -> None:
        """Close a scan whose attempts broke off, the last of them too."""
        with self.admission.sessions.read() as session:
            order = scans.get(session, self.admission.tenant, order_id)
        self._end(order, State.FAILED, outcome=code)

    def settle(self, _order: str) -> None:
        """Publish the log over what happened. Nothing is kept for a scan alone."""
        self.admission.log.publish(now=self.admission.clock())

    def _end(
        self, order: ScanOrder, state: State, *, decision: str | None = None, outcome: str | None = None
    ) -> None:
        tenant, now = self.admission.tenant, self.admission.clock()
        with self.admission.sessions.write() as session:
            scans.end(session, tenant, order, state, decision=decision, outcome=outcome, now=now)


@dataclass(slots=True)
class _Watch:
    """Told of each frame; about once a second it writes how far the attempt is, and looks around."""

    admission: Admission
    order: ScanOrder
    looked: datetime
    tell: Tell
    done: int = 0
    total: int | None = None
    stopped: bool = False

    def progress(self, done: int, total: int) -> None:
        self.tell(done, total)
        self.done, self.total = done, total

    def cancelled(self) -> bool:
        now = self.admission.clock()
        if not self.stopped and now - self.looked >= EVERY:
            self.looked = now
            self.stopped = not (self.say() and self._wanted())
        return self.stopped

    def say(self) -> bool:
        """Write how far it is. False: the scan is another attempt's now, or over."""
        tenant, now = self.admission.tenant, self.admission.clock()
        with self.admission.sessions.write() as session:
            return scans.tell(session, tenant, self.order, done=self.done, total=self.total, now=now)

    def _wanted(self) -> bool:
        with self.admission.sessions.read() as session:
            try:
                template = library.get(session, self.admission.tenant, self.order.template)
            except NoSuchThing:
                return False
        return not template.frozen and template.state in _HERE
