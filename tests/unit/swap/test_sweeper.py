"""The sweeper hands jobs over once, again when they broke off, and settles what has ended."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from audit.ids import Entropy
from audit.kek import KekFile
from audit.keystore import KeyStore
from audit.ledger import Ledger
from service.database import Database
from shelved import NOON, TENANT, a_donor, a_job, an_id, announced
from swap import duties, orders, scans
from swap.duties import Kind
from swap.orders import Progress
from swap.scans import State
from swap.store import MediaStore
from swap.sweeper import PAUSE, TRIES, Sweeper


@dataclass
class Queue:
    """Remembers what it was handed; the test says how each ended."""

    handed: list[str] = field(default_factory=list)
    over: dict[str, str] = field(default_factory=dict)

    def enqueue(self, workflow: str, job: str) -> None:
        self.handed.append(workflow)

    def enqueue_scan(self, workflow: str, scan: str) -> None:
        self.handed.append(workflow)

    def ended(self, workflow: str) -> str | None:
        return self.over.get(workflow)


@dataclass
class Jobs:
    """Ends jobs as it is told, in the database."""

    database: Database
    settled: list[str] = field(default_factory=list)

    def settle(self, job_id: str) -> None:
        self.settled.append(job_id)

    def give_up(self, job_id: str, code: str) -> None:
        with self.database.write() as session:
            orders.end(session, TENANT, job_id, Progress.FAILED, attempt=0, outcome={"error": code}, now=NOON)


@dataclass
class Scans(Jobs):
    """The same for scans."""

    def give_up(self, order_id: str, code: str) -> None:
        with self.database.write() as session:
            order = scans.get(session, TENANT, order_id)
            scans.end(session, TENANT, order, State.FAILED, outcome=code, now=NOON)


@dataclass
class Bench:
    sweeper: Sweeper
    queue: Queue
    jobs: Jobs
    job: str
    at: datetime = NOON


@pytest.fixture
def bench(database: Database, tmp_path: Path, entropy: Entropy) -> Bench:
    keys = KeyStore.create(tmp_path / "keys.db", KekFile(tmp_path / "kek"), TENANT, entropy)
    with database.write() as session:
        donor = a_donor()
        orders.add_donor(session, TENANT, donor, now=NOON, delete_after=NOON)
        job = a_job(session, announced(session), donor)
        duties.owe(session, TENANT, Kind.RUN_JOB, job, now=NOON, entropy=entropy)
        duties.owe(session, TENANT, Kind.CANCEL_JOB, job, now=NOON, entropy=entropy)
    queue, jobs = Queue(), Jobs(database)
    made: list[Bench] = []
    media = MediaStore(tmp_path / "media")
    ledger = Ledger(TENANT, keys, entropy)
    sweeper = Sweeper(database, ledger, media, lambda: made[0].at, queue, jobs, Scans(database))
    made.append(Bench(sweeper, queue, jobs, job))
    keys.close()
    return made[0]


def test_a_job_is_the_same_workflow_however_often_it_is_swept(bench: Bench) -> None:
    for _ in range(3):
        assert bench.sweeper.sweep() == 0

    assert len(bench.queue.handed) == 3
    assert len(set(bench.queue.handed)) == 1


def test_an_ended_job_is_settled_and_owed_no_more(bench: Bench, database: Database) -> None:
    with database.write() as session:
        orders.end(session, TENANT, bench.job, Progress.RELEASED, attempt=0, outcome={}, now=NOON)

    assert bench.sweeper.sweep() == 2
    assert bench.sweeper.sweep() == 0
    assert bench.jobs.settled == [bench.job]
    assert bench.queue.handed == []


def test_a_job_that_broke_off_is_tried_again_later_each_time_later_and_then_given_up(
    bench: Bench, database: Database
) -> None:
    waits = []
    for _ in range(TRIES + 1):
        bench.sweeper.sweep()
        bench.queue.over[bench.queue.handed[-1]] = "STORAGE_FULL"
        bench.sweeper.sweep()
        began, tried = bench.at, len(bench.queue.handed)
        with database.read() as session:
            if orders.job(session, TENANT, bench.job).progress.final:
                break
        while len(bench.queue.handed) == tried:
            bench.at += timedelta(seconds=1)
            bench.sweeper.sweep()
        waits.append(bench.at - began)

    assert waits == [PAUSE, 2 * PAUSE, 4 * PAUSE]
    assert len(set(bench.queue.handed)) == TRIES + 1
    with database.read() as session:
        job = orders.job(session, TENANT, bench.job)
    assert job.outcome == b'{"error":"STORAGE_FULL"}'


def test_without_a_queue_runs_are_left_to_a_worker(bench: Bench, database: Database) -> None:
    alone = Sweeper(bench.sweeper.sessions, bench.sweeper.ledger, bench.sweeper.media, bench.sweeper.clock)
    with database.write() as session:
        orders.end(session, TENANT, bench.job, Progress.RELEASED, attempt=0, outcome={}, now=NOON)

    assert alone.sweep() == 1, "the cancellation"
    with database.read() as session:
        assert [duty.kind for duty in duties.open_duties(session, TENANT, now=NOON)] == [Kind.RUN_JOB]


@pytest.fixture
def order(bench: Bench, database: Database, entropy: Entropy) -> str:
    """A scan that is owed, and nothing else."""
    order = an_id()
    with database.write() as session:
        for duty in duties.open_duties(session, TENANT, now=NOON):
            duties.done(session, TENANT, duty.id, now=NOON)
        scans.add(session, TENANT, order, announced(session), "operator-1", now=NOON)
        duties.owe(session, TENANT, Kind.RUN_SCAN, order, now=NOON, entropy=entropy)
    return order


def test_a_scan_is_handed_over_as_one_workflow_and_owed_until_it_is_over(
    bench: Bench, order: str, database: Database
) -> None:
    for _ in range(3):
        assert bench.sweeper.sweep() == 0
    assert len(bench.queue.handed) == 3
    assert len(set(bench.queue.handed)) == 1

    with database.write() as session:
        found = scans.get(session, TENANT, order)
        scans.end(session, TENANT, found, State.DONE, decision="d" * 32, now=NOON)
    assert bench.sweeper.sweep() == 1
    assert bench.sweeper.sweep() == 0


def test_a_scan_that_was_handed_back_goes_on_at_once_and_one_that_broke_off_later(
    bench: Bench, order: str, database: Database
) -> None:
    bench.sweeper.sweep()
    bench.queue.over[bench.queue.handed[-1]] = "JOB_HANDED_BACK"
    bench.sweeper.sweep()
    bench.sweeper.sweep()
    assert len(set(bench.queue.handed)) == 2

    for _ in range(TRIES):
        bench.queue.over[bench.queue.handed[-1]] = "SANDBOX_UNAVAILABLE"
        bench.sweeper.sweep()
        bench.at += timedelta(minutes=10)
        bench.sweeper.sweep()

    with database.read() as session:
        found = scans.get(session, TENANT, order)
    assert (found.state, found.outcome) == (State.FAILED, "SANDBOX_UNAVAILABLE")


def test_without_a_queue_scans_are_left_to_a_worker(bench: Bench, order: str) -> None:
    alone = Sweeper(bench.sweeper.sessions, bench.sweeper.ledger, bench.sweeper.media, bench.sweeper.clock)

    assert alone.sweep() == 0
    assert bench.sweeper.sweep() == 0
    assert len(bench.queue.handed) == 1
