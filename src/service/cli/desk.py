"""What a command works at: its voice, and what it opens of the data folder, closed again when it ends."""

import os
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from audit.errors import Unready
from service.cli.interrupts import uninterrupted
from service.console import Voice

if TYPE_CHECKING:
    from service.settings import Settings
    from service.studio import Studio
    from service.wiring import Record


class NotFounded(Unready):
    """There is no data folder of ours where one was named."""

    code = "DATA_FOLDER_MISSING"
    zh = "指定目录不是已初始化的数据目录。"
    hint = "Make one with `consentry init --data DIR`, or name the right one with --data or CONSENTRY_DATA."
    hint_zh = "请用 `consentry init --data DIR` 初始化，或用 --data、CONSENTRY_DATA 指定正确目录。"


class Desk:
    """Opens what is asked for, once, and only then: settings, the record, the studio.

    Imports wait as long: a person signs without our database, and reads `--help` without our models.
    """

    def __init__(self, voice: Voice, data: Path | None) -> None:
        self.voice = voice
        self._data = data
        self._open = ExitStack()
        self._settings: Settings | None = None
        self._record: Record | None = None
        self._studio: Studio | None = None

    @property
    def has_data(self) -> bool:
        """Whether a data folder was named."""
        return self._data is not None

    @property
    def data(self) -> Path:
        """The data folder. Without one this is a wrong usage of the command line."""
        if self._data is None:
            raise typer.BadParameter("name the data folder, or set CONSENTRY_DATA", param_hint="--data")
        return self._data.expanduser().resolve()

    @property
    def settings(self) -> "Settings":
        """The folder's settings. Raises `NotFounded`, `BadSettings`."""
        from service.settings import FILE, load  # noqa: PLC0415

        if self._settings is None:
            if not (self.data / FILE).is_file():
                raise NotFounded(f"{self.data.name} holds no {FILE}")
            self._settings = load(self.data)
        return self._settings

    @property
    def record(self) -> "Record":
        """Log, registry and gate."""
        with uninterrupted():
            from service.wiring import open_record  # noqa: PLC0415

        if self._record is None:
            self._record = open_record(self.settings)
            self._open.callback(self._record.close)
        return self._record

    @property
    def record_ended(self) -> "Record":
        """The record, also where a key of ours has ended and nothing else starts: to write that down."""
        with uninterrupted():
            from service.wiring import open_record  # noqa: PLC0415

        record = open_record(self.settings, ended=True)
        self._open.callback(record.close)
        return record

    @property
    def record_unstarted(self) -> "Record":
        """The record of a log that may refuse to start: to look into it, and for nothing else."""
        with uninterrupted():
            from service.wiring import open_record  # noqa: PLC0415

        record = open_record(self.settings, start=False)
        self._open.callback(record.close)
        return record

    @property
    def studio(self) -> "Studio":
        """Sandbox, models and engine, besides the record."""
        with uninterrupted():
            from service.studio import open_studio  # noqa: PLC0415

        if self._studio is None:
            self._studio = open_studio(self.record)
            self._open.callback(self._studio.close)
        return self._studio

    @property
    def tenant(self) -> str:
        """Whose data these are."""
        return self.settings.tenant

    def now(self) -> datetime:
        """The clock."""
        return datetime.now().astimezone()

    def entropy(self, size: int) -> bytes:
        """Randomness for what is made on a person's side, without a data folder."""
        return os.urandom(size)

    def close(self) -> None:
        """Close what was opened, in reverse."""
        self._open.close()
