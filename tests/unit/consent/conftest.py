"""A registry to work in, with its files in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consenting import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House.build(tmp_path / "house")
    yield house
    house.keystore.close()
