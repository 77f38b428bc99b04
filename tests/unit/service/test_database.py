"""Sessions on either engine: what was committed is there, what failed is not, and reading never writes."""

import os
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import Session

from consent.tables import NoticeRow
from consenting import NOON
from service.database import Database, DatabasePoisoned, DatabaseUnready, ReadOnlySession, utc_now


def a_row(sha256: str = "0" * 64, version: str = "1") -> NoticeRow:
    return NoticeRow(
        tenant_id="default",
        sha256=sha256,
        id="n",
        version=version,
        language="en",
        text="text",
        published_at=NOON,
        entry="0" * 64,
    )


def count(database: Database) -> int:
    with database.read() as session:
        return int(session.connection().execute(text("SELECT count(*) FROM notice")).scalar_one())


def test_a_clean_exit_commits(database: Database) -> None:
    with database.write() as session:
        session.add(a_row())

    assert count(database) == 1


def test_an_exception_leaves_nothing(database: Database) -> None:
    def dies_half_way() -> None:
        with database.write() as session:
            session.add(a_row())
            session.flush()
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        dies_half_way()

    assert count(database) == 0


def test_a_read_session_refuses_to_write(database: Database) -> None:
    def writes() -> None:
        with database.read() as session:
            session.add(a_row())
            session.flush()

    with pytest.raises(ReadOnlySession):
        writes()

    assert count(database) == 0


def test_a_read_session_is_read_only_below_us_too(database: Database) -> None:
    refused = pytest.raises((DBAPIError, DatabaseUnready), match=r"(?i)read.?only")
    with refused, database.read() as session:
        session.connection().execute(text("DELETE FROM notice"))


def test_reading_and_writing_in_turn_leaves_neither_with_the_rights_of_the_other(database: Database) -> None:
    refused = (DBAPIError, DatabaseUnready)
    for written in range(3):
        with pytest.raises(refused, match=r"(?i)read.?only"), database.read() as session:
            session.connection().execute(text("DELETE FROM notice"))
        with database.write() as session:
            session.add(row := a_row(str(written) * 64))
            row.version = str(written)

    assert count(database) == 3


def test_a_reader_does_not_keep_a_writer_out(database: Database) -> None:
    with database.read() as reader:
        reader.connection().execute(text("SELECT count(*) FROM notice"))
        with database.write() as session:
            session.add(a_row())

    assert count(database) == 1


def test_a_reader_sees_one_moment_whatever_is_committed_meanwhile(database: Database) -> None:
    # A state and its history are two statements; between them somebody withdraws.
    counted = text("SELECT count(*) FROM notice")
    with database.read() as reader:
        before = reader.connection().execute(counted).scalar_one()
        with database.write() as writer:
            writer.add(a_row())
        after = reader.connection().execute(counted).scalar_one()

    assert (before, after, count(database)) == (0, 0, 1)


def test_instants_come_back_aware_and_in_utc(database: Database) -> None:
    with database.write() as session:
        session.add(a_row())

    with database.read() as session:
        assert session.get_one(NoticeRow, ("default", "0" * 64)).published_at == NOON
    assert utc_now().utcoffset() is not None


def test_what_the_database_forbids_is_seen_as_such(database: Database) -> None:
    with database.write() as session:
        session.add(a_row())

    with pytest.raises(IntegrityError), database.write() as session:
        session.add(a_row())


def test_what_the_database_forbids_is_said_without_what_was_written(database: Database) -> None:
    with database.write() as session:
        session.add(a_row())

    row = a_row()
    row.text = "I agree, signed with my own name"

    with pytest.raises(IntegrityError) as raised, database.write() as session:
        session.add(row)

    assert "my own name" not in str(raised.value)


def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        database = Database(f"sqlite:///{tmp_path / 'new.db'}")
        with database.write() as session:
            session.connection().execute(text("CREATE TABLE one (a int)"))
            session.connection().execute(text("INSERT INTO one VALUES (1)"))
            modes = {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)

    assert modes == {0o600}


def test_of_two_writers_on_sqlite_the_second_waits_before_it_reads(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.write() as session:
        session.connection().execute(text("CREATE TABLE n (value INTEGER)"))
        session.connection().execute(text("INSERT INTO n VALUES (0)"))
    barrier = threading.Barrier(8)

    def add_one() -> None:
        barrier.wait()
        with database.write() as session:
            # Read, then write what was read plus one: a lost update unless the begin was IMMEDIATE.
            value = session.connection().execute(text("SELECT value FROM n")).scalar_one()
            session.connection().execute(text("UPDATE n SET value = :next"), {"next": value + 1})

    threads = [threading.Thread(target=add_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.read() as session:
        assert session.connection().execute(text("SELECT value FROM n")).scalar_one() == 8
    database.close()


def test_a_database_that_is_not_there_is_not_ready(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")

    with pytest.raises(DatabaseUnready) as caught, database.read() as session:
        session.connection()

    assert "SELECT" not in str(caught.value)
    database.close()


def test_after_an_io_error_nothing_more_is_written_by_this_process(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")

    def fails(_session: Session) -> None:
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    with pytest.raises(DatabaseUnready), database.write() as session:
        fails(session)

    with pytest.raises(DatabasePoisoned), database.write():
        pass
    database.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_waited_for_its_turn_behind_a_failed_write_does_not_write(database: Database) -> None:
    turn, waits = database._turn, threading.Event()

    class Watched:
        release = staticmethod(turn.release)

        def acquire(self, timeout: float) -> bool:
            waits.set()
            return turn.acquire(timeout=timeout)

    def writes() -> None:
        with database.write() as session:
            session.add(a_row())

    def fails_while_another_waits() -> None:
        database._turn = Watched()  # type: ignore[assignment]
        later.append(pool.submit(writes))
        assert waits.wait(5)
        raise OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    later: list[Future[None]] = []
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(DatabaseUnready), database.write():
            fails_while_another_waits()
        with pytest.raises(DatabasePoisoned):
            later[0].result(10)

    assert count(database) == 0


def test_writers_of_one_process_queue_and_none_of_them_starves(database: Database) -> None:
    def writes(number: int) -> None:
        with database.write() as session:
            session.add(a_row(f"{number:064x}", str(number)))

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(writes, range(40)))

    assert count(database) == 40


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_writer_whose_turn_never_comes_is_told_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.database.BUSY_SECONDS", 0.05)

    def nested() -> None:
        with database.write(), database.write():
            pass

    with pytest.raises(DatabaseUnready, match="another thread"):
        nested()

    with database.write() as session:  # the turn was given back
        session.add(a_row())
