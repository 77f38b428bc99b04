"""kill -9, again and again, while sixteen write: every entry that was acknowledged is there, and proved."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from audit.storage import PosixStorage
from crash.appends import alone
from crash.test_append_faults import CHILD, sound, sound_alone
from logbook import NOON, Desk
from service.database import Database

WRITERS = 16
KILLS = int(os.environ.get("CONSENTRY_KILLS", "8"))
"""Of each database, and of a log that stands alone. `make races` does fifty."""


def killed_while_they_write(
    server: "subprocess.Popen[str]", folder: Path, order: dict[str, str], moment: float
) -> set[str]:
    """What was acknowledged before the process was killed, `moment` seconds after the first."""
    assert server.stdin
    assert server.stdout
    order_ = {**order, "folder": str(folder), "writers": WRITERS}
    server.stdin.write(json.dumps(order_) + "\n")
    server.stdin.flush()
    pid = int(server.stdout.readline())
    acked: set[str] = set()
    killer = threading.Timer(moment, os.kill, [pid, signal.SIGKILL])
    for line in server.stdout:
        if line == "ended\n":
            break
        if not acked:
            killer.start()
        acked.add(line.removeprefix("acked ").strip())
    killer.join()
    return acked


def outlives(folder: Path, order: dict[str, str], looks: Callable[[set[str]], None]) -> None:
    """Processes in which sixteen append and publish as fast as they can, each killed at some moment.

    `looks` finds nothing missing of what was acknowledged, and every copy of the log of one tree.
    """
    acked, dice = set[str](), random.Random(16)
    paths = os.pathsep.join([str(CHILD.parents[1]), str(CHILD.parents[2] / "src")])
    with subprocess.Popen(
        [sys.executable, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as server:
        for number in range(KILLS):
            got = killed_while_they_write(server, folder, order, dice.uniform(0, 0.3))
            assert got
            acked |= got
            if number % 10 == 9 or number == KILLS - 1:
                looks(acked)
    assert len(acked) >= KILLS


def test_whatever_was_acknowledged_outlives_every_kill(database: Database, tmp_path: Path) -> None:
    desk = Desk(database, tmp_path)
    desk.started()
    desk.write_many(3)
    desk.log().publish(now=NOON)

    def looks(acked: set[str]) -> None:
        sound(desk, acked)
        desk.sql("UPDATE log_lease SET holder = ''")

    outlives(tmp_path, {"url": database.url}, looks)


def test_whatever_a_log_that_stands_alone_acknowledged_outlives_every_kill(tmp_path: Path) -> None:
    log = alone(tmp_path)
    log.append_many([b"before"] * 3)
    log.publish(PosixStorage(tmp_path / "log"))
    log.close()

    outlives(tmp_path, {"appender": "yes"}, lambda acked: sound_alone(tmp_path, acked))
