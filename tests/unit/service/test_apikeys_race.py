"""Two at one API key at the same moment, on both databases: what one ends, the other does not begin anew."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from audit.errors import BadInput
from consenting import NOON, House
from logbook import kinds_in
from service.apikeys import ApiKeys, KeyRole
from service.database import Database

Act = Callable[[], object]


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    house = House.build(tmp_path / "house")
    return ApiKeys(house.ledger, house.entropy)


def together(*acts: Act) -> list[str]:
    """What was refused. Each has looked at the key before either writes, if nothing keeps them apart."""
    looked, log, said = threading.Barrier(2), ApiKeys._log, list[str]()

    def meets(*args: Any) -> str:
        with suppress(threading.BrokenBarrierError):  # the other waits for a lock of ours
            looked.wait(timeout=1)
        return log(*args)

    def one(act: Act) -> None:
        try:
            act()
        except BadInput as error:
            said.append(error.code)

    threads = [threading.Thread(target=one, args=(act,)) for act in acts]
    with patch.object(ApiKeys, "_log", meets):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return said


@pytest.fixture
def key(database: Database, keys: ApiKeys) -> str:
    with database.write() as session:
        return keys.issue(session, KeyRole.OPERATOR, "desk", now=NOON).key.id


@pytest.fixture
def revoke(database: Database, keys: ApiKeys, key: str) -> Act:
    def act() -> None:
        with database.write() as session:
            keys.revoke(session, key, by="desk", now=NOON)

    return act


def test_a_key_that_two_revoke_is_revoked_by_one(database: Database, revoke: Act) -> None:
    assert together(revoke, revoke) == []
    assert kinds_in(database) == ["ApiKeyIssued", "ApiKeyRevoked"]


def test_a_key_that_is_being_revoked_gets_no_successor(
    database: Database, keys: ApiKeys, key: str, revoke: Act
) -> None:
    def rotate() -> None:
        with database.write() as session:
            keys.rotate(session, key, now=NOON)

    said = together(revoke, rotate)

    # Either came first, and the other saw it.
    assert (said, kinds_in(database)[1:]) in (
        ([], ["ApiKeyRotated", "ApiKeyRevoked"]),
        (["API_KEY_REVOKED"], ["ApiKeyRevoked"]),
    )
