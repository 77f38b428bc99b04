"""A desk with a log on it, on each database in turn; a key store under each kind of KEK."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit.ids import Entropy
from audit.kek import KekFile
from audit.keystore import KeyStore
from audit.tokenkek import TokenKek
from keepers import Keeper
from logbook import Desk
from service.database import Database
from tokens import Token


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "private"


@pytest.fixture(params=["file", "token"])
def keeper(request: pytest.FixtureRequest, home: Path) -> Keeper:
    if request.param == "file":
        return lambda name="kek", tenant="studio": KekFile(home / name)
    token: Token = request.getfixturevalue("token")
    return lambda name="kek", tenant="studio": TokenKek(token.parsed, home / name, tenant)


@pytest.fixture
def store(home: Path, keeper: Keeper, entropy: Entropy) -> Iterator[KeyStore]:
    with closing(KeyStore.create(home / "keys.db", keeper(), "studio", entropy)) as store:
        yield store


@pytest.fixture
def reopened(home: Path, keeper: Keeper, entropy: Entropy) -> Callable[[], KeyStore]:
    return lambda: KeyStore(home / "keys.db", keeper(), "studio", entropy)
