"""The ground races are run on."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from races.stage import Stage
from service.database import Database


@pytest.fixture(scope="session")
def trials() -> int:
    """How often each race is run. The promise was checked with 2,000 (see CONTRIBUTING.md)."""
    return int(os.environ.get("CONSENTRY_RACES", "16"))


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage.build(database, tmp_path / "stage")
    yield stage
    stage.elsewhere.close()
    stage.house.keystore.close()
