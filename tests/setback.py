"""A deployment whose database is set back to an older copy, as after a backup was restored."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from service.settings import Settings


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
