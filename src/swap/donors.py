"""A donor's way in: photo to quarantine, exactly one face, her own consent, and only then a comparison.

Deep Synthesis Provisions art. 14 counts the donor as an edited individual like the performer. The
photo goes when no unfinished job needs it any more, and at its date in any case.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from audit.log import Log
from audit.sessions import Sessions
from consent.case import Donor
from consent.faces import Detector
from consent.gate import Gate
from consent.matching import match
from consent.permit import Decision, Permit
from consent.photo import DONOR, PhotoReader, check_photo
from swap import cases, library, orders
from swap.cases import Asking
from swap.quarantine import Quarantine
from swap.recognition import Recogniser

KEPT = timedelta(hours=24)
"""How long a photo may wait for its job."""


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to a donor, and her id here if it was yes."""

    decision: Decision
    donor: str | None


@dataclass(frozen=True, slots=True)
class Donors:
    """Donors of one tenant."""

    sessions: Sessions
    gate: Gate
    ledger: Ledger
    log: Log
    quarantine: Quarantine
    photos: PhotoReader
    detector: Detector
    recogniser: Recogniser
    entropy: Entropy
    clock: Callable[[], datetime]

    def receive(
        self,
        requester: str,
        template: str,
        person: str,
        authorization: str,
        photo: Iterable[bytes],
        *,
        is_self: bool,
    ) -> Received:
        """Take a donor's photo in for one template: her consent to be compared names the work too.

        Raises `NoSuchThing`, `PhotoUnreadable`, `PhotoNoFace`, `PhotoManyFaces`, `PhotoPoor`. Whatever is
        raised or refused, the photo is gone again.
        """
        tenant = self.ledger.tenant
        stored = self.quarantine.receive(photo)
        kept = False
        try:
            pixels = self.photos.read(self.quarantine.bytes_for_sandbox(stored.digest))
            portrait = check_photo(pixels, self.detector, floor=DONOR)
            facts = Donor(stored.digest, faces=1, match=None, is_self=is_self)
            with self.sessions.write() as session:
                found = library.get(session, tenant, template)
                asking = Asking(tenant, self.gate.mode, requester)
                case = cases.of_donor(asking, found, person, authorization, facts)
                decision = self.gate.decide(session, case, self.clock())
            self.log.publish(decision.ruling.entry, now=self.clock())
            if not isinstance(decision, Permit):
                return Received(decision, None)
            # Compared with herself alone: the smallest closed set there is.
            with self.sessions.read() as session:
                reference = self.recogniser.reference(session, person, authorization, self.clock())
            said = match(self.recogniser.embedder.embed([portrait.crop]), reference, self.recogniser.rule)
            donor = orders.Donor(
                fresh(self.entropy),
                person,
                authorization,
                stored.digest,
                is_self,
                faces=1,
                match=said.match,
                decided_by=decision.id,
            )
            now = self.clock()
            with self.sessions.write() as session:
                orders.add_donor(session, tenant, donor, now=now, delete_after=now + KEPT)
            kept = True
            return Received(decision, donor.id)
        finally:
            if not kept:
                self._discard(stored.digest)

    def _discard(self, digest: str) -> None:
        with self.sessions.read() as session:
            needed = orders.photo_needed(session, self.ledger.tenant, digest)
        if not needed:
            self.quarantine.discard(digest)
