"""Scans as work: what is written on the way, what ends one, and what only puts it off."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from audit.errors import Unready
from service.database import utc_now
from service.worker import working
from swap import library, scanning, scans
from swap.errors import HandedBack, JobStopped, WrongState
from swap.faults import DecoderCrashed, SandboxUnavailable, TooManyFaces
from swap.sandbox import Sandbox
from swap.scanning import ATTEMPTS
from swap.scans import ScanOrder, State
from worlds import OPERATOR, World, small_clip

Stage = Callable[..., World]


def ordered(world: World) -> str:
    return world.studio.scanning.ask(OPERATOR, world.known["template"]).id


def now(world: World, order: str) -> ScanOrder:
    with world.record.database.read() as session:
        return scans.get(session, world.tenant, order)


def test_a_worker_does_the_scans_that_were_ordered(at_stage: Stage) -> None:
    world = at_stage("admitted")
    order = ordered(world)

    with working(world.record, world.studio) as worker:
        worker.run_until(lambda: now(world, order).state.final)
        worker.turn()

    done, frames = now(world, order), small_clip().frames
    assert (done.state, done.attempt, done.done, done.total) == (State.DONE, 1, frames, frames)
    assert world.rows("duty", "done_at IS NULL") == 0
    assert world.publish().ruling.id


def test_how_far_a_scan_is_stands_in_its_row_once_a_second(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a clock on which every frame takes 0.4 s
    ahead = timedelta()

    def clock() -> datetime:
        return utc_now() + ahead

    world = at_stage("admitted", clock=clock)
    order = ordered(world)
    seen: list[tuple[int, int | None]] = []

    def tell(_done: int, _total: int) -> None:
        nonlocal ahead
        ahead += timedelta(seconds=0.4)
        found = now(world, order)
        seen.append((found.done, found.total))

    # When
    world.studio.scanning.run(order, tell)

    # Then it was written about every third frame
    told, frames = sorted(set(seen)), small_clip().frames
    assert seen == sorted(seen)
    assert frames * 0.4 / 2 <= len(told) <= frames * 0.4 + 2
    assert told[-1][1] == frames
    assert now(world, order).done == frames


def test_a_scan_whose_count_does_not_fit_is_done_and_refused(at_stage: Stage) -> None:
    world = at_stage("admitted")
    world.studio.admission.amend(OPERATOR, world.known["template"], world.cast("astronaut"))
    order = ordered(world)

    world.studio.scanning.run(order)

    done = now(world, order)
    assert (done.state, done.outcome) == (State.DONE, None)
    with world.record.database.read() as session:
        stored = library.scan_of(session, world.tenant, world.known["template"])
    assert stored is not None
    assert stored.verdicts is None
    assert world.kinds().count("TemplateScanned") == 1


def test_a_scan_stops_when_somebody_in_it_withdraws(at_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "EVERY", timedelta())
    world = at_stage("admitted")
    order = ordered(world)

    def tell(done: int, _total: int) -> None:
        if done == 3:
            world.withdraws("astronaut")
        assert done <= 4

    world.studio.scanning.run(order, tell)

    assert (now(world, order).state, now(world, order).outcome) == (State.FAILED, "CANCELLED")
    assert world.rows("scan") == 0


def test_a_scan_stops_when_the_bytes_have_reached_their_date(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "EVERY", timedelta())
    world = at_stage("admitted")
    order = ordered(world)

    def tell(done: int, _total: int) -> None:
        if done == 3:
            with world.record.database.write() as session:
                library.purged(session, world.tenant, world.known["template"], now=world.record.clock())
        assert done <= 4

    world.studio.scanning.run(order, tell)

    assert (now(world, order).state, now(world, order).outcome) == (State.FAILED, "CANCELLED")
    with pytest.raises(WrongState):
        ordered(world)


def test_an_overtaken_attempt_stops_and_does_not_end_the_scan(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "EVERY", timedelta())
    world = at_stage("admitted")
    order = ordered(world)

    def tell(done: int, _total: int) -> None:
        if done == 3:
            with world.record.database.write() as session:
                scans.begin(session, world.tenant, order, now=world.record.clock())
        assert done <= 4

    world.studio.scanning.run(order, tell)

    found = now(world, order)
    assert (found.state, found.attempt, found.done) == (State.RUNNING, 2, 0)


@pytest.mark.parametrize("error", [TooManyFaces("a crowd"), DecoderCrashed("it died")], ids=lambda e: e.code)
def test_what_is_wrong_with_the_media_ends_a_scan_under_its_code(
    error: Exception, at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("admitted")
    order = ordered(world)

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("swap.admission.scan", fails)
    world.studio.scanning.run(order)

    assert (now(world, order).state, now(world, order).outcome) == (State.FAILED, error.code)  # type: ignore[attr-defined]
    assert ordered(world), "another may be ordered"


@pytest.mark.parametrize("how", [SandboxUnavailable("no seccomp"), HandedBack("the worker stops")], ids=repr)
def test_what_is_wrong_with_the_deployment_puts_a_scan_off(
    how: Unready, at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("admitted")
    order = ordered(world)

    def fails(*_: object, **__: object) -> None:
        raise how

    with monkeypatch.context() as patched:
        patched.setattr(Sandbox, "frames", fails)
        with pytest.raises(type(how)):
            world.studio.scanning.run(order)
    assert now(world, order).state is State.RUNNING

    world.studio.scanning.run(order)
    assert (now(world, order).state, now(world, order).attempt) == (State.DONE, 2)


def test_a_clip_that_kills_its_worker_each_time_is_given_up(at_stage: Stage) -> None:
    world = at_stage("admitted")
    order = ordered(world)
    for _ in range(ATTEMPTS):
        with world.record.database.write() as session:
            scans.begin(session, world.tenant, order, now=world.record.clock())

    world.studio.scanning.run(order)

    assert (now(world, order).state, now(world, order).outcome) == (State.FAILED, JobStopped.code)
    world.studio.scanning.run(order)
    assert now(world, order).attempt == ATTEMPTS + 1


def test_the_sweeper_gives_up_on_a_scan_under_the_code_that_ended_it(at_stage: Stage) -> None:
    world = at_stage("admitted")
    order = ordered(world)

    world.studio.scanning.give_up(order, "STORAGE_FULL")
    world.studio.scanning.settle(order)

    assert (now(world, order).state, now(world, order).outcome) == (State.FAILED, "STORAGE_FULL")
