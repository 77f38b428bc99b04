"""The one way in: announce, admit, preview, scan, publish. Each asks the gate and leaves an entry.

announce  source record, digest and named cast, before any byte is accepted
admit     bytes to quarantine by digest; normalised once in the sandbox; no model reads them
preview   the clip is shown to a named cast member, so that she can answer
scan      consent to MATCHING first; detect every frame, follow, count; recognise only if the
          count fits the cast, and only against the cast
publish   the whole policy, once for the work and once a person
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from audit import instant
from audit.canonical import Json
from audit.fact import Fact, Part
from audit.ids import Entropy, fresh
from audit.ledger import Ledger
from audit.log import Log
from audit.sessions import Sessions
from consent import seals
from consent.case import Case, Matching, Use
from consent.dimensions import DataClass
from consent.docket import Answer
from consent.faces import Detector
from consent.gate import Forecast, Gate
from consent.keeping import keep_until
from consent.permit import Decision, Hold, Permit
from consent.words import Action
from swap import blocking, cases, casting, entering, filelocks, holdings, library, orders
from swap.aimarks import marked
from swap.assignments import Assignments
from swap.cases import Asking
from swap.casting import CastMember
from swap.entering import Announced, Seen
from swap.errors import NotAnnounced, UploadGone, WrongState
from swap.faults import MediaMissing
from swap.folder import Stored
from swap.library import State, Template
from swap.quarantine import Quarantine
from swap.recognition import Recogniser
from swap.remux import Remuxed
from swap.revisit import crops_again
from swap.sandbox import Sandbox, never
from swap.scan import Scan, scan
from swap.source import Source
from swap.store import MediaStore, Opened
from swap.welcome import Welcome

SHOWN = "PreviewShown"
Clock = Callable[[], datetime]
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Admission:
    """Templates of one tenant on their way in."""

    sessions: Sessions
    gate: Gate
    ledger: Ledger
    log: Log
    quarantine: Quarantine
    media: MediaStore
    sandbox: Sandbox
    detector: Detector
    recogniser: Recogniser
    side: int
    entropy: Entropy
    clock: Clock
    welcome: Welcome
    biometrics: bool = True
    """False: whatever is announced, nobody is compared with anybody."""

    @property
    def tenant(self) -> str:
        """Whose templates these are."""
        return self.ledger.tenant

    @property
    def assignments(self) -> Assignments:
        """Who is who where nobody is compared."""
        return Assignments(self.ledger, self.entropy)

    def announce(
        self,
        requester: str,
        source: Source,
        received: str,
        cast: Sequence[CastMember],
        *,
        matching: Matching = Matching.CLOSED_SET,
    ) -> Announced:
        """Ask whether a video may come in. `received`: SHA-256 of the bytes that will be uploaded.

        `matching`: how its faces will be told apart. Raises `BadCast`, `OnRefusalList`, `TooManyTried`,
        `swap.blocking.FileBlocked`.
        """
        casting.check(cast)
        now = self.clock()
        matching = matching if self.biometrics else Matching.ASSIGNED
        stated = source.stated(received=received, media=None)
        case = cases.intake(self._asking(requester), stated, cast, source.portrait_licences, matching)
        self.welcome.check(case, source.work, now)
        with self.sessions.write() as session:
            blocking.expect_free(session, self.tenant, received)
            decision = self.gate.decide(session, case, now)
            template = None
            if isinstance(decision, Permit):
                template = fresh(self.entropy)
                library.announce(
                    session,
                    self.tenant,
                    template,
                    fresh(self.entropy),
                    source,
                    received=received,
                    permit=decision.id,
                    now=decision.ruling.at,
                    matching=matching,
                )
                casting.declare(session, self.tenant, template, cast)
        self.log.publish(decision.ruling.entry, now=self.clock())
        return Announced(decision, template)

    def amend(self, requester: str, template: str, cast: Sequence[CastMember]) -> Decision:
        """Declare another cast: a new intake of the same bytes. What was detected is kept.

        A published template is so no longer. Raises `NoSuchThing`, and as `announce`.
        """
        casting.check(cast)
        now = self.clock()
        with self.sessions.read() as session:
            found = library.get(session, self.tenant, template)
        stated = found.source.stated(received=found.received_digest, media=found.media_digest)
        case = cases.intake(
            self._asking(requester), stated, cast, found.source.portrait_licences, found.matching
        )
        self.welcome.check(case, found.source.work, now)
        with self.sessions.write() as session:
            library.lock(session, self.tenant, template, exclusive=True)
            # Source and way of matching never change, so the question is still the one that was counted.
            decision = self.gate.decide(session, case, now)
            if isinstance(decision, Permit):
                self.assignments.void(session, template)
                library.amended(session, self.tenant, template, cast, now=now)
        self.log.publish(decision.ruling.entry, now=self.clock())
        return decision

    def admit(self, template: str, chunks: Iterable[bytes]) -> Remuxed:
        """Take the announced bytes in and normalise them.

        Raises `NotAnnounced` for other bytes, unparsed, what the sandbox finds wrong with them, `UploadGone`
        or `StorageFull`; then nothing of them is kept that is not needed or awaited by another template.
        """
        return self._admit(template, lambda: self.quarantine.receive(chunks))

    def admit_file(self, template: str, path: Path) -> Remuxed:
        """The same with bytes that lie on our disk already, and stay there. As `ContentFolder.adopt`."""
        return self._admit(template, lambda: self.quarantine.adopt(path))

    def awaiting(self, template: str) -> Template:
        """The template, if it waits for its bytes. Raises `NoSuchThing`, `WrongState`."""
        with self.sessions.read() as session:
            found = library.get(session, self.tenant, template)
        if found.state is not State.ANNOUNCED:
            raise WrongState(f"template {template} is {found.state}; expected announced")
        return found

    def _admit(self, template: str, receive: Callable[[], Stored]) -> Remuxed:
        found = self.awaiting(template)
        received = receive()
        media: str | None = None
        try:
            with self.quarantine.descriptor_for_sandbox(received.digest) as descriptor:
                altered = marked(descriptor)
            remuxed, media = self._normalise(found, received.digest)
            now = self.clock()
            with self.sessions.write() as session:
                self._still_here(session, template, received.digest, media)
                library.quarantined(
                    session,
                    self.tenant,
                    template,
                    received=received.digest,
                    media=media,
                    marked=altered,
                    now=now,
                )
                payload: dict[str, Json] = {
                    "template": template,
                    "received": received.digest,
                    "media": media,
                    "frames": remuxed.frames,
                    "sound": remuxed.sound,
                    "sandbox": str(self.sandbox.mode),
                    "marked": altered,
                    "source": found.source.to_json(),
                    "at": instant.exact(now),
                }
                entry = self.ledger.append(session, self._fact("TemplateAdmitted", payload), now)
        except BaseException as error:
            self._discard(template, received.digest, media)
            if isinstance(error, MediaMissing):
                raise UploadGone("the upload was deleted while it was received") from None
            raise
        self.log.publish(entry.leaf_hash, now=self.clock())
        return remuxed

    def preview(self, template: str, person: str) -> tuple[Decision, Path | None]:
        """The clip for a named cast member to look at, and nobody else."""
        now = self.clock()
        clip: Path | None = None
        with self.sessions.write() as session:
            library.lock(session, self.tenant, template, exclusive=False)
            found = self.at_least_quarantined(session, template)
            case = cases.of_template(self._asking(person), Action.PREVIEW, found)
            decision = self.gate.decide(session, case, now)
            if isinstance(decision, Permit):
                # First: a clip that is not there was not shown.
                clip = self.media.path(found.media_digest or "")
                part = seals.of_her(SHOWN, person, {"template": template, "at": instant.exact(now)})
                self.ledger.append(session, Fact(SHOWN, (part,), (decision.ruling.entry,)), now)
        self.log.publish(now=self.clock())
        return decision, clip

    def clip(self, template: str) -> Opened:
        """The clip, open. Who opens it asks `preview`, or `may_see`, before a byte of it goes anywhere."""
        with self.sessions.read() as session:
            found = self.at_least_quarantined(session, template)
        return self.media.opened(found.media_digest or "")

    def may_see(self, template: str, person: str) -> bool:
        """Whether `preview` would be permitted now. A dry run, to be asked while a clip is being sent."""
        with self.sessions.read() as session:
            found = self.at_least_quarantined(session, template)
            case = cases.of_template(self._asking(person), Action.PREVIEW, found)
            return self.gate.check(session, case, self.clock()).answer is Answer.PERMIT

    def scan(
        self,
        requester: str,
        template: str,
        *,
        cancelled: Callable[[], bool] = never,
        progress: Tell = lambda _done, _total: None,
    ) -> Seen:
        """Look for every face, then recognise the cast; the gate is asked before each of the two.

        Where faces are assigned by hand nobody is recognised, and what was assigned before holds no more.
        """
        asking = self._asking(requester)
        with self.sessions.read() as session:
            found = self.at_least_quarantined(session, template)
            known = None if found.scan_digest is None else library.seen(session, self.tenant, found)[0]
        decision = self._decide(cases.of_template(asking, Action.SCAN, found))
        if not isinstance(decision, Permit):
            return Seen(decision, None, None)
        with (
            self.media.descriptor(found.media_digest or "") as source,
            self.sandbox.frames(source, cancelled=cancelled) as footage,
        ):
            if known is None:
                seen, crops = scan(
                    footage,
                    media_digest=found.media_digest or "",
                    detector=self.detector,
                    limits=self.sandbox.limits,
                    side=self.side,
                    cancelled=cancelled,
                    progress=progress,
                )
                self._keep_scan(found, seen, decision)
            else:
                seen = known
                crops = crops_again(footage, seen, progress=progress)
        # Counted, not yet recognised: a stranger is turned away here without any embedding of her.
        decision = self._decide(cases.of_template(asking, Action.SCAN, found, scan=seen))
        if not isinstance(decision, Permit):
            return Seen(decision, seen, None)
        if found.matching is Matching.ASSIGNED:
            with self.sessions.write() as session:
                library.lock(session, self.tenant, template, exclusive=True)
                self.assignments.void(session, template)
                library.unmatched(session, self.tenant, template)
            return Seen(decision, seen, None)
        with self.sessions.read() as session:
            references = self.recogniser.references(session, found, self.clock())
        verdicts = self.recogniser.recognise(seen, crops, references)
        now = self.clock()
        with self.sessions.write() as session:
            library.matched(session, self.tenant, template, found.cast, cases.verdicts_json(verdicts))
            payload = entering.matched(template, seen, verdicts, now)
            self.ledger.append(session, self._fact(entering.MATCHED, payload, decision.ruling.entry), now)
        self.log.publish(now=self.clock())
        return Seen(decision, seen, verdicts)

    def publish(self, requester: str, template: str, use: Use) -> Decision:
        """Ask whether the template may be offered, under the whole policy."""
        now = self.clock()
        with self.sessions.write() as session:
            # Locked for the update that follows, before the cast is read: two who publish at once would
            # wait for each other's shared lock, and a cast amended in between would go unseen.
            library.lock(session, self.tenant, template, exclusive=True)
            found = library.get(session, self.tenant, template)
            case = self.case(session, requester, found, use)
            decision = self.gate.decide(session, case, now)
            self.follow(session, template, decision, now)
        self.log.publish(decision.ruling.entry, now=self.clock())
        return decision

    def check(self, requester: str, template: str, use: Use) -> Forecast:
        """What `publish` would answer, now. A dry run: nothing is written and no face is compared."""
        with self.sessions.read() as session:
            found = library.get(session, self.tenant, template)
            return self.gate.check(session, self.case(session, requester, found, use), self.clock())

    def follow(self, session: Session, template: str, decision: Decision, now: datetime) -> None:
        """Do what a decision on publishing says, in its own transaction."""
        published, until = None, decision.until if isinstance(decision, Hold) else None
        if isinstance(decision, Permit):
            published = decision.id
            cited = [authorization for authorization, _ in decision.body.authorizations]
            standings = self.gate.bench.registry.standings(session, self.tenant, cited, now=now, lock=None)
            kept = {DataClass.SOURCE, DataClass.TEMPLATE}
            until = keep_until(standings.values(), kept, now=now)
        library.decided(session, self.tenant, template, published_by=published, keep_until=until, now=now)

    def case(self, session: Session, requester: str, found: Template, use: Use) -> Case:
        """The question that `publish` puts to the gate."""
        scan, said = library.seen(session, self.tenant, found)
        verdicts = None if said is None else cases.verdicts_of(said)
        asking, reviewed = self._asking(requester), self.assignments.reviewed(session, found)
        return cases.of_template(
            asking, Action.PUBLISH, found, scan=scan, verdicts=verdicts, use=use, reviewed=reviewed
        )

    def _keep_scan(self, found: Template, seen: Scan, decision: Decision) -> None:
        now = self.clock()
        payload = entering.detected(found.id, seen, now)
        with self.sessions.write() as session:
            library.scanned(session, self.tenant, found.id, digest=seen.digest, body=seen.to_bytes(), now=now)
            self.ledger.append(session, self._fact("TemplateScanned", payload, decision.ruling.entry), now)

    def _decide(self, case: Case) -> Decision:
        with self.sessions.write() as session:
            decision = self.gate.decide(session, case, self.clock())
        self.log.publish(decision.ruling.entry, now=self.clock())
        return decision

    def _normalise(self, found: Template, received: str) -> tuple[Remuxed, str]:
        if received != found.received_digest:
            # Before anything parses them: leave was given for other bytes.
            raise NotAnnounced("the uploaded bytes are not the ones that were announced")
        with self.quarantine.descriptor_for_sandbox(received) as source, self.media.draft() as draft:
            remuxed = self.sandbox.remux(source, draft.fileno())
            os.fsync(draft.fileno())
            return remuxed, self.media.keep(draft).digest

    def _still_here(self, session: Session, template: str, received: str, media: str) -> None:
        library.lock(session, self.tenant, template, exclusive=True)
        filelocks.lock(session, self.tenant, received, media)
        # Another template of the very same bytes may have reached its date and taken them along.
        if not (self.quarantine.holds(received) and self.media.holds(media)):
            raise UploadGone("the upload was deleted while it was received")

    def _discard(self, template: str, received: str, media: str | None) -> None:
        # Not ours to take: what another template was admitted from, or may be at work on, or a donor's photo.
        # What stays is an orphan in a day. Where a commit is in doubt, it came or not once the lock is ours.
        with self.sessions.write() as session:
            library.lock(session, self.tenant, template, exclusive=True)
            filelocks.lock(session, self.tenant, received, media)
            awaited = holdings.awaited(session, self.tenant, received, beside=template)
            photo = orders.photo_needed(session, self.tenant, received)
            if not (awaited or photo or holdings.received_needed(session, self.tenant, received)):
                self.quarantine.discard(received)
            if media is not None and not (awaited or holdings.media_needed(session, self.tenant, media)):
                self.media.discard(media)

    def at_least_quarantined(self, session: Session, template: str) -> Template:
        """The template, if its bytes are here. Raises `NoSuchThing`, `WrongState`."""
        found = library.get(session, self.tenant, template)
        if found.media_digest is None or found.state is State.PURGED:
            raise WrongState(f"template {template} is {found.state}; its bytes are not here yet")
        return found

    def _asking(self, requester: str) -> Asking:
        return Asking(self.tenant, self.gate.mode, requester)

    def _fact(self, kind: str, payload: dict[str, Json], *refs: str) -> Fact:
        return Fact(kind, (Part.of_tenant(self.tenant, payload),), refs)
