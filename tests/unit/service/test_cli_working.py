"""Commands that run for a while, or wait for what runs: worker, jobs, demo, recover."""

import json
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from audit.canonical import Json, canonical
from service.cli import demo, waiting, worker
from service.cli.desk import Desk
from service.console import Exit, Voice
from service.settings import load
from service.wiring import Record, open_record
from shell import Shell
from swap.errors import SlotTaken
from swap.orders import Job, Progress

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
JOB = Job("ab" * 16, "cd" * 16, "ef" * 16, "01" * 16, Progress.QUEUED, 0, False, None, None, 0, None, NOON)


def ended(progress: Progress, outcome: Json) -> Job:
    return replace(JOB, progress=progress, attempt=1, outcome=canonical(outcome))


@pytest.fixture
def record(shell: Shell) -> Iterator[Record]:
    record = open_record(load(shell.data))
    yield record
    record.close()


# The worker


@dataclass
class Hold:
    slot: str = "slot-1"


@dataclass
class Busy:
    """A worker that is told to stop by a signal while it works."""

    number: signal.Signals
    hold: Hold

    def run_until(self, stopped: Callable[[], bool]) -> None:
        assert not stopped()
        signal.raise_signal(self.number)
        assert stopped()


@pytest.mark.usefixtures("quiet_again")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_ends_in_order_when_it_is_told_to(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    @contextmanager
    def working(_record: object, _studio: object) -> Iterator[Busy]:
        yield Busy(number, Hold())

    monkeypatch.setattr(worker, "working", working)

    assert shell("worker") == {"ok": True, "slot": "slot-1", "stopped": True}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("quiet_again")
def test_a_fault_of_ours_ends_a_worker_without_its_message(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def working(_record: object, _studio: object) -> Iterator[Busy]:
        raise ValueError("Grace Hopper")
        yield

    monkeypatch.setattr(worker, "working", working)
    shell.more["CONSENTRY_LOG_FORM"] = "json"

    stdout, stderr = shell.run("worker", "--json", leaves=int(Exit.BUG))

    assert json.loads(stdout)["error"]["code"] == "BUG"
    line = json.loads(stderr)
    assert line["level"] == "critical"
    assert line["error"] == "ValueError"
    assert "Hopper" not in stdout + stderr


@pytest.mark.usefixtures("quiet_again")
def test_a_worker_answers_health_where_it_is_told_to(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Answering(Busy):
        def run_until(self, stopped: Callable[[], bool]) -> None:
            asked.append(httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code)
            super().run_until(stopped)

    @contextmanager
    def working(_record: object, _studio: object) -> Iterator[Busy]:
        yield Answering(signal.SIGTERM, Hold())

    monkeypatch.setattr(worker, "working", working)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    shell.more["CONSENTRY_WORKER_LISTEN"] = f"127.0.0.1:{port}"

    said = shell.said("worker")

    assert asked == [200]
    assert f"127.0.0.1:{port}" in said


# Waiting for a job


def test_a_job_that_a_live_worker_has_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter([JOB, replace(JOB, progress=Progress.RUNNING), ended(Progress.RELEASED, {"output": "o"})])
    monkeypatch.setattr(waiting, "find", lambda _record, _job: next(seen))
    monkeypatch.setattr(waiting, "_worker_alive", lambda _record: True)
    monkeypatch.setattr(waiting, "_PAUSE", 0)

    assert waiting.finish(DeskOf(), JOB.id).progress is Progress.RELEASED


def test_when_a_worker_is_faster_to_the_slot_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter([JOB, JOB, ended(Progress.RELEASED, {"output": "o"})])
    alive = iter([False, True])

    def taken(*_: object) -> Job:
        raise SlotTaken("slot-1")

    monkeypatch.setattr(waiting, "find", lambda _record, _job: next(seen))
    monkeypatch.setattr(waiting, "_worker_alive", lambda _record: next(alive))
    monkeypatch.setattr(waiting, "_work", taken)
    monkeypatch.setattr(waiting, "_PAUSE", 0)

    assert waiting.finish(DeskOf(), JOB.id).progress is Progress.RELEASED


def DeskOf() -> Desk:  # noqa: N802  (a desk without a folder; nothing of it is opened)
    class Closed(Desk):
        @property
        def record(self) -> Record:
            return None  # type: ignore[return-value]

    return Closed(Voice.open(machine=True), None)


@pytest.mark.parametrize(
    ("job", "words", "expected"),
    [
        (ended(Progress.RELEASED, {"output": "0a" * 16}), f"swap fetch {'0a' * 16}", Exit.OK),
        (ended(Progress.REFUSED, {"rules": ["G-10"]}), "The authorization is not in force", Exit.NO),
        (ended(Progress.REFUSED, {"rules": ["PERMIT_VOID"]}), "许可所依据的同意已撤回", Exit.NO),
        (ended(Progress.FAILED, {"error": "ENGINE_STRAYED"}), "ENGINE_STRAYED", Exit.NO),
        (replace(JOB, cancelled=True), "told to stop", Exit.OK),
    ],
)
def test_how_a_job_ended_is_said_in_words(
    record: Record, capsys: pytest.CaptureFixture[str], job: Job, words: str, expected: Exit
) -> None:
    value = waiting.say_job(Voice.open(machine=False), record, job)

    assert words in capsys.readouterr().out
    assert value["state"] == str(job.progress)
    assert waiting.exit_of_job(job) is expected


# Demo and recovery


@pytest.mark.parametrize(("ok", "expected"), [(True, 0), (False, 1)])
def test_the_demo_says_whether_the_story_came_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ok: bool, expected: int
) -> None:
    told = []

    def tell(folder: Path, _voice: Voice, report: Path | None) -> bool:
        told.append((folder, report))
        return ok

    monkeypatch.setattr(demo.story, "run", tell)

    Shell(tmp_path).run("demo", "--dir", "here", "--json", "report.json", leaves=expected)

    assert told == [(Path("here"), Path("report.json"))]


def test_after_an_older_copy_came_back_recovery_suspends_and_the_folder_opens_again(shell: Shell) -> None:
    words = ("--proof", "self-asserted", "--by", "op", "--how", "demo", "--age", "adult")
    shell("person", "enrol", *words)
    older = shell.folder / "older.db"
    _copied(shell.data / "consentry.db", older)
    shell("person", "enrol", *words)
    for each in shell.data.glob("consentry.db-*"):
        each.unlink()
    shutil.copy(older, shell.data / "consentry.db")
    assert shell("log", "list", leaves=4)["error"]["code"] == "LOG_BEHIND"

    done = shell("recover", "--yes")

    assert done["read_back"] >= 1
    audited = shell("log", "audit")
    assert (audited["findings"], audited["erased"]) == ([], 0)
    assert audited["unopenable"] == audited["lost"] > 0


def _copied(source: Path, target: Path) -> None:
    """A backup, taken as SQLite takes one."""
    import sqlite3

    with sqlite3.connect(source) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    live.close()
    copy.close()
