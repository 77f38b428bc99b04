"""What the log costs: the same concurrent transactions with it and without."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session

from audit.canonical import Json, digest
from audit.fact import Fact, Part, Seal, Subject
from audit.head import HeadFile
from audit.ids import fresh
from audit.kek import KekFile
from audit.keys import Duty, SigningKey
from audit.keystore import KeyStore
from audit.ledger import Ledger
from audit.log import Log
from audit.storage import PosixStorage
from bench.engines import postgresql, sqlite
from bench.house import temporary
from bench.meter import ROUNDS, wall_seconds
from bench.row import Bound, Promise, Row
from consent.case import SourceKind
from consent.words import Role
from service.database import Database
from swap import casting, library
from swap.casting import CastMember
from swap.source import Source

WRITERS = 64
EACH = 6
TENANT = "default"
_ROLES = (Role.PERFORMER, Role.BACKGROUND)
_HOW = (
    f"{WRITERS} threads, {EACH} transactions each, begun together. Reference: what announcing a video "
    "writes besides the gate's own rows (source record, template, a cast of two), committed durably. Ours: "
    "the same with its entry, sealed for the tenant and for both people, in the same transaction; each "
    "caller then waits until a published checkpoint (tiles, head and checkpoint synced) covers its entry. "
    "By the clock, interleaved, medians of transactions a second."
)


def rows() -> Iterator[Row]:
    """SQLite, then PostgreSQL."""
    opened: dict[str, Callable[[Path], AbstractContextManager[Database]]] = {
        "sqlite": sqlite,
        "postgresql": postgresql,
    }
    for name, engine in opened.items():
        promise = Promise(
            name=f"log-{name}",
            what=f"{WRITERS} concurrent fact transactions with the log on {name}",
            unit="transactions/s",
            bound=Bound(">=", 0.7),
            how=_HOW,
        )
        with temporary() as folder, engine(folder) as database:
            desk = Desk.founded(database, folder)
            logged, bare = [], []
            for number in range(ROUNDS + 1):
                with_log, without = desk.rate(desk.logged), desk.rate(desk.bare)
                if number:  # the first round connects and warms up
                    logged.append(with_log)
                    bare.append(without)
            yield promise.kept(logged, bare)


@dataclass(frozen=True, slots=True)
class Desk:
    """One tenant's log on one database."""

    database: Database
    ledger: Ledger
    log: Log

    @classmethod
    def founded(cls, database: Database, folder: Path) -> "Desk":
        private = folder / "private"
        private.mkdir(mode=0o700)
        keystore = KeyStore.create(private / "keys.db", KekFile(private / "kek"), TENANT, os.urandom)
        for number in range(WRITERS):
            keystore.get_or_create(_person(number))
        keystore.get_or_create(Subject("tenant", TENANT))
        log = Log(
            TENANT,
            "consentry.invalid/bench",
            SigningKey.generate(Duty.LOG, os.urandom),
            PosixStorage(folder / "log"),
            HeadFile(folder / "guard" / "head"),
            database,
            "bench",
        )
        log.start()
        return cls(database, Ledger(TENANT, keystore, os.urandom), log)

    def rate(self, transact: Callable[[int], None]) -> float:
        """Transactions a second of all writers together."""
        ready = threading.Barrier(WRITERS + 1)

        def writer(number: int) -> None:
            ready.wait()
            for _ in range(EACH):
                transact(number)

        with ThreadPoolExecutor(WRITERS) as pool:
            done = [pool.submit(writer, number) for number in range(WRITERS)]

            def work() -> None:
                ready.wait()
                for each in done:
                    each.result()

            return WRITERS * EACH / wall_seconds(work)

    def bare(self, number: int) -> None:
        """The fact alone."""
        with self.database.write() as session:
            _announce(session, number)

    def logged(self, number: int) -> None:
        """The fact with its entry, under a checkpoint when this returns."""
        with self.database.write() as session:
            template = _announce(session, number)
            said: dict[str, Json] = {
                "template": template,
                "action": "intake",
                "answer": "permit",
                "rules": [],
            }
            about = (Subject("tenant", TENANT), *_depicted(number))
            fact = Fact("Announced", tuple(Part(subject, Seal.EVID, said) for subject in about))
            entry = self.ledger.append(session, fact, datetime.now(UTC))
        self.log.publish(entry.leaf_hash, now=datetime.now(UTC))


def _announce(session: Session, number: int) -> str:
    template, now = fresh(os.urandom), datetime.now(UTC)
    source = Source("bench", SourceKind.COMMISSIONED, "a shoot", now, digest(b"a licence"))
    received = digest(template.encode())
    library.announce(
        session,
        TENANT,
        template,
        fresh(os.urandom),
        source,
        received=received,
        permit=fresh(os.urandom),
        now=now,
    )
    cast = [
        CastMember(her.id, role, fresh(os.urandom))
        for her, role in zip(_depicted(number), _ROLES, strict=True)
    ]
    casting.declare(session, TENANT, template, cast)
    return template


def _depicted(number: int) -> tuple[Subject, Subject]:
    return _person(number), _person((number + 1) % WRITERS)


def _person(number: int) -> Subject:
    return Subject("person", f"{number:032x}")
