"""Before the engine runs: what the permit covers, put into the engine's terms and nothing more."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from audit.claim import OutputManifest
from audit.ids import Entropy, fresh
from consent import case, docket
from consent.case import Case
from consent.faces import Detector
from consent.photo import DONOR, PhotoReader, check_photo
from consent.policy import Policy
from consent.words import Match, ProofLevel, Role
from swap import cases, library, orders
from swap.cases import Verdict
from swap.engine import Engine, PermittedTrack, Portrait
from swap.errors import NobodyToSwap, Tampered, WrongState
from swap.finishing import Order, seconds
from swap.library import Template
from swap.orders import Job
from swap.quarantine import Quarantine
from swap.scan import Scan


@dataclass(frozen=True, slots=True)
class Preparing:
    """Turns a redeemed job into an order for the finisher."""

    tenant: str
    quarantine: Quarantine
    photos: PhotoReader
    detector: Detector
    engine: Engine
    policy: Policy
    origin: str
    """The log's origin, as manifests name it."""
    version: str
    """Of this program, as manifests name it."""
    entropy: Entropy

    def seen(self, session: Session, template: Template) -> tuple[Scan, tuple[Verdict, ...] | None]:
        """Its scan and what was said of its tracks. Raises `WrongState`, `Tampered`, `ScanMalformed`."""
        scan, said = library.seen(session, self.tenant, template)
        return scan, None if said is None else cases.verdicts_of(said)

    def order(self, session: Session, job: Job, *, now: datetime) -> Order:
        """What to run. Only tracks matched to performers go in; everybody else stays untouched.

        Raises `Tampered` when scan, verdicts or donor are not those the permit was given for, `WrongState`
        when they were scanned again since, `NobodyToSwap`, and what can be wrong with the photo.
        """
        template = library.get(session, self.tenant, job.template)
        scan, verdicts = self.seen(session, template)
        decision = docket.find(session, self.tenant, job.permit)
        if decision is None or verdicts is None:
            raise WrongState(f"job {job.id} has no decision to run under")
        asked = case.parse(decision.case)
        here = (scan.digest, cases.tracks_digest(verdicts))
        if _tracks(asked) != here:
            # The permit names who is on which track. Other verdicts would put the donor on somebody else.
            published = docket.find(session, self.tenant, template.published_by or "")
            if published is None or _tracks(case.parse(published.case)) == here:
                raise WrongState(f"template {template.id} was scanned again since the permit")
            raise Tampered(f"the tracks of template {template.id} are not those that were permitted")
        donor = orders.donor(session, self.tenant, job.donor)
        if asked.template != template.id or not asked.donor or asked.donor.digest != donor.photo_digest:
            raise Tampered(f"job {job.id} is not the one that was permitted")
        # From the case, whose digest the log holds, and not from rows beside it.
        performers = {one.person for one in asked.people if one.role is Role.PERFORMER}
        shown = {v.track: v.person for v in verdicts if v.match is Match.MATCHED}
        tracks = [
            PermittedTrack(track.id, track.faces())
            for track in scan.tracks
            if shown.get(track.id) in performers
        ]
        if not tracks:
            raise NobodyToSwap(f"no track of template {template.id} shows a performer")
        photo = self.photos.read(self.quarantine.bytes_for_sandbox(donor.photo_digest))
        output = fresh(self.entropy)
        return Order(
            job=job.id,
            attempt=job.attempt,
            output=output,
            media_digest=scan.media_digest,
            tracks=tracks,
            portrait=Portrait(photo, check_photo(photo, self.detector, floor=DONOR).face),
            voice_kept=bool(asked.use and asked.use.voice_kept),
            claim=OutputManifest(
                version=self.version,
                when=now,
                engine=self.engine.name,
                engine_version=self.engine.version,
                seconds=seconds(scan.clip.duration, scan.clip.tick),
                template_instance=fresh(self.entropy),
                donor_instance=fresh(self.entropy),
                log_origin=self.origin,
                permit=job.permit,
                authorizations=asked.authorizations,
                policy_sha256=decision.policy,
                lowest_proof=str(decision.proof or ProofLevel.SELF_ASSERTED),
                salt=self.entropy(32),
                rules=tuple(sorted(self.policy.rules)),
                aigc_produce_id=output,
            ),
        )


def _tracks(asked: Case) -> tuple[str | None, str | None]:
    """The scan that a question was about, and who was said to be on which track of it."""
    return asked.scan_digest, asked.tracks_digest
