"""A worker through what happens to it: told to stop, its database away, its slot taken by another."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from dbos._sys_db import SystemDatabase
from sqlalchemy.exc import OperationalError

from restarts import Server, away, server
from service import worker as workers
from service.database import DatabaseUnready
from service.worker import PipelineSteps, Worker, working
from swap import orders
from swap.engine import Rendered
from swap.errors import HandedBack, SlotTaken
from swap.frames import Frame
from swap.orders import Progress
from waiting import LONG, until
from worlds import Cheap, World

__all__ = ["away", "server"]

Stage = Callable[..., World]


class Waits(Cheap):
    """Stands still at a frame, the first time it comes there, until it may go on."""

    def __init__(self) -> None:
        self.there, self.go = threading.Event(), threading.Event()

    def given(self, frame: Frame, rendered: Rendered) -> Rendered:
        if frame.index == 5 and not self.there.is_set():
            self.there.set()
            assert self.go.wait(LONG)
        return rendered


class Background:
    """A worker that runs in a thread of its own until it is told to stop, or ends by itself."""

    def __init__(self, world: World) -> None:
        self._world, self._stop = world, threading.Event()
        self.ended: BaseException | None = None
        self.worker: Worker | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            with working(self._world.record, self._world.studio) as self.worker:
                self.worker.run_until(self._stop.is_set)
        except BaseException as error:  # noqa: BLE001  (the test asks how it ended)
            self.ended = error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def goes_on_once_stopping(self, engine: Waits) -> None:
        """Who renders goes on when he was told to hand his job back, and not before."""
        assert self.worker
        told = self.worker.steps.stopping

        def then() -> None:
            if told.wait(LONG):
                engine.go.set()

        threading.Thread(target=then, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(LONG)
        assert not self._thread.is_alive()


def job(world: World) -> orders.Job:
    with world.record.database.read() as session:
        return orders.job(session, world.tenant, world.known["job"])


def ended(world: World) -> bool:
    return job(world).progress.final


# Something comes


def test_what_comes_between_two_turns_is_taken_up(at_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PAUSE_SECONDS", 10 * LONG)
    world = at_stage("received")
    background = Background(world)
    until(lambda: background.worker and background.worker._purge_at)

    world.ask()

    until(lambda: ended(world))
    background.stop()
    assert background.ended is None
    assert job(world).progress is Progress.RELEASED


def test_turns_do_not_follow_each_other_without_end(at_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a worker for whom something comes all the time
    slept: list[float] = []
    turns: list[Worker] = []

    def turn(worker: Worker) -> None:
        turns.append(worker)

    world = at_stage("received")
    monkeypatch.setattr(Worker, "turn", turn)
    monkeypatch.setattr(Worker, "_news", lambda _: True)
    with working(world.record, world.studio) as worker:
        monkeypatch.setattr(workers, "time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic))

        worker.run_until(lambda: len(turns) >= 5)

    # Then it rests after each turn, once.
    assert slept == [workers.LOOK_SECONDS] * 5


# The database is away


def test_a_worker_waits_for_its_database_and_goes_on(
    away: Stage, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a worker with nothing to do, and then no database, until it has looked again and not found it
    monkeypatch.setattr(workers, "BEAT_SECONDS", 0.3)
    world = away("received")
    background = Background(world)
    until(lambda: background.worker)
    server.stops()
    with pytest.raises(DatabaseUnready), world.record.database.read() as session:
        session.connection()
    until(lambda: caplog.text.count("not ready, waiting") >= 2)
    until(lambda: "could not renew" in caplog.text)
    assert background.alive

    # When it is back
    server.starts()
    world.ask()

    # Then the work goes on, by the same worker, who still has the slot.
    until(lambda: ended(world))
    background.stop()
    assert background.ended is None
    assert job(world).progress is Progress.RELEASED
    assert world.rows("slot", "token = 1") == 1


def test_a_job_at_work_outlives_a_restart_of_the_database(away: Stage, server: Server) -> None:
    # Given a job in the middle of rendering as the database goes
    engine = Waits()
    world = away("asked", engine)
    background = Background(world)
    assert engine.there.wait(LONG)
    server.stops()

    # When it goes on before the database is back, and breaks off for that
    engine.go.set()
    until(lambda: not any((world.folder / "work" / world.known["job"]).glob("*")))
    assert background.alive
    server.starts()

    # Then it ends once, whichever attempt it was.
    until(lambda: ended(world))
    background.stop()
    assert background.ended is None
    assert job(world).progress is Progress.RELEASED
    assert world.rows("output") == 1
    assert world.kinds().count("OutputReleased") == world.kinds().count("DonorPhotoDeleted") == 1
    with world.record.database.read() as session:
        assert world.record.log.audit(session).sound


def test_without_a_database_a_worker_does_not_start_and_says_why(away: Stage, server: Server) -> None:
    world = away("published")
    server.stops()
    try:
        with pytest.raises(DatabaseUnready), working(world.record, world.studio):
            pytest.fail("it works")
    finally:
        server.starts()


def test_a_job_whose_end_could_not_be_written_down_is_taken_up_again(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job engine that loses its tables in a way it does not wait for, just as a run returns
    monkeypatch.setattr(workers, "BEAT_SECONDS", 1)
    lost: list[str] = []

    def losing(name: str) -> Callable[..., object]:
        whole = getattr(SystemDatabase, name)

        def once(tables: object, *args: object, **more: object) -> object:
            if name in lost:
                return whole(tables, *args, **more)
            lost.append(name)
            raise OperationalError("INSERT", {}, Exception("failed to resolve host"))

        return once

    names = ["record_operation_result", "update_workflow_outcome"]
    for name in names:
        monkeypatch.setattr(SystemDatabase, name, losing(name))
    world = at_stage("asked")

    # Then the row that says "at work" while nobody is gets the job done all the same.
    with working(world.record, world.studio) as worker:
        done = worker.wait_for(world.known["job"], lambda *_: None)
    assert lost == names
    assert (done.progress, done.attempt) == (Progress.RELEASED, 2)


# Told to stop


def test_a_worker_that_stops_finishes_what_it_can(at_stage: Stage) -> None:
    engine = Waits()
    world = at_stage("asked", engine)
    background = Background(world)
    assert engine.there.wait(LONG)

    threading.Timer(0.5, engine.go.set).start()
    background.stop()

    assert background.ended is None
    assert world.kinds().count("OutputReleased") == 1
    assert job(world).attempt == 1


def test_a_worker_that_stops_hands_back_what_it_cannot_finish(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job at work, and no time to end it
    engine = Waits()
    world = at_stage("asked", engine)
    monkeypatch.setitem(world.settings.__dict__, "stop_within", 0)
    background = Background(world)
    assert engine.there.wait(LONG)

    # When the worker is told to stop
    background.goes_on_once_stopping(engine)
    background.stop()

    # Then the job is not ended and not failed, nothing of it is left, and the slot is free.
    assert background.ended is None
    assert job(world).progress is Progress.RUNNING
    assert world.kinds().count("RunFinished") == world.kinds().count("JobEnded") == 0
    assert not any((world.folder / "work" / world.known["job"]).glob("*"))

    # And whoever comes next begins it anew at once.
    with working(world.record, world.studio) as heir:
        done = heir.wait_for(world.known["job"], lambda *_: None)
    assert (done.progress, done.attempt) == (Progress.RELEASED, 2)
    assert world.rows("duty", "done_at IS NULL") == 0


def test_a_run_that_does_not_stop_is_left_to_be_killed(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a run that does not listen
    left: list[bool] = []
    monkeypatch.setattr(workers, "HAND_BACK_SECONDS", 1)
    monkeypatch.setattr(workers, "_abandon", lambda: left.append(True))
    engine = Waits()
    world = at_stage("asked", engine)
    monkeypatch.setitem(world.settings.__dict__, "stop_within", 0)
    background = Background(world)
    assert engine.there.wait(LONG)

    background.stop()

    # Then the process ends rather than close under it what it works with.
    assert left == [True]
    engine.go.set()
    until(lambda: not any((world.folder / "work" / world.known["job"]).glob("*")))


def test_a_run_told_to_stop_before_it_began_redeems_nothing(at_stage: Stage) -> None:
    world = at_stage("asked")
    steps = PipelineSteps(world.studio)
    steps.stopping.set()

    with pytest.raises(HandedBack):
        steps.run(world.known["job"])

    assert "RunStarted" not in world.kinds()


# The slot


def test_a_worker_whose_slot_was_taken_ends_and_its_job_is_the_others(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker at work whose slot another process took, as happens to one that was paused
    monkeypatch.setattr(workers, "BEAT_SECONDS", 0.1)
    engine = Waits()
    world = at_stage("asked", engine)
    background = Background(world)
    assert engine.there.wait(LONG)

    world.edit("UPDATE slot SET token = token + 1, holder = 'another'")

    # Then it stops without ending its job, and leaves the slot alone.
    until(lambda: background.worker and background.worker.steps.stopping.is_set())
    engine.go.set()
    background.stop()
    assert isinstance(background.ended, SlotTaken)
    assert world.rows("slot", "holder = 'another' AND token = 2") == 1
    assert not job(world).progress.final
