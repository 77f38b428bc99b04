"""The processes of a deployment: an API, workers on slots, whoever starts them again, and who kills them."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from shell import MAIN, Shell, file_papers

SLOT_TAKEN = 5
"""The exit code of a worker whose slot somebody holds: a supervisor tries again."""
UP = (b"working on slot", b"listening on")
"""What a process says when it is."""
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 8.0
"""Before somebody who ended by himself is started again."""


@dataclass(slots=True)
class Process:
    """One process of ours, and what it writes to stderr."""

    name: str
    words: tuple[str, ...]
    env: dict[str, str]
    folder: Path
    run: "subprocess.Popen[bytes] | None" = None
    starts: int = 0
    again_at: float = 0.0
    began: int = 0
    """Where in its log the present run begins."""
    up_at: float = 0.0
    """When the present run was first seen at work; 0 before."""
    doomed: bool = False
    """Killed by us, and not started again yet."""

    @property
    def log(self) -> Path:
        """All that its runs wrote."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self.run.pid if self.run is not None and self.run.poll() is None else None

    @property
    def up(self) -> bool:
        """Whether the present run has said that it is at work."""
        return any(word in self.log.read_bytes()[self.began :] for word in UP)

    @property
    def age(self) -> float:
        """Seconds since the present run was first seen at work: on a busy machine starting takes a minute."""
        if not self.up_at and self.up:
            self.up_at = time.monotonic()
        return time.monotonic() - self.up_at if self.up_at else 0.0

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.run = subprocess.Popen(
                [sys.executable, "-c", MAIN, *self.words],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            self.began = log.tell()
        self.up_at, self.starts, self.doomed = 0.0, self.starts + 1, False

    def kill(self) -> None:
        """SIGKILL, and gone."""
        if self.run is not None:
            self.doomed = True
            self.run.kill()
            self.run.wait()

    def stop(self, seconds: float = 120) -> int | None:
        """SIGTERM; its exit code."""
        if self.run is None:
            return None
        self.run.send_signal(signal.SIGTERM)
        return self.run.wait(seconds)


@dataclass(slots=True)
class Town:
    """A deployment on one machine. Make it with `founded`, then `open`; `close` whatever happens."""

    shell: Shell
    port: int
    serve: Process
    workers: list[Process]
    faults: list[str] = field(default_factory=list)
    """Processes that ended by themselves."""
    killed: list[str] = field(default_factory=list)

    @classmethod
    def founded(cls, folder: Path, database: str | None, workers: int, **settings: str) -> "Town":
        """A data folder, its database and its processes, none of them running."""
        shell = Shell(folder)
        words = ["init", "--mode", "demo", "--origin", "log.example/soak"]
        if database is not None:
            words += ["--database", database, "--guard", str(folder / "guard")]
        shell(*words)
        file_papers(shell)
        scratch = folder / "tmp"
        scratch.mkdir()
        plain = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY")}
        env = {
            **plain,
            "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
            "CONSENTRY_DATA": str(shell.data),
            "CONSENTRY_LOG_LEVEL": "warning",
            "TMPDIR": str(scratch),
            **{f"CONSENTRY_{name.upper()}": value for name, value in settings.items()},
        }
        port = _free_port()
        serve = Process("serve", ("serve", "--listen", f"127.0.0.1:{port}"), env, folder)
        hands = [
            Process(f"worker-{n}", ("worker",), {**env, "CONSENTRY_SLOT": f"slot-{n}"}, folder)
            for n in range(1, workers + 1)
        ]
        return cls(shell, port, serve, hands)

    @property
    def base(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def scratch(self) -> Path:
        """What its processes take for /tmp."""
        return self.shell.folder / "tmp"

    @property
    def processes(self) -> tuple[Process, ...]:
        """All of them."""
        return (self.serve, *self.workers)

    def open(self) -> None:
        """Start everything."""
        for each in self.processes:
            each.start()

    async def ready(self, seconds: float = 120) -> None:
        """Wait until the API answers."""
        until = time.monotonic() + seconds
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(f"{self.base}/readyz")).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                assert time.monotonic() < until, self.serve.log.read_text()[-2000:]
                await asyncio.sleep(0.2)

    async def looked_after(self) -> None:
        """Start again whoever ended, until cancelled: what systemd does."""
        while True:
            for each in self.processes:
                self._look_after(each)
            await asyncio.sleep(LOOK_SECONDS)

    def _look_after(self, each: Process) -> None:
        if each.pid is not None or each.run is None:
            return
        if each.again_at == 0.0:
            if not each.doomed and each.run.returncode != SLOT_TAKEN:
                self.faults.append(f"{each.name} ended by itself with {each.run.returncode}")
            each.again_at = time.monotonic() + (0.0 if each.doomed else AGAIN_SECONDS)
        if time.monotonic() >= each.again_at:
            each.again_at = 0.0
            each.start()

    def kill(self, victim: Process) -> None:
        """SIGKILL; whoever looks after it starts it again."""
        if victim.pid is not None:
            victim.kill()
            self.killed.append(victim.name)

    async def killing(self, dice: random.Random, every: float, most: int, until: float) -> None:
        """Kill a random worker, so many seconds on average after one is at work, until an instant."""
        for _ in range(most):
            while not self.at_work:
                await asyncio.sleep(LOOK_SECONDS)
            wait = dice.uniform(0.2, 1.8) * every
            if time.monotonic() + wait > until:
                return
            await asyncio.sleep(wait)
            victim = dice.choice(self.at_work or self.workers)
            self.move(victim, dice)
            self.kill(victim)

    @property
    def at_work(self) -> list[Process]:
        """Workers that are up: who waits for its slot has nothing to lose."""
        return [each for each in self.workers if each.pid is not None and each.up]

    def move(self, victim: Process, dice: random.Random) -> None:
        """Now and then its host does not come back: the next run has another slot, and others inherit."""
        if len(self.workers) > 1 and dice.random() < 0.5:
            victim.env = {**victim.env, "CONSENTRY_SLOT": f"{victim.name}-{victim.starts + 1}"}

    def stop(self) -> dict[str, int | None]:
        """Stop in order, the workers first; exit codes of those that were up."""
        up = [each for each in (*self.workers, self.serve) if each.up]
        codes = {each.name: each.stop() for each in (*self.workers, self.serve)}
        return {each.name: codes[each.name] for each in up}

    def close(self) -> None:
        """Whatever still runs is killed."""
        for each in self.processes:
            each.kill()

    def said(self) -> Iterator[tuple[str, str]]:
        """Which process wrote what."""
        for each in self.processes:
            if each.log.exists():
                for line in each.log.read_text(errors="replace").splitlines():
                    yield each.name, line


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
