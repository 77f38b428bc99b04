"""One database layer, two engines: SQLite embedded, PostgreSQL when one machine is not enough."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy import exc as sqlalchemy
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import UOWTransaction
from sqlalchemy.pool import PoolProxiedConnection
from sqlmodel import Session, create_engine

from audit.errors import Unready

_READS = {"consentry_reads": True}
_NAMELESS = True
"""Errors show the statement and not what was bound to it: documents, ids of people, references."""

BUSY_SECONDS = 30
"""How long a writer waits for another before it gives up."""

IDLE_SECONDS = 60
"""After which PostgreSQL ends a transaction that nobody goes on with, and its locks: its process hangs."""


class DatabaseUnready(Unready):
    """The database can't be reached, is full, or stayed busy. Nothing of this unit of work was kept."""

    code = "DATABASE_UNREADY"
    zh = "数据库不可用、已满或持续繁忙；本次操作未写入任何内容。"
    hint = "Check disk space and that the database runs, then repeat the command."
    hint_zh = "请检查磁盘空间与数据库运行状态，然后重试。"


class DatabasePoisoned(Unready):
    """An earlier write failed below the database. What is on disk is not known until it is reopened."""

    code = "DATABASE_POISONED"
    zh = "先前的写入在存储层失败，须重新启动后才能继续。"
    hint = "Stop the process, check the disk, start again; start compares the log with its last head."
    hint_zh = "请停止进程并检查磁盘后重新启动；启动时会核对日志与最近的树头。"


class ReadOnlySession(RuntimeError):
    """A read session was used to write. A bug of ours, never of a caller's."""


class Database:
    """Read and write sessions on one database (`audit.sessions.Sessions`)."""

    def __init__(self, url: str) -> None:
        self.url = url
        sqlite = url.startswith("sqlite")
        self.engine = _sqlite(url, writes=True) if sqlite else _postgresql(url)
        # Connections of its own on SQLite: letting one write, or forbidding it, makes it prepare all anew.
        self.reading = _sqlite(url, writes=False) if sqlite else self.engine.execution_options(**_READS)
        self.allows: Callable[[Connection], None] = lambda _connection: None
        """Asked at the beginning of every unit of work that writes; what it raises ends it."""
        self.beside: Callable[[Session], Callable[[], None]] = lambda _session: lambda: None
        """Writes beside every unit of work, in its transaction; what it returns is called once committed."""
        self._poisoned = False
        self._turn = threading.Lock()

    @property
    def fault(self) -> str:
        """The code of what keeps this process from ever writing again, if something does."""
        return DatabasePoisoned.code if self._poisoned else ""

    @property
    def embedded(self) -> bool:
        """Whether this is SQLite in a file of ours."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that never writes, and sees one moment of the database.

        Deferred on SQLite: with IMMEDIATE for all, one idle reader would lock out the next.
        """
        with Session(self.reading) as session, self._mapped():
            event.listen(session, "before_flush", _refuse_write)
            try:
                yield session
            finally:
                session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One unit of work, committed at a clean exit.

        SQLite begins IMMEDIATE: pysqlite's own setting would begin at the first write, after the
        check that the write rests on.
        """
        with (
            self._one_of_ours(),
            self._sound(),
            Session(self.engine, expire_on_commit=False) as session,
            self._mapped(),
        ):
            # In the transaction, so that nothing is written beside an upgrade that began before it.
            self.allows(session.connection())
            committed = self.beside(session)
            yield session
            session.commit()
            committed()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A transaction on the tables themselves, committed at a clean exit: for `service.schema`."""
        with self._mapped(), self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.reading.dispose()
        self.engine.dispose()

    @contextmanager
    def _sound(self) -> Iterator[None]:
        # Asked once it is our turn: whoever had it before may have been the one whose write failed.
        if self._poisoned:
            raise DatabasePoisoned("an earlier write failed below the database")
        yield

    @contextmanager
    def _one_of_ours(self) -> Iterator[None]:
        # SQLite has one writer, and those who wait for it look again after up to 100 ms: with many
        # threads the file lies idle in between, and the unlucky one starves. Our own threads queue
        # here instead; the file's lock is left for other processes.
        if not self.embedded:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise DatabaseUnready("another thread of this process has been writing all the time")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except sqlalchemy.TimeoutError as error:
            raise DatabaseUnready("every connection is in use") from error
        except OperationalError as error:
            if "disk I/O error" in str(error.orig):
                # After a failed fsync SQLite rolls back and goes on, but the pages it believes
                # to be on disk may not be: no further commit of this process can be trusted.
                self._poisoned = True
            raise DatabaseUnready(_reason(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnready(_reason(error)) from error
            raise


def utc_now() -> datetime:
    """The clock, for the edge to hand down."""
    return datetime.now(UTC)


def _reason(error: DBAPIError) -> str:
    """The driver's own sentence without statement and parameters, which may name people."""
    return str(error.orig).strip().splitlines()[0][:200] if str(error.orig).strip() else "no reason given"


def _refuse_write(session: Session, _flush: UOWTransaction, _instances: object) -> None:
    if session.new or session.dirty or session.deleted:
        raise ReadOnlySession("this session reads; take a write session")


def _sqlite(url: str, *, writes: bool) -> Engine:
    engine = create_engine(
        url,
        # One for each thread that serves (anyio has 40): a connection beyond the pool is opened, set up
        # and thrown away for each session, which costs more than what is asked through it.
        pool_size=40,
        max_overflow=24,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=_NAMELESS,
    )
    file = Path(url.removeprefix("sqlite:///"))

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        # We begin transactions ourselves (below); pysqlite's implicit BEGIN would come after
        # the first SELECT and let a withdrawal slip between a check and its write.
        connection.isolation_level = None
        if not file.stat().st_size:
            # Just made, with the mode of the shell: who agreed to what is for this user alone. SQLite gives
            # its journals the mode of the database.
            file.chmod(0o600)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "wal_autocheckpoint=4000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if not writes:
            connection.execute("PRAGMA query_only=ON")

    def _begin(connection: PoolProxiedConnection) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")

    # In the dialect and not at the event "begin": an engine with a listener looks for more of them around
    # every statement, which is a seventh of what a short one costs.
    engine.dialect.do_begin = _begin  # type: ignore[assignment, method-assign]
    return engine


def _postgresql(url: str) -> Engine:
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        isolation_level="READ COMMITTED",
        hide_parameters=_NAMELESS,
        pool_size=20,
        max_overflow=60,
        pool_pre_ping=True,
        # A server that went without a word is found out by us, not by the kernel in a quarter of an hour.
        connect_args={"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 30_000},
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
            cursor.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
        connection.commit()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if connection.get_execution_options().keys() >= _READS.keys():
            # One snapshot, as SQLite's readers have anyway: who reads a state and then its history would find
            # that they contradict each other whenever something was committed between the two.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return engine
