"""What consent does not cover is refused by rule, in the log, and before anything is made of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from consent.dimensions import DonorRule, Modification
from consent.errors import AuthorizationRefused
from consent.permit import Permit, Refusal
from consent.scope import Scope
from consent.term import Term
from consent.words import AgeBand, Audience, Monetisation, Purpose, Role
from portraits import PEOPLE, packaged
from service.database import utc_now
from service.demo import cast as demo
from service.worker import working
from swap import orders
from swap.errors import WrongState
from swap.orders import Progress
from swap.quarantine import in_chunks
from worlds import USE, World, must, small_clip

Stage = Callable[..., World]

OUTSIDE = {
    "another territory": (replace(USE, territories=("CN", "US")), "G-15"),
    "nowhere": (replace(USE, territories=()), "G-00"),
    "another platform": (replace(USE, platform="elsewhere"), "G-15"),
    "another recipient": (replace(USE, recipient="elsewhere"), "G-15"),
    "another purpose": (replace(USE, purpose=Purpose.ADVERTISING), "G-11"),
    "a purpose no swap has": (replace(USE, purpose=Purpose.MATCHING), "G-00"),
    "for money": (replace(USE, monetisation=Monetisation.PAID), "G-15"),
    "another audience": (replace(USE, audience=Audience.MINORS_OK), "G-15"),
    "a prohibited change": (replace(USE, modifications=(Modification.POLITICAL,)), "G-18"),
    "intimate": (replace(USE, intimate=True), "G-19"),
    "with the voice": (replace(USE, voice_kept=True), "G-23"),
    "another engine": (replace(USE, engine="inswapper"), "G-27"),
}


@pytest.mark.parametrize(
    ("ground", "name"),
    [*(("sqlite", name) for name in OUTSIDE), ("postgresql", "intimate")],
    indirect=["ground"],
)
def test_a_use_outside_the_scope_is_refused(name: str, at_stage: Stage) -> None:
    use, rule = OUTSIDE[name]
    world = at_stage("received")

    asked = world.ask(use)

    refused_for(world, asked.decision, rule)
    assert world.rows("job") == world.rows("permit") == 0


def test_uses_run_out(at_stage: Stage) -> None:
    # Given a performer who agreed to one use
    world = at_stage("founded")
    world.agrees("astronaut", Role.PERFORMER, max_uses={Purpose.USER_SWAP: 1})
    world.agrees("cameraman", Role.BACKGROUND)
    world.agrees("hopper", Role.DONOR)
    must(world.announce()[0])
    world.admit()
    must(world.scan().decision)
    must(world.publish())
    must(world.receive().decision)

    # When two swaps are asked for
    first, second = world.ask(), world.ask()

    # Then one is
    must(first.decision)
    refused_for(world, second.decision, "G-17")


def test_a_consent_that_has_not_begun_or_is_over_is_no_consent(at_stage: Stage) -> None:
    now = utc_now()
    world = at_stage("founded")
    world.agrees("cameraman", Role.BACKGROUND)
    later = Term(now + timedelta(days=1), now + timedelta(days=9), "Asia/Shanghai")

    world.agrees("astronaut", Role.PERFORMER, photo=None, term=later)

    refused_for(world, world.announce()[0], "G-16")
    assert world.rows("template") == 0


def test_a_published_template_serves_no_use_after_its_term(at_stage: Stage) -> None:
    clock = Running()
    world = at_stage("received", clock=clock)

    clock.ahead = timedelta(days=31)

    refused_for(world, world.ask().decision, "G-16")


def test_a_clock_set_back_answers_nothing(at_stage: Stage) -> None:
    clock = Running()
    world = at_stage("received", clock=clock)
    must(world.ask().decision)

    clock.ahead = timedelta(minutes=-5)

    refused_for(world, world.ask().decision, "G-00")


def test_a_job_that_waited_too_long_is_refused_and_its_use_returned(at_stage: Stage) -> None:
    world = at_stage("asked", clock=lambda: utc_now() + timedelta(hours=1))

    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda *_: None)

    assert job.progress is Progress.REFUSED
    assert b"EXPIRED" in (job.outcome or b"")
    assert reserved(world) == {(0, 0)}
    assert world.files("work") == []
    assert world.kinds().count("DonorPhotoDeleted") == 1


def test_an_orphan_template_without_its_original_stays_out(at_stage: Stage) -> None:
    world = at_stage("consented")

    refused_for(world, world.announce(original=False)[0], "G-02")
    assert world.rows("source") == world.rows("template") == 0


def test_a_video_without_a_licence_is_not_published(at_stage: Stage) -> None:
    world = at_stage("consented")
    must(world.announce(copyright_licence=None)[0])
    world.admit()
    must(world.scan().decision)

    refused_for(world, world.publish(), "G-22")
    world.receive()
    with pytest.raises(WrongState):
        world.ask()


def test_somebody_elses_consent_under_her_name_brings_nobody_in(at_stage: Stage) -> None:
    world = at_stage("consented")
    hers, his = world.people["astronaut"], world.people["cameraman"]

    decision, _ = world.announce(
        [replace(world.cast("astronaut")[0], authorization=his.authorization), *world.cast("cameraman")]
    )

    assert hers.person != his.person
    refused_for(world, decision, "G-09")


def test_nobody_of_unknown_age_can_agree(at_stage: Stage) -> None:
    world = at_stage("founded")
    world.enrol("astronaut", AgeBand.UNKNOWN)

    with pytest.raises(AuthorizationRefused):
        world.agrees("astronaut", Role.PERFORMER)

    assert world.rows("signed_authorization") == 0


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_only_who_handed_in_her_own_photo_swaps_with_herself(at_stage: Stage) -> None:
    # Given a performer who accepts nobody's face but that of whoever asks
    world = at_stage("founded")
    world.agrees("astronaut", Role.PERFORMER, donor_rules=DonorRule.SELF_ONLY)
    world.agrees("cameraman", Role.BACKGROUND)
    hopper = world.agrees("hopper", Role.DONOR)
    must(world.announce()[0])
    world.admit()
    must(world.scan().decision)
    must(world.publish())
    template, studio = world.known["template"], world.studio
    photo = in_chunks(packaged(*PEOPLE["hopper"]))
    donor = studio.donors.receive(
        "herself", template, hopper.person, hopper.authorization, photo, is_self=True
    ).donor
    assert donor is not None

    # When somebody else asks for a swap with her photo, and she does
    others = studio.pipeline.ask(template, donor, "somebody else", USE)
    hers = studio.pipeline.ask(template, donor, "herself", USE)

    # Then only her own is permitted
    refused_for(world, others.decision, "G-29")
    must(hers.decision)


def test_a_clip_without_a_performer_is_not_swapped(at_stage: Stage) -> None:
    world = at_stage("consented")
    world.agrees("astronaut", Role.BACKGROUND)
    extra = replace(world.cast("astronaut")[0], role=Role.BACKGROUND)
    must(world.announce([extra, *world.cast("cameraman")])[0])
    world.admit()
    must(world.scan().decision)
    must(world.publish())
    must(world.receive().decision)
    must(world.ask().decision)

    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda *_: None)

    assert job.outcome == b'{"error":"NOBODY_TO_SWAP"}'
    nothing_came_out(world)


def test_another_cast_takes_a_published_template_back(at_stage: Stage) -> None:
    # Given a published template whose bystander agreed to be seen but not to publication
    world = at_stage("received")
    wanted: Scope = demo.scope(Role.BACKGROUND, small_clip().digest, utc_now())
    world.agrees(
        "cameraman",
        Role.BACKGROUND,
        purposes=wanted.purposes - {Purpose.PUBLISH_TEMPLATE, Purpose.MAKE_TEMPLATE},
    )

    # When the cast is amended to that authorization and everybody is recognised again
    must(world.studio.admission.amend("operator-1", world.known["template"], world.cast()))
    must(world.scan().decision)

    # Then it is not published any more, and can't be
    with pytest.raises(WrongState):
        world.ask()
    refused_for(world, world.publish(), "G-11")


def test_verdicts_on_a_former_cast_are_not_kept(at_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a scan that compares with one cast while the operator declares another
    world = at_stage("admitted")
    admission, template = world.studio.admission, world.known["template"]
    world.agrees("hopper", Role.BACKGROUND)
    hopper = replace(world.cast("cameraman")[0], person=world.people["hopper"].person)
    hopper = replace(hopper, authorization=world.people["hopper"].authorization)
    recognise = type(admission.recogniser).recognise

    def meanwhile(recogniser, *args):
        must(admission.amend("operator-1", template, [*world.cast("astronaut"), hopper]))
        return recognise(recogniser, *args)

    monkeypatch.setattr(type(admission.recogniser), "recognise", meanwhile)

    # When it is done, its verdicts are not those of the new cast
    with pytest.raises(WrongState):
        world.scan()

    # Then nobody counts as recognised, and the missing man keeps it from being published
    monkeypatch.undo()
    refused_for(world, world.publish(), "G-09")
    must(world.scan().decision)
    refused_for(world, world.publish(), "G-09")


def test_a_withdrawal_stops_a_render_at_work(at_stage: Stage) -> None:
    # Given an engine during whose third frame the performer withdraws, a second a frame
    clock = Running()
    engine = WithdrawnAt(3, clock)
    world = at_stage("asked", engine, clock=clock)
    engine.world = world

    with working(world.record, world.studio) as worker:
        job = worker.wait_for(world.known["job"], lambda *_: None)

    assert job.progress is Progress.FAILED
    assert job.outcome in {b'{"error":"CANCELLED"}', b'{"error":"RENDER_CANCELLED"}'}
    assert engine.frames < small_clip().frames
    nothing_came_out(world)


def test_a_withdrawal_that_no_render_saw_is_seen_at_the_release(at_stage: Stage) -> None:
    world = at_stage("asked")
    steps = world.studio.pipeline
    assert steps.redeem(world.known["job"])
    made = steps.run(world.known["job"])
    assert made is not None

    world.withdraws("hopper")

    assert steps.release(world.known["job"], made) is False
    with world.record.database.read() as session:
        job = orders.job(session, world.tenant, world.known["job"])
    assert job.progress is Progress.REFUSED
    assert b"G-10" in (job.outcome or b"")
    steps.settle(job.id)
    nothing_came_out(world)


def refused_for(world: World, decision, rule: str) -> None:
    """Refused for this rule, and the refusal is in the log and in the files."""
    assert isinstance(decision, Refusal), decision
    assert rule in decision.reasons, decision.reasons
    with world.record.database.read() as session:
        assert world.record.ledger.find(session, decision.ruling.entry) is not None
        assert world.record.log.covered(session, decision.ruling.entry) is not None
    assert not isinstance(decision, Permit)


def nothing_came_out(world: World) -> None:
    assert world.rows("output") == 0
    assert world.files("work") == []
    assert len(world.files("media")) == 1, "the template alone"
    assert "OutputReleased" not in world.kinds()
    assert world.kinds().count("JobEnded") == 1
    assert world.kinds().count("DonorPhotoDeleted") == 1


def reserved(world: World) -> set[tuple[int, int]]:
    """Uses reserved and spent, over all counters of swaps."""
    from sqlmodel import select

    from consent.tables import ConsentCounterRow as Row

    with world.record.database.read() as session:
        rows = session.exec(select(Row).where(Row.purpose == str(Purpose.USER_SWAP)))
        return {(row.reserved, row.spent) for row in rows}


class Running:
    """The clock, which a test can put forward."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


class WithdrawnAt:
    """A cheap engine during which somebody withdraws; every frame takes it a second and a half."""

    def __init__(self, frame: int, clock: Running) -> None:
        from worlds import Cheap

        self.cheap, self.frame, self.clock, self.frames = Cheap(), frame, clock, 0
        self.name, self.version, self.digests = Cheap.name, Cheap.version, Cheap.digests
        self.world: World | None = None

    def render(self, frames, tracks, portrait, *, cancelled):
        def slowly():
            for frame in frames:
                self.frames += 1
                self.clock.ahead += timedelta(seconds=1.5)
                if frame.index == self.frame and self.world:
                    self.world.withdraws("astronaut")
                yield frame

        return self.cheap.render(slowly(), tracks, portrait, cancelled=cancelled)
