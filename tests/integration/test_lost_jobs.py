"""What the job engine loses when its tables fail it, wherever that hits its threads: taken up again, once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dbos._sys_db import SystemDatabase
from sqlalchemy.exc import OperationalError

from grounds import Ground
from swap.jobs import JobRunner
from waiting import LONG, until


@dataclass
class Counted:
    """Steps that are counted; a scan stands still until it may go on."""

    done: Counter[str] = field(default_factory=Counter)
    go: threading.Event = field(default_factory=threading.Event)

    def run(self, job: str) -> str | None:
        self.done["run"] += 1
        return "made"

    def release(self, job: str, made: str) -> bool:
        self.done["release"] += 1
        return True

    def settle(self, job: str) -> None:
        self.done["settle"] += 1

    def scan(self, scan: str) -> None:
        self.done["scan"] += 1
        assert self.go.wait(LONG)


@pytest.fixture
def steps() -> Iterator[Counted]:
    made = Counted()
    yield made
    made.go.set()


@pytest.fixture
def runner(ground: Ground, tmp_path: Path, steps: Counted) -> Iterator[JobRunner]:
    settings = ground.found(tmp_path / "data")
    opened = JobRunner(steps, url=settings.jobs_url, tenant=settings.tenant, slot=settings.slot)
    yield opened
    steps.go.set()
    assert opened.close(within=LONG)


class Tables:
    """The job engine's tables, which fail once in ways it does not wait for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failed: list[str] = []
        self._patch = monkeypatch

    def fail(self, name: str, *, after: bool = False, times: int = 1) -> None:
        """At this call; `after`: it was committed, and its answer is what got lost."""
        whole: Callable[..., Any] = getattr(SystemDatabase, name)

        def call(tables: object, *args: object, **more: object) -> Any:
            if self.failed.count(name) >= times or self._idle(name, args):
                return whole(tables, *args, **more)
            if after:
                given = whole(tables, *args, **more)
                if not given[0]:
                    return given
            self.failed.append(name)
            raise OperationalError("a statement", {}, Exception("failed to resolve host"))

        self._patch.setattr(SystemDatabase, name, call)

    def failed_at(self, *names: str) -> None:
        """Wait until they have failed there: whatever was at work then is lost."""
        until(lambda: len(self.failed) >= len(names))
        assert self.failed == list(names)

    def _idle(self, name: str, args: tuple[Any, ...]) -> bool:
        """Whether it is a poll that nothing of ours is in: of another queue, or about nothing."""
        if name == "start_queued_workflows":
            return not args[0].name.startswith("swap-")
        return name == "get_workflow_statuses" and not args[0]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    return Tables(monkeypatch)


def ends(runner: JobRunner, workflow: str) -> None:
    """It is taken up, once, and then ends well; what ended otherwise, the sweeper would try anew."""
    until(lambda: runner.pick_up() == 1)
    until(lambda: ended_well(runner, workflow))


def ended_well(runner: JobRunner, workflow: str) -> bool:
    found = runner._dbos.get_workflow_status(workflow)
    return found is not None and found.status == "SUCCESS"


# Where the tables can fail


def test_a_claim_whose_answer_got_lost_is_made_again(
    runner: JobRunner, steps: Counted, tables: Tables
) -> None:
    tables.fail("start_queued_workflows", after=True)

    runner.enqueue("duty.0", "job")

    tables.failed_at("start_queued_workflows")
    ends(runner, "duty.0")
    assert steps.done == {"run": 1, "release": 1, "settle": 1}


def test_a_job_that_was_claimed_and_never_begun_is_begun(
    runner: JobRunner, steps: Counted, tables: Tables
) -> None:
    # One by one they are asked for in the same way.
    tables.fail("get_workflow_statuses", times=2)

    runner.enqueue("duty.0", "job")

    tables.failed_at("get_workflow_statuses", "get_workflow_statuses")
    ends(runner, "duty.0")
    assert steps.done == {"run": 1, "release": 1, "settle": 1}


def test_a_step_and_an_end_that_could_not_be_written_down_are_done_again(
    runner: JobRunner, steps: Counted, tables: Tables
) -> None:
    tables.fail("record_operation_result")
    tables.fail("update_workflow_outcome")

    runner.enqueue("duty.0", "job")

    tables.failed_at("record_operation_result", "update_workflow_outcome")
    ends(runner, "duty.0")
    # The step whose result got lost runs again; every step is safe to repeat.
    assert steps.done == {"run": 2, "release": 1, "settle": 1}


def test_an_end_that_could_not_be_written_down_is_written_without_doing_a_step_again(
    runner: JobRunner, steps: Counted, tables: Tables
) -> None:
    tables.fail("update_workflow_outcome")

    runner.enqueue("duty.0", "job")

    tables.failed_at("update_workflow_outcome")
    ends(runner, "duty.0")
    assert steps.done == {"run": 1, "release": 1, "settle": 1}


def test_what_could_not_be_recovered_at_the_start_is_recovered_later(
    ground: Ground, tmp_path: Path, steps: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a job that an earlier process of the slot left at work
    settings = ground.found(tmp_path / "data")
    with monkeypatch.context() as patched:
        broken = Tables(patched)
        broken.fail("record_operation_result", times=9)
        broken.fail("update_workflow_outcome", times=9)
        first = JobRunner(steps, url=settings.jobs_url, tenant=settings.tenant, slot=settings.slot)
        first.enqueue("duty.0", "job")
        broken.failed_at("record_operation_result", "update_workflow_outcome")
        assert first.close(within=LONG)

    # When the next one starts as the tables fail
    later = Tables(monkeypatch)
    later.fail("reenqueue_for_recovery")
    second = JobRunner(steps, url=settings.jobs_url, tenant=settings.tenant, slot=settings.slot)
    later.failed_at("reenqueue_for_recovery")

    # Then it finds the job later.
    try:
        ends(second, "duty.0")
        assert steps.done == {"run": 2, "release": 1, "settle": 1}
    finally:
        assert second.close(within=LONG)


# Beside other work


def test_a_lost_job_is_taken_up_while_the_worker_is_busy_with_something_else(
    runner: JobRunner, steps: Counted, tables: Tables
) -> None:
    # Given a scan at work, and a run that got lost beside it
    runner.enqueue_scan("scan.0", "scan")
    until(lambda: steps.done["scan"])
    tables.fail("record_operation_result")
    tables.fail("update_workflow_outcome")
    runner.enqueue("duty.0", "job")
    tables.failed_at("record_operation_result", "update_workflow_outcome")

    # Then the run is done, and the scan is left alone.
    ends(runner, "duty.0")
    assert steps.done["scan"] == 1
    steps.go.set()
    until(lambda: ended_well(runner, "scan.0"))
    assert steps.done == {"run": 2, "release": 1, "settle": 1, "scan": 1}


def test_what_is_at_work_is_never_taken_up(runner: JobRunner, steps: Counted) -> None:
    runner.enqueue_scan("scan.0", "scan")
    until(lambda: steps.done["scan"])

    assert [runner.pick_up() for _ in range(5)] == [0] * 5

    steps.go.set()
    until(lambda: ended_well(runner, "scan.0"))
    assert steps.done == {"scan": 1}
