"""Whether a source may be looked at with this cast at all: asked before the gate, and written down."""

from dataclasses import dataclass
from datetime import datetime

from audit.log import Log
from audit.sessions import Sessions
from consent import refusals
from consent.case import Case
from consent.refusals import OnRefusalList
from consent.tries import TooManyTried, Tries


@dataclass(frozen=True, slots=True)
class Welcome:
    """Counts who is named, and turns away what is on the refusal list."""

    sessions: Sessions
    log: Log
    tries: Tries

    def check(self, case: Case, work: str | None, now: datetime) -> None:
        """Of an intake's case. Raises `OnRefusalList`, `TooManyTried`; everybody too many is told."""
        source = case.source
        received, media = (source.received_digest, source.media_digest) if source else (None, None)
        people = [one.person for one in case.people]
        with self.sessions.write() as session:
            # Counted first, whatever comes of it: asking again and again must not be free.
            fits = self.tries.name(session, case.requester, received or "", people, now=now)
            refusals.lock(session, case.tenant, "share")
            refused = refusals.refused(
                session, case.tenant, people=people, sources=(received, media), work=work
            )
            if refused:
                self.tries.turn_away(session, case.requester, people, now=now)
        self.log.publish(now=now)
        if refused:
            # Not which: whoever asks must not learn from it who has refused.
            raise OnRefusalList("the source, the work or somebody in the cast is on the refusal list")
        if not fits:
            raise TooManyTried("more people were named for this source, or today, than belong in a cast")
