"""Whether a cast may be named for a source at all: asked before the gate, and written down in any case."""

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
            refused = refusals.refused(
                session, case.tenant, people=people, sources=(received, media), work=work
            )
            if refused:
                raise OnRefusalList(f"on the refusal list: {', '.join(sorted(refused))}")
            fits = self.tries.name(session, case.requester, received or "", people, now=now)
        if not fits:
            self.log.publish(now=now)
            raise TooManyTried("more people were named for this source, or today, than belong in a cast")
