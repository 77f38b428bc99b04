"""The messenger: sends what is owed to hooks, tries again ever later, and gives up in the end.

At least once, with an id that stays. In the order of the facts as long as nothing goes wrong: of a hook that
does not answer no more is sent in the same round. Beside the worker's turn, in a thread of its own: somebody
else's slow server must hold up neither log nor duties.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Flag
from typing import Protocol

from sqlmodel import Session

from audit import instant, keyhistory
from audit.canonical import Json
from audit.errors import BadInput, ConsentryError
from audit.fact import Fact, Part
from audit.keys import SigningKey
from audit.ledger import Ledger
from audit.sessions import Sessions
from consent import chain, docket
from service import webhooks
from service.logs import LOG
from service.outbound import Outbound
from service.settings import Mode
from service.wiring import Record
from swap import duties, hooks, tidings
from swap.duties import Duty
from swap.hooks import Event
from swap.tidings import Herald, State, Tiding

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
"""Before the second try and each after it; then it is given up, a day and a quarter after the fact."""
AHEAD = timedelta(days=14)
"""How long before its end a consent is told of as expiring."""
SECONDS = 1.0
"""Between two rounds."""
PAGE = 500
"""Holds and ending consents that are looked at together; all of them are, in each round."""


class Pages(Protocol):
    """What time alone brings, a page at a time: ids and the instants that make them news."""

    def __call__(
        self, session: Session, tenant: str, *, limit: int, beyond: tuple[str, datetime] | None
    ) -> Sequence[tuple[str, datetime]]: ...


@dataclass(frozen=True, slots=True)
class Messenger:
    """Hooks of one tenant."""

    sessions: Sessions
    ledger: Ledger
    herald: Herald
    key: SigningKey
    outbound: Outbound
    origin: str
    clock: Callable[[], datetime]

    @classmethod
    def of(cls, record: Record) -> "Messenger":
        """Over what a process has opened."""
        settings = record.settings
        return cls(
            record.database,
            record.ledger,
            Herald(settings.tenant, record.entropy),
            record.webhook,
            Outbound(settings.mode is Mode.DEMO),
            settings.origin,
            record.clock,
        )

    def round(self, stopped: Callable[[], bool] = lambda: False) -> int:
        """Look for what time alone brings, and send what is owed, until told to stop. How many arrived."""
        self.look()
        tenant = self.ledger.tenant
        with self.sessions.read() as session:
            owed = tidings.owed(session, tenant, now=self.clock())
            # What is owed waits for a process that was started with the key of now.
            signs = keyhistory.may_sign(session, tenant, [self.key.kid])
        silent: set[str] = set()
        delivered = 0
        for duty, tiding in owed:
            if signs and not stopped():
                delivered += self._send(duty, tiding, silent)
        return delivered

    def look(self) -> None:
        """Holds that were opened, and consents that end soon: told of once each."""
        now = self.clock()
        ending = partial(chain.ending, after=now, until=now + AHEAD)
        with self.sessions.read() as session:
            news = [
                (event, subject, until)
                for event, pages in ((Event.HOLD_OPENED, docket.held), (Event.CONSENT_EXPIRING, ending))
                for subject, until in self._untold(session, event, pages)
            ]
        if not news:
            # Looked at every second: nobody must wait for a writer that writes nothing.
            return
        with self.sessions.write() as session:
            for event, subject, until in news:
                self.herald.tell(session, event, subject, {"until": until}, now=now, once=until)

    def _untold(self, session: Session, event: Event, pages: Pages) -> Iterator[tuple[str, str]]:
        """What somebody is still to be told of, page by page: what was told before must hide none of it."""
        tenant, last = self.ledger.tenant, None
        if not hooks.telling(session, tenant, event):
            return
        while page := pages(session, tenant, limit=PAGE, beyond=last):
            yield from tidings.untold(session, tenant, event, [(one, instant.exact(at)) for one, at in page])
            last = page[-1]

    def _send(self, duty: Duty, tiding: Tiding, silent: set[str]) -> bool:
        if tiding.hook in silent:
            return False
        with self.sessions.read() as session:
            hook = hooks.get(session, self.ledger.tenant, tiding.hook)
        if hook.ended_at is not None:
            self._end(duty, tiding, State.DROPPED)
            return False
        now = self.clock()
        body = webhooks.body(tiding, self.origin)
        try:
            self.outbound.post(hook.url, body, webhooks.headers(tiding, body, self.key, now=now))
        except ConsentryError as error:
            silent.add(hook.id)
            self._failed(duty, tiding, error)
            return False
        self._end(duty, tiding, State.DELIVERED)
        return True

    def _failed(self, duty: Duty, tiding: Tiding, error: ConsentryError) -> None:
        more = {"hook": tiding.hook, "code": error.code, "tries": duty.attempts + 1}
        if duty.attempts < len(PAUSES):
            LOG.warning("a hook did not take an event; it is sent again", extra=more)
            due = self.clock() + PAUSES[duty.attempts]
            with self.sessions.write() as session:
                duties.again(session, self.ledger.tenant, duty, due=due)
            return
        LOG.error("a hook did not take an event; it is given up", extra=more)
        self._end(duty, tiding, State.GIVEN_UP)

    def _end(self, duty: Duty, tiding: Tiding, state: State) -> None:
        tenant, now = self.ledger.tenant, self.clock()
        with self.sessions.write() as session:
            duties.done(session, tenant, duty.id, now=now)
            tidings.ended(session, tenant, tiding.id, state, now=now)
            if state is State.GIVEN_UP:
                # Who was to be told was not: that is a fact, and somebody may have to tell him otherwise.
                said: dict[str, Json] = {
                    "hook": tiding.hook,
                    "event": tiding.event,
                    "type": str(tiding.type),
                    "subject": tiding.subject,
                    "at": instant.exact(now),
                }
                part = Part.of_tenant(tenant, said)
                refs = () if tiding.entry is None else (tiding.entry,)
                self.ledger.append(session, Fact("NotificationGivenUp", (part,), refs), now)


def run(messenger: Messenger, stop: Flag) -> None:
    """Send until told to stop. What is not ready is waited for."""
    while not stop.wait(SECONDS):
        try:
            messenger.round(stop.is_set)
        except BadInput as error:
            LOG.error("a tiding can't be read", extra={"code": error.code})
        except ConsentryError as error:
            LOG.warning("hooks wait", extra={"code": error.code})
