"""The database's shape: created and upgraded by alembic from the first table on."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import audit.tables  # noqa: F401  (the imports register the rows)
import consent.tables  # noqa: F401
import swap.tables  # noqa: F401
from audit.errors import Unready
from service.database import Database


class SchemaBehind(Unready):
    """The database has another shape than this version expects."""

    code = "SCHEMA_BEHIND"
    zh = "数据库结构与当前版本不一致。"
    hint = "Run `consentry init` on this data folder: it creates and upgrades the tables."
    hint_zh = "请在该数据目录运行 `consentry init` 以创建或升级数据表。"


def upgrade(database: Database) -> None:
    """Bring the database to this version's shape, in one transaction."""
    with database.engine.begin() as connection:
        config = _config()
        config.attributes.update(connection=connection, metadata=SQLModel.metadata)
        command.upgrade(config, "head")


def check(database: Database) -> None:
    """Refuse to work on another shape. Raises `SchemaBehind`."""
    with database.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    expected = ScriptDirectory.from_config(_config()).get_current_head()
    if found != expected:
        raise SchemaBehind(f"schema revision {found}, expected {expected}")


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
