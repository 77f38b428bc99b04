"""Disks that fill, engines that crash, a second worker on the same slot: clear errors, and jobs that end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from audit.durable import DiskFull
from audit.errors import Unready
from audit.journal import DenyJournal
from audit.keystore import KeyStore
from audit.log import Log
from audit.storage import PosixStorage
from consent.words import Purpose
from full_disk import on_a_full_disk
from grounds import open_world
from service import worker
from service.worker import Worker, working
from swap import duties, finishing, orders
from swap.duties import Kind
from swap.encode import encode
from swap.errors import SlotTaken
from swap.orders import Progress
from swap.store import MediaStore
from swap.sweeper import Sweeper
from worlds import Cheap, World, must

Stage = Callable[..., World]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken-off job is handed over again at once."""
    monkeypatch.setattr(worker, "Sweeper", partial(Sweeper, pause=timedelta()))


def full_encoder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "encode", partial(encode, make=on_a_full_disk))


def full_signer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def sign(*_: object, **__: object) -> None:
        raise DiskFull("output.mp4: No space left on device")

    monkeypatch.setattr(finishing.manifest, "sign", sign)


def full_media(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    media = MediaStore(world.record.layout.media, make=on_a_full_disk)
    world.studio = replace(world.studio, pipeline=replace(world.studio.pipeline, media=media))


def full_keystore(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    get_or_create = KeyStore.get_or_create

    def full(store: KeyStore, subject: Any) -> Any:
        if subject.kind == "output":
            raise DiskFull("keys.db: database or disk is full")
        return get_or_create(store, subject)

    monkeypatch.setattr(KeyStore, "get_or_create", full)


FULL = {
    "encode": (full_encoder, "STORAGE_FULL"),
    "sign": (full_signer, "DISK_FULL"),
    "store": (full_media, "STORAGE_FULL"),
    "keystore": (full_keystore, "DISK_FULL"),
}


@pytest.mark.parametrize(
    ("ground", "where"),
    [*(("sqlite", where) for where in FULL), ("postgresql", "keystore")],
    indirect=["ground"],
)
def test_a_disk_that_stays_full_ends_the_job_with_its_name(
    where: str, at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, code = FULL[where]
    world = at_stage("asked")
    fill(world, monkeypatch)

    job = finish(world)

    assert job.progress is Progress.FAILED
    assert job.outcome == f'{{"error":"{code}"}}'.encode()
    assert job.attempt > 1
    assert world.rows("output") == 0
    assert world.files("work") == []
    assert len(world.files("media")) == len(world.files("quarantine")) == 1
    assert world.kinds().count("JobEnded") == 1


def test_a_disk_that_was_full_for_a_while_costs_an_attempt(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("asked")
    full = iter([True, True])
    monkeypatch.setattr(
        finishing,
        "encode",
        lambda *a, **k: encode(*a, **k, **({"make": on_a_full_disk} if next(full, False) else {})),
    )

    job = finish(world)

    assert job.progress is Progress.RELEASED
    assert job.attempt == 3
    assert world.rows("output") == 1
    assert world.kinds().count("OutputReleased") == 1


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_an_engine_that_crashes_each_time_is_given_up(at_stage: Stage) -> None:
    world = at_stage("asked", Crashing())

    job = finish(world)

    assert job.progress is Progress.FAILED
    assert job.outcome == b'{"error":"ENGINE_CRASHED"}'
    assert world.kinds().count("DonorPhotoDeleted") == 1


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_an_error_nobody_foresaw_ends_the_job_too(at_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    world = at_stage("asked")

    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(type(world.studio.pipeline.finisher), "make", fails)

    job = finish(world)

    assert job.progress is Progress.FAILED
    assert job.outcome == b'{"error":"JOB_STOPPED"}'


def test_a_full_log_disk_says_so_and_loses_nothing(at_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a log whose files can't be written
    world = at_stage("received")

    def full(*_: object) -> None:
        raise DiskFull("tile: No space left on device")

    monkeypatch.setattr(PosixStorage, "put", full)
    with pytest.raises(Unready) as raised:
        world.ask()
    assert raised.value.code == "DISK_FULL"

    # When there is room again
    monkeypatch.undo()

    # Then the job that was permitted runs, its permit under a checkpoint
    with world.record.database.read() as session:
        world.known["job"] = session.connection().exec_driver_sql("SELECT id FROM job").scalar_one()
    assert finish(world).progress is Progress.RELEASED


def test_a_withdrawal_that_finds_the_journal_full_is_not_made(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("received")

    def full(*_: object) -> None:
        raise DiskFull("deny.journal: No space left on device")

    monkeypatch.setattr(DenyJournal, "append", full)
    with pytest.raises(Unready):
        world.withdraws("astronaut")
    monkeypatch.undo()

    # Nothing of it happened: she is told, and makes it again.
    assert "ConsentWithdrawn" not in world.kinds()
    must(world.ask().decision)
    world.withdraws("astronaut")
    assert finish(world).progress is Progress.REFUSED


def test_a_refused_release_leaves_no_file_even_when_it_is_interrupted(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a release that was refused, and whose file was still there when the process died
    world = at_stage("asked")
    pipeline, job = world.studio.pipeline, world.known["job"]
    assert pipeline.redeem(job)
    made = pipeline.run(job)
    assert made is not None
    world.withdraws("astronaut")
    with monkeypatch.context() as patched:
        patched.setattr(MediaStore, "discard", lambda *_: None)
        assert pipeline.release(job, made) is False
    assert pipeline.media.holds(made.digest)

    # When the step is repeated
    assert pipeline.release(job, made) is False

    # Then it is gone
    assert not pipeline.media.holds(made.digest)


def test_a_slot_has_one_worker(at_stage: Stage) -> None:
    world = at_stage("asked")
    other = open_world(world.settings)
    try:
        with working(world.record, world.studio) as first:
            with pytest.raises(SlotTaken), working(other.record, other.studio):
                pytest.fail("two workers on one slot")
            # The first one has not lost it by the attempt.
            beat_once(first)
            first.check()
        with working(other.record, other.studio) as second:
            beat_once(second)
    finally:
        other.close()


def test_a_worker_whose_start_fails_gives_the_slot_back(
    at_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("asked")

    def fails(*_: object, **__: object) -> None:
        raise DiskFull("jobs.db")

    with monkeypatch.context() as patched:
        patched.setattr(worker, "JobRunner", fails)
        with pytest.raises(Unready), working(world.record, world.studio):
            pytest.fail("worked")

    assert finish(world).progress is Progress.RELEASED


def test_a_worker_that_lost_its_slot_says_so(at_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.05)
    world = at_stage("published")
    with working(world.record, world.studio) as losing:
        world.edit("UPDATE slot SET token = token + 1, holder = 'another'")
        asked = iter(range(200))
        with pytest.raises(SlotTaken):
            losing.run_until(lambda: next(asked, None) is None)
        assert world.rows("slot", "holder = 'another'") == 1
    assert world.rows("slot", "holder = 'another'") == 1, "not ours to leave"


def test_a_duty_on_a_broken_row_does_not_keep_others_from_being_done(at_stage: Stage) -> None:
    # Given an old duty about an output that is not there, and a job to run
    world = at_stage("asked")
    early = world.record.clock() - timedelta(hours=1)
    with world.record.database.write() as session:
        duties.owe(
            session, world.tenant, Kind.WITHDRAW_OUTPUT, "0" * 32, now=early, entropy=world.record.entropy
        )

    # Then the job is run, and the duty stays open, counted
    assert finish(world).progress is Progress.RELEASED
    assert world.rows("duty", "done_at IS NULL") == 1
    assert world.rows("duty", "done_at IS NULL AND attempts > 0") == 1


def test_the_log_is_held_against_itself_after_everything(at_stage: Stage) -> None:
    world = at_stage("asked")
    assert finish(world).progress is Progress.RELEASED

    assert Log.start(world.record.log) is not None
    with world.record.database.read() as session:
        assert orders.job(session, world.tenant, world.known["job"]).progress is Progress.RELEASED
        uses = world.rows(
            "consent_counter", f"purpose = '{Purpose.USER_SWAP}' AND spent = 1 AND reserved = 0"
        )
    assert uses == 3


class Crashing(Cheap):
    """Falls over at the first frame."""

    def given(self, *_: object):
        raise RuntimeError("CUDA error")


def finish(world: World) -> orders.Job:
    with at_work(world) as busy:
        return busy.wait_for(world.known["job"], lambda *_: None)


@contextmanager
def at_work(world: World) -> Iterator[Worker]:
    with working(world.record, world.studio) as busy:
        yield busy


def beat_once(busy: Worker) -> None:
    from swap import slots

    with busy.record.database.write() as session:
        slots.beat(session, busy.record.settings.tenant, busy.hold, now=busy.record.clock())
