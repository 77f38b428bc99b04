"""A process that appends to a log: system calls of it fail, or it is killed while many write.

Started once by the tests; it forks for each trial that it is told of on its input. What came of a trial is
left in shared memory: to write it to a file would be one more call that may be told to fail.
"""

import json
import mmap
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import logbook
from audit.errors import ConsentryError
from audit.fact import Subject
from audit.keystore import KeyStore
from logbook import NOON, Desk, a_fact
from service.database import Database

RESULT = 4096


def reopened(folder: Path, url: str) -> Desk:
    """The desk that is in a folder already."""
    with patch.object(logbook, "KeyStore", SimpleNamespace(create=KeyStore)):
        return Desk(Database(url), folder)


def append(desk: Desk, log: Any, who: str) -> dict[str, str]:
    """An entry about somebody new, and its publication: `acked` once its commit has returned."""
    said = {}
    try:
        with desk.database.write() as session:
            entry = desk.ledger.append(session, a_fact(about=Subject("person", who)), NOON)
        said["acked"] = entry.leaf_hash
        said["size"] = str(log.publish(entry.leaf_hash, now=NOON).size)
    except ConsentryError as error:
        said["error"] = error.code
    except Exception as error:  # noqa: BLE001  (told on: none but ours may come out)
        said["error"] = f"{type(error).__name__}: {error}"
    return said


def trial(order: dict[str, str]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    desk = reopened(Path(order["folder"]), order["url"])
    log = desk.log()
    log.start()
    desk.keystore.get(logbook.ANNA)
    with Path(order["result"]).open("r+b") as file, mmap.mmap(file.fileno(), RESULT) as shared:
        print("ready", flush=True)  # noqa: T201
        signal.sigwait({signal.SIGUSR1})  # not a file: to open one may be what fails
        said: dict[str, Any] = {}
        for name in ("first", "second"):
            said[name] = append(desk, log, os.urandom(16).hex())
            data = json.dumps(said).encode()
            shared[: len(data)] = data


def writers(order: dict[str, Any]) -> None:
    """Append and publish in many threads until killed; each acknowledged entry is told at once."""
    desk = reopened(Path(order["folder"]), order["url"])
    log = desk.log()
    log.start()

    def write(_number: int) -> None:
        while True:
            with desk.database.write() as session:
                entry = desk.ledger.append(
                    session, a_fact(about=Subject("output", os.urandom(16).hex())), NOON
                )
            # One write, shorter than a pipe takes at once: no line is mixed with another.
            os.write(1, f"acked {entry.leaf_hash}\n".encode())
            log.publish(entry.leaf_hash, now=NOON)

    with ThreadPoolExecutor(order["writers"]) as pool:
        list(pool.map(write, range(order["writers"])))


def main() -> None:
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            order = json.loads(line)
            (writers if "writers" in order else trial)(order)
            os._exit(0)
        print(pid, flush=True)  # noqa: T201
        os.waitpid(pid, 0)
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
