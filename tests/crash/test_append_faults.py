"""Every call to the disk that an append makes fails once: what was acknowledged is there, and all files fit.

Under `strace` each system call of the process is made to fail in turn, SQLite's own for the database and for
the key store among them. Without it, and for PostgreSQL, each call of our own file layer (`audit.durable`).
"""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

import audit.durable
from audit.appender import AppenderStopped
from audit.durable import DiskFailed, DiskFull
from audit.fsck import fsck
from audit.head import HeadFile, TreeHead
from audit.keydb import KeysPoisoned
from audit.proof import Proof
from audit.storage import PosixStorage
from crash.appends import TURNS, alone
from logbook import NOON, Desk
from service.database import Database, DatabasePoisoned

CHILD = Path(__file__).parent / "appends.py"
BEFORE = 250
"""Entries beforehand: on the way a tile becomes full, and the level above it begins."""

CALLS = {
    "fsync": ("fsync,fdatasync", "EIO"),
    "write": ("write,pwrite64,writev,pwritev", "ENOSPC"),
    "write, broken": ("write,pwrite64,writev,pwritev", "EIO"),
    "rename": ("rename,renameat,renameat2,link,linkat", "EIO"),
    "open": ("open,openat,creat", "EIO"),
    "other": ("ftruncate,fallocate,unlink,unlinkat,mkdir,mkdirat,fchmod,chmod,fchmodat", "EIO"),
}
SQLITE = re.compile(r"(log|keys)\.db")
STOPPED = {DatabasePoisoned.code, KeysPoisoned.code, AppenderStopped.code}


@pytest.fixture
def strace() -> str:
    """Where it is. In CI it has to be there; elsewhere its absence is said, not passed over."""
    found = shutil.which("strace")
    if found is None:
        if os.environ.get("CI") or os.environ.get("STRACE_TESTS"):
            pytest.fail("no strace here: CI has to install it (.ci/run)")
        pytest.skip("no strace here: no system call was made to fail (apt-get install strace)")
    return found


@dataclass
class Traced:
    """A log on SQLite whose appends happen in a process that strace holds."""

    strace: str
    folder: Path
    server: subprocess.Popen[str]
    order: dict[str, str]
    """Which log."""
    acked: set[str] = field(default_factory=set)

    def trial(self, calls: str, error: str, when: int) -> tuple[dict[str, Any], list[str]]:
        """Append while the `when`th of these calls of each thread fails. What came of it; of which files."""
        (self.folder / "result").write_bytes(bytes(4096))
        order = {**self.order, "folder": str(self.folder), "result": str(self.folder / "result")}
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps(order) + "\n")
        self.server.stdin.flush()
        pid = self.server.stdout.readline().strip()
        assert self.server.stdout.readline() == "ready\n"
        trace = self.folder / "trace"
        inject = f"inject={calls}:error={error}:when={when}"
        command = [self.strace, "-f", "-y", "-o", str(trace), "-e", inject]
        with subprocess.Popen(
            [*command, "-e", f"trace={calls}", "-p", pid], stderr=subprocess.PIPE, text=True
        ) as tracer:
            assert tracer.stderr
            attached = "attached" in tracer.stderr.readline()
            # In any case, or the process would wait for ever, and we for it.
            os.kill(int(pid), signal.SIGUSR1)
            assert self.server.stdout.readline() == "ended\n"
            assert attached
        said = json.loads((self.folder / "result").read_bytes().rstrip(b"\0") or b"{}")
        self.acked |= {said[name]["acked"] for name in said if "acked" in said[name]}
        injected = [line for line in trace.read_text().splitlines() if "(INJECTED)" in line]
        return said, [Path((re.findall(r"<(/[^>]*)>", line) or ["?"])[0]).name for line in injected]

    def looks(self) -> None:
        """What the next process finds: it starts, publishes what waits, and nothing disagrees."""
        if "appender" in self.order:
            sound_alone(self.folder, self.acked)
            return
        desk = reopened(self.folder, self.order["url"])
        try:
            sound(desk, self.acked)
        finally:
            desk.keystore.close()
            desk.database.close()


def reopened(folder: Path, url: str) -> Desk:
    from crash.appends import reopened as opened

    return opened(folder, url)


def sound(desk: Desk, acked: set[str]) -> None:
    log = desk.log("the next")
    desk.sql("UPDATE log_lease SET holder = ''")
    log.start()
    checkpoint = log.publish(now=NOON)
    files = fsck(desk.storage, log.verifier)
    assert (files.wrong, files.root, files.checkpoint.size) == ((), checkpoint.root, checkpoint.size)
    assert desk.head.read() == TreeHead(checkpoint.size, checkpoint.root)
    with desk.database.read() as session:
        outcome = log.audit(session)
        assert (outcome.findings, outcome.size, outcome.unopenable) == ((), checkpoint.size, 0)
        rows = session.connection().exec_driver_sql("SELECT leaf_hash FROM log_entry WHERE idx IS NOT NULL")
        assert acked <= set(rows.scalars())


