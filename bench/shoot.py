"""One swap from announcement to release on the demo's clip, step by step as the service takes them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from audit.canonical import digest
from bench.house import House
from consent import signature
from consent.authorization import Request, draw_up
from consent.capacity import Capacity
from consent.case import SourceKind
from consent.notice import load_notices
from consent.permit import Decision, Permit
from consent.registry import Granted
from consent.words import AgeBand, Purpose, Role
from service.demo import clips, paperwork, portraits
from service.demo.cast import Player, enrol, scope
from service.demo.story import OPERATOR, USE
from service.layout import policies
from swap import orders
from swap.casting import CastMember
from swap.finishing import Order
from swap.pipeline import Asked
from swap.quarantine import in_chunks
from swap.source import Source

CAST: Mapping[str, Role] = {"astronaut": Role.PERFORMER, "camera": Role.BACKGROUND, "hopper": Role.DONOR}
_USES = 1_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What one pass left behind."""

    asked: Decision
    """The permit of the swap."""
    order: Order
    """What the engine was given."""


@dataclass(frozen=True, slots=True)
class Shoot:
    """Three people who consented, and a clip. `take` may be called again and again."""

    house: House
    clip: Path
    cast: Mapping[str, CastMember]
    work: str
    """SHA-256 of the clip's licence."""

    @classmethod
    def prepared(
        cls,
        house: House,
        make: Callable[[Path], None] = clips.template,
        people: Mapping[str, Role] = CAST,
    ) -> "Shoot":
        """Clip made, everybody enrolled, notices read, consents signed."""
        record = house.record
        clip = house.folder / "template.mp4"
        make(clip)
        private, video, cast = privately(house), digest(clip.read_bytes()), {}
        paperwork.papers(record, house.folder / "papers")
        work = paperwork.copyright_of(record, video).digest
        for name, role in people.items():
            player = enrol(record, name, private)
            consent = granted(house, player, role, video)
            cast[name] = CastMember(player.person, role, consent.authorization)
        return cls(house, clip, cast, work)

    def take(self) -> Taken:
        """All of it, once."""
        return self.swap(self.admit(), lambda step: step())

    def admit(self) -> str:
        """Announce, admit, scan, publish. The template's id."""
        admission = self.house.studio.admission
        depicted = [member for member in self.cast.values() if member.role is not Role.DONOR]
        announced = admission.announce(OPERATOR, self._source(), digest(self.clip.read_bytes()), depicted)
        template = announced.template or _refused(announced.decision)
        admission.admit(template, in_chunks(self.clip))
        permitted(admission.scan(OPERATOR, template).decision)
        permitted(admission.publish(OPERATOR, template, USE))
        return template

    def swap(self, template: str, measure: Callable[[Callable[[], None]], None]) -> Taken:
        """Receive the donor, ask, redeem; then run, release, settle. Both halves pass through `measure`."""
        record, studio = self.house.record, self.house.studio
        pipeline, tenant, donor = studio.pipeline, record.settings.tenant, self.cast["hopper"]
        asked: list[Asked] = []
        released: list[bool] = []

        def begin() -> None:
            photo = in_chunks(portraits.path("hopper"))
            received = studio.donors.receive(
                OPERATOR, template, donor.person, donor.authorization or "", photo, is_self=False
            )
            asked.append(pipeline.ask(template, received.donor or _refused(received.decision), OPERATOR, USE))
            pipeline.redeem(asked[0].job or _refused(asked[0].decision))

        def finish() -> None:
            made = pipeline.run(job)
            released.append(made is not None and pipeline.release(job, made))
            pipeline.settle(job)

        measure(begin)
        job = asked[0].job or ""
        with record.database.read() as session:
            order = pipeline.preparing.order(session, orders.job(session, tenant, job), now=record.clock())
        measure(finish)
        if not all(released):
            raise RuntimeError("the bench's swap was not released")
        return Taken(asked[0].decision, order)

    def _source(self) -> Source:
        return Source(
            supplier="bench",
            kind=SourceKind.COMMISSIONED,
            acquired_how="made from public-domain portraits",
            acquired_at=self.house.record.clock(),
            copyright_licence=self.work,
        )


def privately(house: House) -> Path:
    """Notices published, and a folder for people's keys."""
    record, private = house.record, house.folder / "people"
    private.mkdir(mode=0o700)
    with record.database.write() as session:
        for notice in load_notices(policies(record.settings) / "notices"):
            record.registry.noticeboard.publish(session, notice, now=record.clock())
    return private


def granted(house: House, player: Player, role: Role, source: str) -> Granted:
    """As `service.demo.cast.grant`, for more uses than a bench will take."""
    record, studio, now = house.record, house.studio, house.record.clock()
    licence = None if role is Role.DONOR else paperwork.portrait(record, player, source).digest
    notices = load_notices(policies(record.settings) / "notices")
    notice = next(notice for notice in notices if notice.language == "en")
    request = Request(
        tenant=record.settings.tenant,
        person=player.person,
        scope=replace(scope(role, source, now), max_uses={Purpose.USER_SWAP: _USES}),
        capacity=Capacity(AgeBand.ADULT),
        portrait_licence=licence,
    )
    document = draw_up(request, notice, now=now, entropy=os.urandom)
    evidence = signature.sign(player.key, signature.to_sign(document.encoded))
    pixels = [studio.photos.read(portraits.path(player.name).read_bytes())]
    with record.database.write() as session:
        granted = record.registry.grant(session, document.encoded, evidence.encoded, now=now)
        studio.enrolment.add_portraits(session, granted.authorization, pixels, now=now)
    return granted


def permitted(decision: Decision) -> None:
    """Raise unless the gate said yes: a bench of refusals would measure something else."""
    if not isinstance(decision, Permit):
        _refused(decision)


def _refused(decision: Decision) -> str:
    reasons = "" if isinstance(decision, Permit) else ", ".join(decision.reasons)
    raise RuntimeError(f"the bench's swap was not permitted: {reasons}")
