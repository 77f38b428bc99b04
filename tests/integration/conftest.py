"""The ground integration tests stand on: SQLite and PostgreSQL in turn, stages built once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from worlds import Ground, World


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest) -> Ground:
    return Ground(None if request.param == "sqlite" else request.getfixturevalue("postgres_server"))


@pytest.fixture
def at_stage(ground: Ground, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds at a stage; they are closed at the end."""
    made: list[World] = []

    def make(stage: str, engine: object = None, **opened: Any) -> World:
        made.append(ground.world(tmp_path / f"world-{len(made)}", stage, engine, **opened))
        return made[-1]

    yield make
    for world in made:
        world.close()
