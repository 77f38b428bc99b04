"""kill -9, again and again, while sixteen write: every entry that was acknowledged is there, and proved."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from crash.test_append_faults import CHILD, sound
from logbook import NOON, Desk
from service.database import Database

WRITERS = 16
KILLS = int(os.environ.get("CONSENTRY_KILLS", "8"))
"""Of each database. `make races` does fifty."""


def killed_while_they_write(server: "subprocess.Popen[str]", desk: Desk, moment: float) -> set[str]:
    """What was acknowledged before the process was killed, `moment` seconds after the first."""
    assert server.stdin
    assert server.stdout
    order = {"folder": str(desk.folder), "url": desk.database.url, "writers": WRITERS}
    server.stdin.write(json.dumps(order) + "\n")
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


def test_whatever_was_acknowledged_outlives_every_kill(database: Database, tmp_path: Path) -> None:
    # Given a log, and processes in which sixteen append and publish as fast as they can,
    desk, dice = Desk(database, tmp_path), random.Random(16)
    desk.started()
    desk.write_many(3)
    desk.log().publish(now=NOON)
    acked: set[str] = set()
    paths = os.pathsep.join([str(CHILD.parents[1]), str(CHILD.parents[2] / "src")])

    # when each of them is killed at some moment,
    with subprocess.Popen(
        [sys.executable, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as server:
        for number in range(KILLS):
            got = killed_while_they_write(server, desk, dice.uniform(0, 0.3))
            assert got
            acked |= got
            if number % 10 == 9 or number == KILLS - 1:
                # then nothing that was acknowledged is missing, and every copy of the log is of one tree.
                sound(desk, acked)
                desk.sql("UPDATE log_lease SET holder = ''")
    assert len(acked) >= KILLS
