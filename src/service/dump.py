"""A consistent snapshot of the database, taken while others write, and put back into an empty one.

SQLite copies itself. PostgreSQL is left to its own `pg_dump` and `pg_restore`: a format of ours would be
one more thing that fails on the day it is needed. The job engine's own tables are left out: they only
remember how far a job came, and duty rows are the queue of record.
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import inspect

from audit import durable
from audit.errors import BadInput, Unready
from service.database import Database
from service.settings import Settings

SQLITE = "consentry.db"
POSTGRESQL = "consentry.dump"


class DumpToolMissing(Unready):
    """PostgreSQL's own tools are not installed here."""

    code = "PG_TOOLS_MISSING"
    zh = "未找到 pg_dump 或 pg_restore。"
    hint = "Install the PostgreSQL client tools, of the server's major version or a newer one, on the PATH."
    hint_zh = "请安装与服务器主版本相同或更新的 PostgreSQL 客户端工具，并确保其在 PATH 中。"


class DumpFailed(Unready):
    """The database could not be copied, or not be put back."""

    code = "DUMP_FAILED"
    zh = "数据库备份或恢复失败。"
    hint = "The message is of the database's own tool; an older pg_dump refuses a newer server."
    hint_zh = "错误信息来自数据库自带工具；旧版 pg_dump 无法备份更新的服务器。"


class DatabaseNotEmpty(BadInput):
    """A backup is restored into an empty database only."""

    code = "DATABASE_NOT_EMPTY"
    zh = "目标数据库不为空，不会覆盖。"
    hint = "Make an empty database and name it, for instance in CONSENTRY_DATABASE."
    hint_zh = "请新建空数据库并指定其地址，例如通过 CONSENTRY_DATABASE。"


def dump(settings: Settings, folder: Path) -> Path:
    """Write the snapshot into `folder`, durable when this returns. Raises what the classes above say."""
    if settings.database is not None:
        target = folder / POSTGRESQL
        words = ("--format=custom", "--no-owner", "--no-privileges", "--exclude-schema=dbos")
        _run("pg_dump", settings.database, *words, f"--file={target}")
        target.chmod(0o600)
    else:
        target = folder / SQLITE
        copy_sqlite(settings.data / SQLITE, target)
    _sync(target)
    return target


def load(settings: Settings, source: Path) -> None:
    """Put a snapshot back, all of it or nothing. Raises `DatabaseNotEmpty` before anything is touched."""
    if settings.database is None:
        raise DumpFailed("a SQLite snapshot is a file: it is copied, not loaded")
    refuse_full(settings)
    words = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    _run("pg_restore", settings.database, *words, str(source))


def copy_sqlite(source: Path, target: Path) -> None:
    """One moment of a SQLite file, while others write. Raises `DumpFailed`."""
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as opened,
            closing(sqlite3.connect(target)) as copy,
        ):
            target.chmod(0o600)
            # One read transaction from beginning to end: a moment of the database, while others write.
            opened.backup(copy)
            (said,) = copy.execute("PRAGMA integrity_check").fetchone()
            # The copy is one file: what is read from it must not wait in another beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise DumpFailed(f"SQLite: {error.sqlite_errorname}") from error
    if said != "ok":
        raise DumpFailed("SQLite finds its own pages damaged")


def refuse_full(settings: Settings) -> None:
    """Raise `DatabaseNotEmpty` if the settings' PostgreSQL database has a table of ours in it."""
    if settings.database is None:
        return
    database = Database(settings.database_url)
    try:
        with database.connection() as connection:
            if inspect(connection).get_table_names():
                raise DatabaseNotEmpty("the database has tables")
    finally:
        database.close()


def _run(tool: str, address: str, *words: str) -> None:
    path = shutil.which(tool)
    if path is None:
        raise DumpToolMissing(f"{tool} is not on the PATH")
    known = {name: str(value) for name, value in conninfo_to_dict(address).items() if value is not None}
    # Every user of the machine can read a command line; an environment only its owner.
    password = known.pop("password", None)
    env = {**os.environ, **({} if password is None else {"PGPASSWORD": password})}
    command = [path, f"--dbname={make_conninfo('', **known)}", "--no-password", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), "no message")
        raise DumpFailed(f"{tool} ended with {done.returncode}: {first:.200}")


def _sync(path: Path) -> None:
    with durable.disk(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        durable.sync_directory(path.parent)
