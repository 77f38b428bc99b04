"""A deployment whose database is set back to an older copy, as after a backup was restored."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from audit.fact import Fact, Part, Seal, Subject
from consent import signature
from consent.authorization import Request, draw_up
from consent.capacity import Capacity
from consent.notice import load_notices
from consent.person import Proof
from consent.registry import Granted
from consent.words import AgeBand, ProofLevel, Status
from consenting import NOTICES, a_scope
from databases import drop, named
from service import founding
from service.settings import Settings, load
from service.wiring import Record, open_record


@dataclass
class Place:
    """A founded tenant whose database can be copied and put back."""

    settings: Settings
    server: str | None

    def copy(self) -> Callable[[], None]:
        """Take a copy of the database as it is; call the answer to put it back."""
        if self.server is None:
            database = self.settings.data / "consentry.db"
            kept = database.with_suffix(".copy")
            shutil.copyfile(database, kept)

            def put_back() -> None:
                for suffix in ("-wal", "-shm"):
                    database.with_name(database.name + suffix).unlink(missing_ok=True)
                shutil.copyfile(kept, database)

            return put_back
        name = self.settings.database_url.partition("?")[0].rsplit("/", 1)[1]
        kept_name = f"{name}_copy"
        self._run(f'CREATE DATABASE "{kept_name}" TEMPLATE "{name}"')

        def put_back_again() -> None:
            self._run(f'DROP DATABASE "{name}"')
            self._run(f'ALTER DATABASE "{kept_name}" RENAME TO "{name}"')

        return put_back_again

    def _run(self, statement: str) -> None:
        assert self.server is not None
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, noon: datetime) -> Iterator[Place]:
    data, server = tmp_path / "data", None
    values = {"mode": "demo", "deployment": "demo", "origin": "example.org/recovery"}
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        name = f"r{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        values["database"] = named(server, name)
        values["guard"] = str(tmp_path / "guard")
    founding.write_settings(data, values)
    settings = load(data)
    founding.found(settings, now=noon, entropy=os.urandom)
    yield Place(settings, server)
    drop(settings.database)


def opened(place: Place, noon: datetime) -> Record:
    return open_record(place.settings, clock=lambda: noon)


def somebody_agrees(record: Record, noon: datetime) -> tuple[Granted, bytes]:
    key, public = signature.keygen(os.urandom)
    notice = next(one for one in load_notices(NOTICES) if one.language == "en")
    with record.database.write() as session:
        people = record.registry.people
        record.registry.noticeboard.publish(session, notice, now=noon)
        person = people.enrol(session, Proof(ProofLevel.SELF_ASSERTED, "x", "y"), AgeBand.ADULT, now=noon)
        people.enrol_key(session, person.id, public, by="x", now=noon)
        request = Request("default", person.id, a_scope(noon), Capacity(AgeBand.ADULT))
        document = draw_up(request, notice, now=noon, entropy=os.urandom)
        evidence = signature.sign(key, signature.to_sign(document.encoded))
        granted = record.registry.grant(session, document.encoded, evidence.encoded, now=noon)
    record.log.publish(now=noon)
    return granted, key


def statuses(record: Record, authorization: str, noon: datetime) -> set[Status]:
    with record.database.read() as session:
        found = record.registry.standings(session, "default", [authorization], now=noon, lock=None)
    return set(found[authorization].status.values())


def something_happens(record: Record, noon: datetime, times: int = 1) -> None:
    with record.database.write() as session:
        for number in range(times):
            part = Part(Subject("tenant", "default"), Seal.EVID, {"number": number})
            record.ledger.append(session, Fact("SomethingHappened", (part,)), noon)
    record.log.publish(now=noon)
