"""Time stamps in the pipeline: where an authority is set, nothing is released without its stamp."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from audit import manifest
from audit.manifest import TimeStampFailed
from audit.verify import verify
from stamps import Authority, authority, integer, sequence
from swap import orders
from swap.finishing import PATIENCE
from swap.misconduct import RenderCancelled
from swap.orders import Progress
from swap.pipeline import Pipeline
from worlds import World


def stamping(world: World, stamps: Authority, pause: Callable[[float], None]) -> Pipeline:
    """The world's pipeline with this authority in its settings."""
    pipeline = world.studio.pipeline
    finisher = replace(
        pipeline.finisher,
        tsa_url=stamps.url,
        trust_pem=pipeline.finisher.trust_pem + stamps.root_pem,
        pause=pause,
    )
    return replace(pipeline, finisher=finisher)


def progress(world: World) -> Progress:
    with world.record.database.read() as session:
        return orders.job(session, world.tenant, world.known["job"]).progress


def test_a_job_waits_for_an_authority_that_is_away_and_goes_out_stamped_when_it_is_back(
    at_stage: Callable[..., World],
) -> None:
    # Given an authority that is away for longer than a run waits.
    world, waited = at_stage("asked"), list[float]()
    job = world.known["job"]
    with authority() as stamps:
        pipeline = stamping(world, stamps, waited.append)
        stamps.answer = lambda _request: (503, b"")
        assert pipeline.redeem(job)
        with pytest.raises(TimeStampFailed):
            pipeline.run(job)

        assert stamps.asked == len(PATIENCE) + 1
        assert sum(waited) == sum(PATIENCE)
        assert progress(world) is Progress.RUNNING
        assert world.rows("output") == 0
        assert world.files("work") == []

        # When it is back, a later attempt runs.
        stamps.answer = None
        assert pipeline.redeem(job)
        made = pipeline.run(job)
        assert made is not None
        assert pipeline.release(job, made)
        pipeline.settle(job)

    assert progress(world) is Progress.RELEASED
    trust = pipeline.finisher.trust_pem
    video = world.record.delivery.deliver(made.output)
    assert manifest.read(video, trust).timed
    verdict = verify(
        video,
        world.record.delivery.receipt(made.output),
        world.record.layout.vkey.read_text().strip(),
        trust,
        world.record.clock(),
    )
    assert verdict.ok, verdict.steps
    assert any("time stamp keeps the manifest valid" in note.detail for note in verdict.notes)


def test_a_short_absence_costs_no_second_render(at_stage: Callable[..., World]) -> None:
    world = at_stage("asked")
    job = world.known["job"]
    with authority() as stamps:
        stamps.answer = lambda _request: (200, sequence(sequence(integer(2))))

        def comes_back(_seconds: float) -> None:
            stamps.answer = None

        pipeline = stamping(world, stamps, comes_back)
        assert pipeline.redeem(job)
        made = pipeline.run(job)

    assert made is not None
    assert made.attempt == 1
    assert stamps.asked == 2


def test_a_run_that_is_cancelled_stops_waiting_for_a_stamp(at_stage: Callable[..., World]) -> None:
    world, waited = at_stage("asked"), list[float]()
    job = world.known["job"]
    with authority() as stamps:
        stamps.answer = lambda _request: (503, b"")
        pipeline = stamping(world, stamps, waited.append)
        assert pipeline.redeem(job)
        with world.record.database.read() as session:
            order = pipeline.preparing.order(
                session, orders.job(session, world.tenant, job), now=world.record.clock()
            )
        with pytest.raises(RenderCancelled):
            pipeline.finisher.make(order, world.folder, cancelled=lambda: stamps.asked > 0)

    assert waited == []
    assert not (world.folder / "output.mp4").exists()