def sound_alone(folder: Path, acked: set[str]) -> None:
    """The same of a log that stands alone; what was acknowledged has its place in its name."""
    log = alone(folder)
    try:
        checkpoint = log.publish(PosixStorage(folder / "log"))
        entries = log.entries(0, checkpoint.size + 1)
        for place in {0, checkpoint.size - 1}:
            Proof.parse(log.proof(place)).check(entries[place], log.verifier)
    finally:
        log.close()
    files = fsck(PosixStorage(folder / "log"), log.verifier)
    assert (files.wrong, files.root, files.checkpoint.size) == ((), checkpoint.root, checkpoint.size)
    assert HeadFile(folder / "apart" / "head").read() == TreeHead(checkpoint.size, checkpoint.root)
    assert len(entries) == checkpoint.size
    there = {f"{place}.{entry.decode()}" for place, entry in enumerate(entries)}
    assert acked <= there


@pytest.fixture(params=["desk", "appender"])
def traced(
    request: pytest.FixtureRequest, strace: str, tmp_path: Path, empty_sqlite: Path
) -> Iterator[Traced]:
    """A log in a database that others use too, and one that stands alone."""
    paths = os.pathsep.join([str(CHILD.parents[1]), str(CHILD.parents[2] / "src")])
    if request.param == "desk":
        shutil.copy(empty_sqlite, tmp_path / "log.db")
        order = {"url": f"sqlite:///{tmp_path / 'log.db'}"}
        desk = Desk(Database(order["url"]), tmp_path)
        desk.started()
        desk.write_many(BEFORE)
        desk.log().publish(now=NOON)
        desk.keystore.close()
        desk.database.close()
    else:
        order = {"appender": "yes"}
        log = alone(tmp_path)
        log.append_many([b"entry %d" % number for number in range(BEFORE)])
        log.publish(PosixStorage(tmp_path / "log"))
        log.close()
    with subprocess.Popen(
        [sys.executable, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as server:
        yield Traced(strace, tmp_path, server, order)


@pytest.mark.parametrize("name", CALLS)
def test_whichever_system_call_of_an_append_fails_what_was_acknowledged_is_there(
    name: str, traced: Traced
) -> None:
    calls, error = CALLS[name]
    when, injected, refused, stopped = 0, ["?"], 0, set[str]()
    # Until an append has gone through before the call's turn came.
    while injected:
        when += 1
        said, injected = traced.trial(calls, error, when)
        codes = [said[each].get("error") for each in TURNS]
        refused += any(codes)
        assert all(code is None or code.isupper() for code in codes), codes
        if name == "fsync" and (files := {each for each in injected if SQLITE.match(each)}):
            # What SQLite believes to be on the disk may not be: this process appends no more. A file of the
            # log's own is another case: it is thrown away, and written again from the database.
            # Where one of those failed too (calls are counted by thread), DISK_FAILED is that one's word.
            others = {None, "DISK_FAILED"} if set(injected) - files else {None}
            last = len(TURNS) - 1 if codes[-1] is not None else None
            failed = next((turn for turn, code in enumerate(codes) if code not in others), last)
            assert failed is not None, (files, said)
            after = TURNS[failed + 1 :]
            assert {said[each].get("error") for each in after} <= STOPPED, (files, said)
            assert not any("acked" in said[each] for each in after), (files, said)
            stopped |= files
        traced.looks()
        assert when < 200
    assert when > 2
    assert codes == [None, None, None]
    assert refused or name == "other"
    if name == "fsync":
        assert stopped >= {"log.db-wal"} | ({"keys.db-wal"} if "url" in traced.order else set())


# Our own file layer, on both databases


@dataclass
class Failing:
    """`os` for `audit.durable`: the call number `at` fails, once."""

    at: int
    error: int
    counted: int = 0
    lock: Any = field(default_factory=Lock)

    def tick(self) -> None:
        with self.lock:
            self.counted += 1
            if self.counted == self.at:
                raise OSError(self.error, os.strerror(self.error))

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name == "fdopen":
            return lambda *args, **more: _File(found(*args, **more), self)
        return self.wrapped(found) if name in {"open", "fsync", "link", "fchmod"} else found

    def wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def ticking(*args: Any, **more: Any) -> Any:
            self.tick()
            return call(*args, **more)

        return ticking


@dataclass
class _File:
    inner: Any
    failing: Failing

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self.inner.close()

    def write(self, data: bytes) -> None:
        # Half of it is there when the disk is full.
        self.inner.write(data[: len(data) // 2])
        self.failing.tick()
        self.inner.write(data[len(data) // 2 :])

    def flush(self) -> None:
        self.inner.flush()


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_whichever_call_of_the_file_layer_fails_the_next_process_finds_nothing_half_done(
    database: Database, tmp_path: Path, error: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(database, tmp_path)
    desk.started()
    desk.write_many(BEFORE)
    desk.log().publish(now=NOON)
    failing, acked, at = Failing(0, error), set[str](), 0
    renamed = Path.replace

    while failing.counted >= at:
        at += 1
        failing = Failing(at, error)
        (entry,) = desk.write_many(1)
        acked.add(entry.leaf_hash)
        with monkeypatch.context() as patched:
            patched.setattr(audit.durable, "os", failing)
            patched.setattr(Path, "replace", failing.wrapped(renamed))
            try:
                desk.log().publish(entry.leaf_hash, now=NOON)
            except (DiskFailed, DiskFull) as refused:
                fitting = isinstance(refused, DiskFull if error == errno.ENOSPC else DiskFailed)
            else:
                fitting = failing.counted < at
        assert fitting
        sound(desk, acked)
        desk.sql("UPDATE log_lease SET holder = ''")
    assert at > 20
