"""A desk with a log on it: ledger, keys, storage and head, and fakes that break when told to."""

import os
import resource
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, select

from audit.fact import Fact, Part, Seal, Subject
from audit.head import Head, HeadFile, TreeHead
from audit.ids import Entropy
from audit.kek import KekFile
from audit.keys import Duty, SigningKey
from audit.keystore import KeyStore
from audit.leaf import Leaf
from audit.ledger import Entry, Ledger
from audit.log import Log
from audit.storage import FileDiverged, PosixStorage, Storage
from audit.tables import EntryRow
from service.database import Database

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
ORIGIN = "log.example/studio"
ANNA = Subject("person", "a" * 32)
BEA = Subject("person", "b" * 32)
STUDIO = Subject("tenant", "studio")


def a_fact(number: int = 0, *, about: Subject = ANNA, seal: Seal = Seal.EVID) -> Fact:
    return Fact("Decided", (Part(about, seal, {"number": number}),))


class MemoryStorage:
    """`Storage` in a dictionary, as honest as the real one."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, path: str, data: bytes) -> None:
        if self.files.setdefault(path, data) != data:
            raise FileDiverged(f"{path} holds other bytes")

    def replace(self, path: str, data: bytes, *, lasting: bool = False) -> None:
        self.files[path] = data

    def get(self, path: str) -> bytes | None:
        return self.files.get(path)

    def names(self, directory: str) -> frozenset[str]:
        below = (
            path.removeprefix(f"{directory}/") for path in self.files if path.startswith(f"{directory}/")
        )
        return frozenset(path.partition("/")[0] for path in below)

    def discard(self, directory: str) -> None:
        for path in [each for each in self.files if each.startswith(f"{directory}/")]:
            del self.files[path]

    def remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.files.pop(path, None)


class Died(BaseException):
    """The process is gone. Not an `Exception`: nobody may catch it and carry on."""


@dataclass
class Countdown:
    """Lets `left` writes pass, then raises `error` before each further one."""

    left: int
    error: type[BaseException] = Died
    counted: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tick(self) -> None:
        with self.lock:
            self.counted += 1
            if self.left <= 0:
                raise self.error("told to")
            self.left -= 1


@dataclass
class BreakingStorage:
    inner: Storage
    countdown: Countdown

    def put(self, path: str, data: bytes) -> None:
        self.countdown.tick()
        self.inner.put(path, data)

    def replace(self, path: str, data: bytes, *, lasting: bool = False) -> None:
        self.countdown.tick()
        self.inner.replace(path, data, lasting=lasting)

    def get(self, path: str) -> bytes | None:
        return self.inner.get(path)

    def names(self, directory: str) -> frozenset[str]:
        return self.inner.names(directory)

    def discard(self, directory: str) -> None:
        self.inner.discard(directory)

    def remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.countdown.tick()
            self.inner.remove([path])


@dataclass
class BreakingHead:
    inner: Head
    countdown: Countdown

    def read(self) -> TreeHead | None:
        return self.inner.read()

    def advance(self, old: TreeHead | None, new: TreeHead) -> None:
        self.countdown.tick()
        self.inner.advance(old, new)


@dataclass
class Desk:
    """One tenant's log on one database. `log()` is a fresh process each time."""

    database: Database
    folder: Path
    tenant: str = "studio"
    entropy: Entropy = os.urandom
    key: SigningKey = field(default_factory=lambda: SigningKey.generate(Duty.LOG, bytes))
    keystore: KeyStore = field(init=False)
    ledger: Ledger = field(init=False)
    storage: PosixStorage = field(init=False)
    head: HeadFile = field(init=False)

    def __post_init__(self) -> None:
        home = self.folder / self.tenant
        self.keystore = KeyStore.create(home / "keys.db", KekFile(home / "kek"), self.tenant, self.entropy)
        self.ledger = Ledger(self.tenant, self.keystore, self.entropy)
        self.storage = PosixStorage(self.folder / self.tenant / "log")
        self.head = HeadFile(self.folder / self.tenant / "guard" / "head")

    def log(
        self,
        holder: str = "worker",
        *,
        storage: Storage | None = None,
        head: Head | None = None,
        key: SigningKey | None = None,
        batch: int = 1024,
        pause: Callable[[float], None] = lambda _seconds: None,
    ) -> Log:
        return Log(
            self.tenant,
            ORIGIN,
            key or self.key,
            storage or self.storage,
            head or self.head,
            self.database,
            holder,
            batch=batch,
            pause=pause,
        )

    def started(self) -> Log:
        log = self.log()
        log.start()
        return log

    def write(self, *facts: Fact, at: datetime = NOON) -> list[Entry]:
        """Each fact in a transaction of its own."""
        entries = []
        for fact in facts:
            with self.database.write() as session:
                entries.append(self.ledger.append(session, fact, at))
        return entries

    def write_many(self, count: int) -> list[Entry]:
        """Many facts in one transaction."""
        with self.database.write() as session:
            return [self.ledger.append(session, a_fact(number), NOON) for number in range(count)]

    def sql(self, statement: str, *parameters: object) -> None:
        """What an intruder with the database's password does; `?` on both engines."""
        if not self.database.embedded:
            statement = statement.replace("?", "%s")
        with self.database.write() as session:
            session.connection().exec_driver_sql(statement, parameters or None)  # type: ignore[arg-type]


@contextmanager
def a_full_disk() -> Iterator[None]:
    """No file of this process may grow: the kernel refuses, as it does when the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def kinds_in(database: Database) -> list[str]:
    """What the entries of a database are, as they were written."""
    with database.read() as session:
        leaves = session.exec(select(EntryRow.leaf).order_by(col(EntryRow.seq))).all()
    return [Leaf.parse(leaf).t for leaf in leaves]
