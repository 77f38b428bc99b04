"""A donor's way in: photo to quarantine, exactly one face, her own consent, and only then a comparison.

Deep Synthesis Provisions art. 14 counts the donor as an edited individual like the performer. The
photo goes when no unfinished job needs it any more, and at its date in any case.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from audit import instant
from audit.fact import Fact
from audit.ids import Entropy, fresh
from audit.keystore import UNSEALABLE
from audit.ledger import Ledger
from audit.log import Log
from audit.sessions import Sessions
from consent import docket, recording, seals
from consent.case import Appearance, Donor, Matching, parse
from consent.docket import Answer
from consent.faces import Crop, Detector
from consent.gate import Gate
from consent.hearing import Bench
from consent.matching import match
from consent.permit import Decision, Permit
from consent.photo import DONOR, PhotoReader, check_photo
from consent.resemblances import FaceHeld, What
from consent.watch import Watch
from consent.words import Action, Match, Role
from swap import cases, confirmations, filelocks, holdings, library, orders
from swap.cases import Asking
from swap.confirmations import About, NotAssigned
from swap.errors import NoSuchThing, Tampered
from swap.quarantine import Quarantine
from swap.recognition import Recogniser
from swap.retention import AFTER, Kept

DELETED = "DonorPhotoDeleted"


def let_go(session: Session, ledger: Ledger, quarantine: Quarantine, donor_id: str, *, now: datetime) -> bool:
    """Delete a donor's photo, in the caller's write session, unless an unfinished job needs it."""
    donor = orders.donor(session, ledger.tenant, donor_id)
    # Before the look: a job that begins with it just now is seen, or sees that the photo is gone.
    filelocks.lock(session, ledger.tenant, donor.photo_digest)
    if orders.waiting_for(session, ledger.tenant, donor.id):
        return False
    if not orders.donor_deleted(session, ledger.tenant, donor.id):
        return False
    if not _needed(session, ledger.tenant, donor.photo_digest):
        # Before the commit: a crash here repeats the step, the other order would forget the file.
        quarantine.discard(donor.photo_digest)
    part = seals.of_her(DELETED, donor.person, {"donor": donor.id, "at": instant.exact(now)})
    # Gone all the same where nothing can be sealed for her: the count of what was purged says so.
    with suppress(*UNSEALABLE):
        ledger.append(session, Fact(DELETED, (part,)), now)
    return True


def handed_in(session: Session, bench: Bench, donor_id: str, requester: str) -> orders.Donor:
    """A donor as the decision says that let her photo be compared, and the log of that decision.

    Where nobody is compared she is matched once it is confirmed that the photo is hers. She is the one
    who asks only if it is still the one who handed her photo in. Raises `NoSuchThing`, `Tampered` for a
    row that names another person, consent or photo.
    """
    donor = orders.donor(session, bench.tenant, donor_id)
    decision = docket.find(session, bench.tenant, donor.decided_by)
    said = None if decision is None else parse(decision.case)
    if (
        decision is None
        or said is None
        or (decision.action, decision.answer) != (Action.DONOR, Answer.PERMIT)
        or not recording.remembered_as_logged(session, bench, decision, said)
        or said.people != (Appearance(donor.person, Role.DONOR, donor.authorization),)
        or said.donor != Donor(donor.photo_digest, donor.faces, None, is_self=donor.is_self)
    ):
        raise Tampered(f"donor {donor_id} is not the one who was decided about")
    if said.matching is Matching.ASSIGNED:
        confirmed = confirmations.settled(session, bench.ledger, _about(donor, said.requester))
        donor = replace(donor, match=Match.MATCHED if confirmed else Match.UNKNOWN)
    return replace(donor, is_self=donor.is_self and requester == said.requester)


def confirm(
    session: Session, bench: Bench, donor_id: str, *, by: str, person: str | None, now: datetime
) -> str:
    """Say that the photo of a donor whom nobody compares is hers: `person` herself, or a reviewer.

    The entry's leaf hash. Raises `NoSuchThing`, `Tampered`, `NotAssigned` for a donor who is compared.
    """
    donor = orders.donor(session, bench.tenant, donor_id)
    if person not in {None, donor.person}:
        raise NoSuchThing(f"no donor {donor_id}")
    handed_in(session, bench, donor_id, by)
    decision = docket.find(session, bench.tenant, donor.decided_by)
    said = None if decision is None else parse(decision.case)
    if decision is None or said is None or said.matching is not Matching.ASSIGNED or donor.deleted:
        raise NotAssigned(f"donor {donor_id} does not wait to be confirmed")
    about = _about(donor, said.requester)
    return confirmations.confirm(
        session, bench.ledger, about, by=by, person=person, entry=decision.entry, now=now
    )


def _about(donor: orders.Donor, requester: str) -> About:
    return About(donor.id, donor.photo_digest, requester, frozenset({donor.person}))


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
    watch: Watch | None = None
    """Looks among the protected. None, as ever where the operator's setting is off: nobody looks."""

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

        Raises `NoSuchThing`, `PhotoUnreadable`, `PhotoNoFace`, `PhotoManyFaces`, `PhotoPoor`, `FaceHeld`.
        Whatever is raised or refused, the photo is gone again; so it is when it doesn't show her.
        """
        tenant, sent = self.ledger.tenant, list[bytes]()
        stored = self.quarantine.receive(_noted(photo, sent))
        kept, data = False, b"".join(sent)
        try:
            pixels = self.photos.read(data)
            portrait = check_photo(pixels, self.detector, floor=DONOR)
            facts = Donor(stored.digest, faces=1, match=None, is_self=is_self)
            with self.sessions.write() as session:
                library.lock(session, tenant, template, exclusive=False)
                found = library.get(session, tenant, template)
                asking = Asking(tenant, self.gate.mode, requester)
                case = cases.of_donor(asking, found, person, authorization, facts)
                decision = self.gate.decide(session, case, self.clock())
            self.log.publish(decision.ruling.entry, now=self.clock())
            if not isinstance(decision, Permit):
                return Received(decision, None)
            # Where faces are assigned by hand the photo is kept for whoever confirms that it is hers.
            assigned = found.matching is Matching.ASSIGNED
            seen = Match.UNKNOWN if assigned else self._compared(person, authorization, portrait.crop)
            hers = assigned or seen is Match.MATCHED
            donor = orders.Donor(
                fresh(self.entropy),
                person,
                authorization,
                stored.digest,
                is_self,
                faces=1,
                match=seen,
                decided_by=decision.id,
                # Somebody else's photo, as far as we can tell: what stays is the word, for the refusal.
                deleted=not hers,
            )
            now = self.clock()
            with self.sessions.write() as session:
                # A withdrawal dates the photos it finds; while we compared it would not have found this one.
                stands = self._as_decided(session, authorization, decision, now)
                # Another job with the same photo may have ended meanwhile and taken the file along.
                filelocks.lock(session, tenant, stored.digest)
                if hers and not self.quarantine.holds(stored.digest):
                    self.quarantine.receive([data])
                until = now + AFTER[Kept.DONOR] if stands else now
                orders.add_donor(session, tenant, donor, now=now, delete_after=until)
            kept = hers
            return Received(decision, donor.id)
        finally:
            if not kept:
                self._discard(stored.digest)

    def _compared(self, person: str, authorization: str, crop: Crop) -> Match:
        """With herself alone, the smallest closed set there is; and with those who asked to be protected."""
        probes = self.recogniser.embedder.embed([crop])
        now = self.clock()
        if self.watch is not None:
            registry, tenant = self.recogniser.registry, self.ledger.tenant
            with self.sessions.write() as session:
                found = registry.standings(session, tenant, [authorization], now=now, lock=None)
                held = authorization not in found or self.watch.resembles(
                    session, found[authorization], probes, What.DONOR, now=now
                )
            self.log.publish(now=self.clock())
            if held:
                raise FaceHeld("the face of a donor's photo is held for two people to look at")
        with self.sessions.read() as session:
            reference = self.recogniser.reference(session, person, authorization, now)
        return match(probes, reference, self.recogniser.rule).match

    def _as_decided(self, session: Session, authorization: str, permit: Permit, now: datetime) -> bool:
        registry, tenant = self.recogniser.registry, self.ledger.tenant
        found = registry.standings(session, tenant, [authorization], now=now, lock="share").get(authorization)
        return found is not None and (authorization, found.head) in permit.body.authorizations

    def _discard(self, digest: str) -> None:
        with self.sessions.write() as session:
            filelocks.lock(session, self.ledger.tenant, digest)
            if not _needed(session, self.ledger.tenant, digest):
                self.quarantine.discard(digest)


def _noted(chunks: Iterable[bytes], into: list[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        into.append(chunk)
        yield chunk


def _needed(session: Session, tenant: str, digest: str) -> bool:
    # A file lies under its bytes, whoever sent them: a video sent as a photo is some template's evidence, or
    # on its way to be.
    return (
        orders.photo_needed(session, tenant, digest)
        or holdings.received_needed(session, tenant, digest)
        or holdings.awaited(session, tenant, digest)
    )
