"""Engines behind the gate: none runs without a redeemed permit, and one far away is held to the same."""

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from audit.errors import Unready
from enginehosts import hosted, openly
from service.remote_engine import EngineAway, RemoteEngine
from service.studio import Studio
from swap import orders
from swap.engine import Engine
from swap.orders import Progress
from worlds import Cheap, World

Stage = Callable[..., World]


class Watched(Cheap):
    """Counts how often it was asked to render."""

    def __init__(self) -> None:
        self.runs = 0

    def render(self, frames, tracks, portrait, *, cancelled):
        self.runs += 1
        return super().render(frames, tracks, portrait, cancelled=cancelled)


class CoversAllOfIt(Cheap):
    def given(self, frame, rendered):
        return replace(rendered, mask=None if rendered.mask is None else rendered.mask | 255)


def passing_for_mesh(engine: RemoteEngine) -> RemoteEngine:
    """The small world's people named the engine `mesh`; here it stands somewhere else."""
    engine.name = "mesh"
    return engine


def with_engine(studio: Studio, engine: Engine) -> Studio:
    pipeline = studio.pipeline
    return replace(
        studio,
        pipeline=replace(
            pipeline,
            finisher=replace(pipeline.finisher, engine=engine),
            preparing=replace(pipeline.preparing, engine=engine),
        ),
    )


def progress(world: World) -> tuple[Progress, object]:
    with world.record.database.read() as session:
        job = orders.job(session, world.tenant, world.known["job"])
    return job.progress, job.outcome


def test_no_engine_is_started_before_the_permit_is_redeemed(at_stage: Stage) -> None:
    engine = Watched()
    world = at_stage("asked", engine)

    assert world.studio.pipeline.run(world.known["job"]) is None
    assert engine.runs == 0

    assert world.studio.pipeline.redeem(world.known["job"])
    assert world.studio.pipeline.run(world.known["job"]) is not None
    assert engine.runs == 1


def test_no_engine_is_started_after_a_withdrawal(at_stage: Stage) -> None:
    engine = Watched()
    world = at_stage("asked", engine)
    world.withdraws("hopper")

    assert not world.studio.pipeline.redeem(world.known["job"])
    assert world.studio.pipeline.run(world.known["job"]) is None
    assert engine.runs == 0


def test_a_permit_for_one_engine_starts_no_other(at_stage: Stage) -> None:
    engine = Watched()
    engine.digests = {"other": "1" * 64}  # type: ignore[misc]
    world = at_stage("asked")
    world.studio = with_engine(world.studio, engine)

    assert not world.studio.pipeline.redeem(world.known["job"])
    assert engine.runs == 0


def test_a_swap_by_an_engine_far_away_is_released_like_any_other(at_stage: Stage) -> None:
    world = at_stage("asked")
    with hosted(Cheap()) as url:
        engine = passing_for_mesh(RemoteEngine.reach(openly(url), os.urandom))
        world.studio = with_engine(world.studio, engine)
        pipeline, job = world.studio.pipeline, world.known["job"]
        assert pipeline.redeem(job)
        made = pipeline.run(job)

    assert made is not None
    assert made.swapped > 0
    assert pipeline.release(job, made)
    assert progress(world)[0] is Progress.RELEASED


def test_while_the_engine_is_away_the_job_waits_and_its_next_attempt_succeeds(at_stage: Stage) -> None:
    world = at_stage("asked")
    job = world.known["job"]
    with hosted(Cheap()) as url:
        away = passing_for_mesh(RemoteEngine.reach(openly(url), os.urandom))
    world.studio = with_engine(world.studio, away)
    assert world.studio.pipeline.redeem(job)

    with pytest.raises(EngineAway) as said:
        world.studio.pipeline.run(job)

    assert isinstance(said.value, Unready)
    assert not progress(world)[0].final
    with hosted(Cheap()) as url:
        world.studio = with_engine(
            world.studio, passing_for_mesh(RemoteEngine.reach(openly(url), os.urandom))
        )
        assert world.studio.pipeline.redeem(job)
        assert world.studio.pipeline.run(job) is not None


def test_a_mask_over_everything_ends_the_job_with_its_code(at_stage: Stage) -> None:
    world = at_stage("asked")
    with hosted(CoversAllOfIt()) as url:
        engine = passing_for_mesh(RemoteEngine.reach(openly(url), os.urandom))
        world.studio = with_engine(world.studio, engine)
        assert world.studio.pipeline.redeem(world.known["job"])
        assert world.studio.pipeline.run(world.known["job"]) is None

    ended, outcome = progress(world)
    assert ended is Progress.FAILED
    assert "ENGINE_STRAYED" in str(outcome)


def test_an_older_attempt_finds_the_engine_taken_by_the_later_one(at_stage: Stage) -> None:
    world = at_stage("asked")
    job = world.known["job"]
    with hosted(Cheap()) as url:
        engine = passing_for_mesh(RemoteEngine.reach(openly(url), os.urandom))
        world.studio = with_engine(world.studio, engine)
        pipeline = world.studio.pipeline
        assert pipeline.redeem(job)
        with world.record.database.read() as session:
            zombie = orders.job(session, world.tenant, job)
            order = pipeline.preparing.order(session, zombie, now=world.record.clock())
        assert pipeline.redeem(job)
        assert pipeline.run(job) is not None

        late = engine.bound(order.job, order.attempt)
        with pytest.raises(Exception, match="RUN_OVERTAKEN"):
            list(late.render(iter(()), order.tracks, order.portrait, cancelled=lambda: False))
