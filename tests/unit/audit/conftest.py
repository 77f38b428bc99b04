"""A desk with a log on it, on each database in turn."""

from pathlib import Path

import pytest

from logbook import Desk
from service.database import Database


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)
