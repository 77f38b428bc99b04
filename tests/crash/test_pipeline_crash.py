"""kill -9 anywhere on a job's way, and start again: it ends once, and nothing is lost or done twice."""

import random
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from swap import orders
from swap.orders import Progress
from swap.serving import Gone
from trials import Children, kill_children_of, released_once, the_output
from worlds import World

Stage = Callable[..., World]


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    started = Children()
    yield started
    started.close()


ON_THE_WAY = [
    "job handed over",
    "before the run",
    "redeeming, not committed",
    "redeemed",
    "rendering",
    "encoded, not signed",
    "signed, not logged",
    "logged, not published",
    "run returned",
    "before the release",
    "half kept",
    "kept",
    "releasing, entry written",
    "releasing, not committed",
    "released",
    "release returned",
    "photo gone, not committed",
    "settled, not published",
    "settle returned",
    "before the duty is done",
    "placing entries, not committed",
]


ON_POSTGRESQL = [
    "redeeming, not committed",
    "logged, not published",
    "before the release",
    "releasing, not committed",
    "photo gone, not committed",
]
"""Where what the database does with a half-finished transaction, and DBOS in the same one, matters."""


@pytest.mark.parametrize(
    ("ground", "point"),
    [*(("sqlite", point) for point in ON_THE_WAY), *(("postgresql", point) for point in ON_POSTGRESQL)],
    indirect=["ground"],
)
def test_a_job_killed_on_its_way_is_released_once(point: str, at_stage: Stage, children: Children) -> None:
    world = at_stage("asked")

    assert children.run(world, "work", point) == -signal.SIGKILL
    assert children.run(world, "work") == 0

    released_once(world)


@pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
def test_a_job_killed_three_times_is_released_once(at_stage: Stage, children: Children) -> None:
    world = at_stage("asked")

    for point in ("rendering", "logged, not published", "releasing, not committed"):
        assert children.run(world, "work", point) == -signal.SIGKILL
    assert children.run(world, "work") == 0

    released_once(world)


def test_a_job_whose_asker_died_before_publishing_is_released(at_stage: Stage, children: Children) -> None:
    # Given a swap whose permit no checkpoint holds yet
    world = at_stage("received")
    assert children.run(world, "ask", "asked, not published") == -signal.SIGKILL
    with world.record.database.read() as session:
        job = session.connection().exec_driver_sql("SELECT id FROM job").scalar_one()
    world.known["job"] = job

    # Then it is not refused for that, but published and run
    assert children.run(world, "work") == 0
    released_once(world)


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_clip_that_kills_each_time_is_given_up(at_stage: Stage, children: Children) -> None:
    world = at_stage("asked")

    attempts = 0
    while children.run(world, "work", "rendering") == -signal.SIGKILL:
        attempts += 1
        assert attempts <= 6

    with world.record.database.read() as session:
        job = orders.job(session, world.tenant, world.known["job"])
    assert job.progress is Progress.FAILED
    assert job.outcome == b'{"error":"JOB_STOPPED"}'
    assert world.rows("output") == 0
    assert world.files("work") == []
    assert world.kinds().count("JobEnded") == 1


def test_a_withdrawal_killed_behind_its_journal_already_denies(at_stage: Stage, children: Children) -> None:
    # Given a withdrawal that died before anything of it was in the database
    world = at_stage("asked")
    assert children.run(world, "withdraw", "withdrawn in the journal alone") == -signal.SIGKILL
    assert "ConsentWithdrawn" not in world.kinds()

    # When the job is worked on
    assert children.run(world, "work") == 0

    # Then it is refused, and the withdrawal repeated is made whole
    with world.record.database.read() as session:
        assert orders.job(session, world.tenant, world.known["job"]).progress is Progress.REFUSED
    assert world.rows("output") == 0
    assert children.run(world, "withdraw") == 0
    assert world.kinds().count("ConsentWithdrawn") == 1


@pytest.mark.parametrize(
    ("ground", "point"),
    [
        ("sqlite", "withdrawn, duties open"),
        ("sqlite", "file gone, not committed"),
        ("postgresql", "file gone, not committed"),
    ],
    indirect=["ground"],
)
def test_a_withdrawn_output_is_unserved_whenever_the_sweeper_dies(
    point: str, at_stage: Stage, children: Children
) -> None:
    world = at_stage("asked")
    assert children.run(world, "work") == 0
    output = the_output(world)
    world.withdraws("astronaut")

    assert children.run(world, "work", point) == -signal.SIGKILL
    assert isinstance(world.record.delivery.deliver(output.id), Gone)

    assert children.run(world, "work") == 0
    assert world.record.delivery.deliver(output.id) is Gone.WITHDRAWN
    assert not world.record.delivery.media.holds(output.digest)
    assert world.kinds().count("OutputWithdrawn") == 1


@pytest.mark.parametrize(("ground", "seed"), [("sqlite", 1), ("postgresql", 2)], indirect=["ground"])
def test_a_job_killed_at_any_moment_is_released_once(seed: int, at_stage: Stage, children: Children) -> None:
    """By the clock rather than by a point: also inside what no point names."""
    world = at_stage("asked")
    dice = random.Random(seed)

    for _ in range(3):
        killer = threading.Timer(dice.uniform(0.15, 1.5), kill_children_of, [children.process.pid])
        killer.start()
        code = children.run(world, "work")
        killer.cancel()
        killer.join()  # it may be at it: not the next child
        if code == 0:
            break
    assert children.run(world, "work") == 0

    released_once(world)
