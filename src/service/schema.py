"""The database's shape: created and upgraded by alembic from the first table on, while nobody writes.

Alembic's own row is the notice on the door. Every unit of work that writes reads it first, in its
transaction; an upgrade marks it, waits for who is inside, changes the tables and writes the new revision
in one transaction. So a process of the version before is told to end, rather than write into tables
that it does not know.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

import audit.historytables
import audit.tables  # noqa: F401  (the imports register the rows)
import consent.asktables
import consent.caretables
import consent.prooftables
import consent.ruletables
import consent.tables  # noqa: F401
import service.tables  # noqa: F401
import swap.claimtables
import swap.tables  # noqa: F401
from audit.errors import Unready
from service.database import Database

Sealer = Callable[[str, str, str, str, bytes], bytes]
"""Tenant, `table.column`, the row's key, the person, and what lies open there: what it is to hold instead."""

_READ = "SELECT version_num FROM alembic_version"
_MARK = "upgrading:"
"""Before the revision that an upgrade began from: nobody writes until it is gone."""


class SchemaBehind(Unready):
    """The database has another shape than this version expects."""

    code = "SCHEMA_BEHIND"
    zh = "数据库结构与当前版本不一致。"
    hint = "Older tables: `consentry upgrade`. Newer ones: start the version that made them."
    hint_zh = "数据表较旧时请运行 `consentry upgrade`；较新时请启动与之对应的版本。"


class Upgrading(Unready):
    """The tables are being changed at this moment. Reading goes on, nothing is written."""

    code = "UPGRADING"
    zh = "正在升级数据库，暂停写入；请稍后重试。"
    hint = "Repeat in a moment. If no upgrade is running, one was interrupted: run `consentry upgrade` again."
    hint_zh = "请稍后重试。若并无升级在进行，说明先前的升级被中断：请再次运行 `consentry upgrade`。"


def upgrade(database: Database, seal: Sealer | None = None) -> str:
    """Bring the database to this version's shape, in one transaction. The revision it had, or nothing.

    Meanwhile nobody writes: see `check`. An upgrade that fails changes nothing and opens the doors again;
    one that is killed leaves them closed until it is run again. `seal` is for rows of before revision 0038.
    Raises `DatabaseUnready`, and what `seal` raises.
    """
    before = _keep_out(database)
    try:
        with database.connection() as connection:
            # One upgrade after the other; whoever asks meanwhile reads the mark and need not wait.
            _lock(database, connection, "SHARE ROW EXCLUSIVE")
            _unmark(connection)
            config = _config()
            config.attributes.update(connection=connection, metadata=SQLModel.metadata, seal=seal)
            command.upgrade(config, "head")
    except BaseException:
        with database.connection() as connection:
            _unmark(connection)
        raise
    for table in () if database.embedded else config.attributes.get("rewritten", ()):
        # PostgreSQL keeps what was written over until it is vacuumed, and its bytes after that.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f'VACUUM FULL "{table}"')
    return before


def check(database: Database) -> None:
    """Refuse to work on another shape: now, and whenever this process begins to write.

    Raises `SchemaBehind`, `Upgrading`; `database.write` does so from now on, when somebody upgrades the
    tables under a running process.
    """
    with database.read() as session:
        _unchanged(_found(session.connection()))
    database.allows = _still_unchanged


def _keep_out(database: Database) -> str:
    with database.connection() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        # Everybody who writes has read this table in his transaction (`check`), so this waits until they
        # have ended, and who comes after reads the mark.
        _lock(database, connection, "ACCESS EXCLUSIVE")
        before = (_found(connection) or "").removeprefix(_MARK)
        connection.execute(text("UPDATE alembic_version SET version_num = :mark"), {"mark": _MARK + before})
        return before


def _lock(database: Database, connection: Connection, mode: str) -> None:
    # SQLite's one writer is us already.
    if not database.embedded and inspect(connection).has_table("alembic_version"):
        connection.exec_driver_sql(f"LOCK TABLE alembic_version IN {mode} MODE")


def _unmark(connection: Connection) -> None:
    found = _found(connection)
    if found is not None and found.startswith(_MARK):
        plain = found.removeprefix(_MARK)
        connection.execute(text("UPDATE alembic_version SET version_num = :plain"), {"plain": plain})


def _still_unchanged(connection: Connection) -> None:
    _unchanged(connection.exec_driver_sql(_READ).scalar())


def _unchanged(found: str | None) -> None:
    if found is not None and found.startswith(_MARK):
        raise Upgrading("the tables are being changed")
    if found != expected():
        raise SchemaBehind(f"schema revision {found}, expected {expected()}")


def _found(connection: Connection) -> str | None:
    """The revision, marked or not; None before the first."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql(_READ).scalar()
    return found


@cache
def expected() -> str | None:
    """The revision of this version. Looked up once: its files may be replaced under a running process."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def drift(database: Database) -> list[str]:
    """What a model says that the revisions don't: empty, or a revision is missing."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": False}
        )
        return [str(difference) for difference in compare_metadata(context, SQLModel.metadata)]


def revise(database: Database, message: str) -> None:
    """Write a new revision from the difference: for developers."""
    with database.engine.begin() as connection:
        config = _config()
        config.attributes.update(connection=connection, metadata=SQLModel.metadata)
        command.revision(config, message, autogenerate=True)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
