"""Two workers on PostgreSQL: what one leaves when it dies the other ends, and who comes back is refused."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from swap import orders, scans, slots
from swap.orders import Progress
from trials import Children, kill_children_of, released_once
from waiting import LONG, until
from worlds import OPERATOR, World

Stage = Callable[..., World]

LEASE = 1.6
"""Seconds. Four beats, as ever: a machine that is busy must not make a live worker look dead."""


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Children, Children]]:
    started = Children(LEASE), Children(LEASE)
    yield started
    for each in started:
        each.close()


class Host:
    """A worker on a slot of its own, in the background."""

    def __init__(self, world: World, slot: str, children: Children, pool: ThreadPoolExecutor) -> None:
        self.world, self.slot, self.children, self.pool = world, slot, children, pool

    def works(self, point: str | None = None) -> "Future[int]":
        return self.pool.submit(self.children.run, self.world, "work", point, slot=self.slot)

    @property
    def at(self) -> int | None:
        """Its process, once it stands still."""
        path = self.world.folder / f"at-{self.slot}"
        return int(path.read_text() or 0) or None if path.exists() else None

    def goes_on(self) -> None:
        (self.world.folder / f"go-{self.slot}").touch()

    def holds_its_slot(self) -> bool:
        now = self.world.record.clock()
        with self.world.record.database.read() as session:
            return slots.held(session, self.world.tenant, self.slot, now=now)

    def has_a_folder(self, attempt: int) -> bool:
        return any((self.world.folder / "work" / self.world.known["job"]).glob(f"{attempt}-*"))


@pytest.fixture
def hosts(at_stage: Stage, both: tuple[Children, Children]) -> Iterator[tuple[Host, Host]]:
    world = at_stage("asked")
    with ThreadPoolExecutor(2) as pool:
        try:
            yield Host(world, "host-a", both[0], pool), Host(world, "host-b", both[1], pool)
        finally:
            # Whoever stands still after a test that failed.
            for each in both:
                kill_children_of(each.process.pid)


def attempt(world: World) -> int:
    with world.record.database.read() as session:
        return orders.job(session, world.tenant, world.known["job"]).attempt


pytestmark = pytest.mark.parametrize("ground", ["postgresql"], indirect=True)


def test_what_a_killed_worker_left_the_other_ends(hosts: tuple[Host, Host]) -> None:
    # Given two workers alive, one of them at work on the job
    first, second = hosts
    killed = first.works("rendering, waits")
    until(lambda: first.at)
    ended = second.works()
    until(second.holds_its_slot)
    assert attempt(first.world) == 1

    # When that one is killed
    assert first.at
    os.kill(first.at, signal.SIGKILL)

    # Then the other, which began nothing anew before, ends it.
    assert killed.result(LONG) == -signal.SIGKILL
    assert ended.result(LONG) == 0
    released_once(first.world)
    assert attempt(first.world) == 2


def test_a_paused_worker_that_goes_on_before_the_other_has_ended_is_refused(
    hosts: tuple[Host, Host],
) -> None:
    # Given a worker that was stopped mid-job, and the other at work on it
    first, second = hosts
    zombie = first.works("rendering, paused")
    until(lambda: first.at)
    heir = second.works("rendering, waits")
    until(lambda: second.at)
    assert attempt(first.world) == 2

    # When the first goes on while the second stands still
    first.goes_on()
    os.kill(first.at or 0, signal.SIGCONT)
    until(lambda: not first.has_a_folder(1))

    # Then its run ends for nothing, and the job is the second's.
    kinds = first.world.kinds()
    assert kinds.count("RunFinished") == kinds.count("JobEnded") == 0
    second.goes_on()
    assert heir.result(LONG) == 0
    assert zombie.result(LONG) == 0
    released_once(first.world)
    assert first.world.kinds().count("RunFinished") == 1


def test_a_paused_worker_that_goes_on_when_all_is_over_is_refused(hosts: tuple[Host, Host]) -> None:
    first, second = hosts
    zombie = first.works("rendering, paused")
    until(lambda: first.at)
    pid = first.at or 0
    assert second.works().result(LONG) == 0
    released_once(first.world)
    files = first.world.files("media")

    first.goes_on()
    os.kill(pid, signal.SIGCONT)

    assert zombie.result(LONG) == 0
    released_once(first.world)
    assert first.world.files("media") == files
    assert first.world.kinds().count("RunFinished") == 1


def test_a_live_worker_is_left_alone(hosts: tuple[Host, Host]) -> None:
    # Given a run that takes longer than a lease
    first, second = hosts
    slow = first.works("rendering, waits")
    until(lambda: first.at)
    other = second.works()
    until(second.holds_its_slot)
    time.sleep(2.5 * LEASE)

    # Then nobody takes it over while its worker's heart beats.
    assert attempt(first.world) == 1
    first.goes_on()
    assert slow.result(LONG) == other.result(LONG) == 0
    released_once(first.world)
    assert attempt(first.world) == 1


def test_a_cancelled_run_does_not_come_back(hosts: tuple[Host, Host]) -> None:
    # Given a withdrawal while the worker lies dead
    first, second = hosts
    killed = first.works("rendering, waits")
    until(lambda: first.at)
    os.kill(first.at or 0, signal.SIGKILL)
    assert killed.result(LONG) == -signal.SIGKILL
    first.world.withdraws("astronaut")

    # Then who takes over is refused at the permit.
    assert second.works().result(LONG) == 0
    world = first.world
    with world.record.database.read() as session:
        job = orders.job(session, world.tenant, world.known["job"])
    assert job.progress is Progress.REFUSED
    assert world.kinds().count("RunStarted") == 1
    assert world.files("work") == []
    assert Path(world.folder).exists()


def test_a_paused_worker_whose_own_slot_was_taken_is_refused(
    hosts: tuple[Host, Host], both: tuple[Children, Children]
) -> None:
    # Given a worker that was stopped mid-job, and another that took its very slot
    first, second = hosts
    zombie = first.works("rendering, paused")
    until(lambda: first.at)
    pid = first.at or 0
    heir = Host(first.world, first.slot, both[1], second.pool)
    assert heir.works().result(LONG) == 0
    released_once(first.world)
    files = first.world.files("media")

    # When the first goes on
    first.goes_on()
    os.kill(pid, signal.SIGCONT)

    # Then it finds its slot gone, and what it made is not taken.
    assert zombie.result(LONG) == 0
    released_once(first.world)
    assert first.world.files("media") == files
    assert first.world.kinds().count("RunFinished") == 1


@pytest.fixture
def scanning(at_stage: Stage, both: tuple[Children, Children]) -> Iterator[tuple[Host, Host, str]]:
    """Two hosts, and a scan for them to do."""
    world = at_stage("admitted")
    order = world.studio.scanning.ask(OPERATOR, world.known["template"])
    with ThreadPoolExecutor(2) as pool:
        try:
            yield Host(world, "host-a", both[0], pool), Host(world, "host-b", both[1], pool), order.id
        finally:
            for each in both:
                kill_children_of(each.process.pid)


def the_scan(world: World, order: str) -> scans.ScanOrder:
    with world.record.database.read() as session:
        return scans.get(session, world.tenant, order)


def test_a_scan_that_a_killed_worker_left_the_other_ends(scanning: tuple[Host, Host, str]) -> None:
    first, second, order = scanning
    killed = first.works("scanning, waits")
    until(lambda: first.at)
    ended = second.works()
    until(second.holds_its_slot)

    os.kill(first.at or 0, signal.SIGKILL)

    assert killed.result(LONG) == -signal.SIGKILL
    assert ended.result(LONG) == 0
    done = the_scan(first.world, order)
    assert (done.state, done.attempt) == (scans.State.DONE, 2)
    assert first.world.kinds().count("TemplateScanned") == 1


def test_a_paused_worker_that_goes_on_with_a_scan_changes_nothing(scanning: tuple[Host, Host, str]) -> None:
    # Given a worker that was stopped in the middle of a scan, and another that has ended it
    first, second, order = scanning
    zombie = first.works("scanning, paused")
    until(lambda: first.at)
    pid = first.at or 0
    assert second.works().result(LONG) == 0
    done = the_scan(first.world, order)
    assert (done.state, done.attempt) == (scans.State.DONE, 2)

    # When the first goes on
    first.goes_on()
    os.kill(pid, signal.SIGCONT)

    # Then
    assert zombie.result(LONG) == 0
    assert the_scan(first.world, order) == done
    assert first.world.rows("scan") == 1
