"""A process that appends to a log: system calls of it fail, or it is killed while many write.

Started once by the tests; it forks for each trial that it is told of on its input. What came of a trial is
left in shared memory: to write it to a file would be one more call that may be told to fail.
"""

import json
import mmap
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import logbook
from audit.appender import Appender
from audit.errors import ConsentryError
from audit.fact import Subject
from audit.head import HeadFile
from audit.keys import Duty, SigningKey
from audit.keystore import KeyStore
from audit.storage import PosixStorage
from logbook import NOON, ORIGIN, Desk, a_fact
from service.database import Database

RESULT = 4096
TURNS = ("first", "second", "third")
"""Of the appends of a trial. One after that in which a call fails shows whether the process goes on."""


def reopened(folder: Path, url: str) -> Desk:
    """The desk that is in a folder already."""
    with patch.object(logbook, "KeyStore", SimpleNamespace(create=KeyStore)):
        return Desk(Database(url), folder)


def alone(folder: Path) -> Appender:
    """The log that stands alone in a folder."""
    key = SigningKey.generate(Duty.LOG, bytes)
    return Appender(folder / "log.db", ORIGIN, key, HeadFile(folder / "apart" / "head"))


Step = Callable[[str], str]


def of_a_desk(order: dict[str, Any], subject: Any) -> tuple[Step, Step]:
    """An entry about somebody new, which it returns once its commit has returned; and its publication."""
    desk = reopened(Path(order["folder"]), order["url"])
    log = desk.log()
    log.start()
    desk.keystore.get(logbook.ANNA)

    def append(who: str) -> str:
        with desk.database.write() as session:
            return desk.ledger.append(session, a_fact(about=Subject(subject, who)), NOON).leaf_hash

    return append, lambda entry: str(log.publish(entry, now=NOON).size)


def of_an_appender(order: dict[str, Any]) -> tuple[Step, Step]:
    """The same of a log that stands alone."""
    folder = Path(order["folder"])
    log, storage = alone(folder), PosixStorage(folder / "log")

    def append(who: str) -> str:
        return f"{log.append(who.encode())}.{who}"

    return append, lambda _entry: str(log.publish(storage).size)


def said_of(append: Step, publish: Step, who: str) -> dict[str, str]:
    said = {}
    try:
        said["acked"] = append(who)
        said["size"] = publish(said["acked"])
    except ConsentryError as error:
        said["error"] = error.code
    except Exception as error:  # noqa: BLE001  (told on: none but ours may come out)
        said["error"] = f"{type(error).__name__}: {error}"
    return said


def trial(order: dict[str, Any]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    append, publish = of_an_appender(order) if "appender" in order else of_a_desk(order, "person")
    with Path(order["result"]).open("r+b") as file, mmap.mmap(file.fileno(), RESULT) as shared:
        print("ready", flush=True)  # noqa: T201
        signal.sigwait({signal.SIGUSR1})  # not a file: to open one may be what fails
        said: dict[str, Any] = {}
        for name in TURNS:
            said[name] = said_of(append, publish, os.urandom(16).hex())
            data = json.dumps(said).encode()
            shared[: len(data)] = data


def writers(order: dict[str, Any]) -> None:
    """Append and publish in many threads until killed; each acknowledged entry is told at once."""
    append, publish = of_an_appender(order) if "appender" in order else of_a_desk(order, "output")

    def write(_number: int) -> None:
        while True:
            entry = append(os.urandom(16).hex())
            # One write, shorter than a pipe takes at once: no line is mixed with another.
            os.write(1, f"acked {entry}\n".encode())
            publish(entry)

    with ThreadPoolExecutor(order["writers"]) as pool:
        list(pool.map(write, range(order["writers"])))


def main() -> None:
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            # The child itself: what it says next must not come before it.
            print(os.getpid(), flush=True)  # noqa: T201
            order = json.loads(line)
            (writers if "writers" in order else trial)(order)
            os._exit(0)
        os.waitpid(pid, 0)
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
