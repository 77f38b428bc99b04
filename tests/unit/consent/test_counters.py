from concurrent.futures import ThreadPoolExecutor

import pytest

from consent import counters
from consent.errors import NothingReserved
from consent.words import Purpose
from consenting import NOON, House
from service.database import Database

SWAP = Purpose.USER_SWAP


@pytest.fixture
def authorization(database: Database, house: House) -> str:
    with database.write() as session:
        house.publish(session, NOON)
        return house.grant(session, house.enrol(session, NOON), NOON).authorization


def left(database: Database, house: House, authorization: str) -> int | None:
    with database.read() as session:
        found = house.registry.standings(session, "default", [authorization], now=NOON, lock=None)
        return found[authorization].uses_left[SWAP]


def test_sixty_four_at_once_take_exactly_the_fifty_uses_there_are(
    database: Database, house: House, authorization: str
) -> None:
    def take(_: int) -> bool:
        with database.write() as session:
            return house.registry.reserve_use(session, "default", authorization, SWAP)

    with ThreadPoolExecutor(64) as pool:
        taken = list(pool.map(take, range(64)))

    assert sum(taken) == 50
    assert left(database, house, authorization) == 0


def test_spending_and_returning_at_once_loses_no_use(
    database: Database, house: House, authorization: str
) -> None:
    registry = house.registry

    def use(number: int) -> None:
        with database.write() as session:
            assert registry.reserve_use(session, "default", authorization, SWAP)
        with database.write() as session:
            after = registry.spend_use if number % 2 else registry.return_use
            after(session, "default", authorization, SWAP)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(use, range(32)))

    assert left(database, house, authorization) == 50 - 16


def test_a_reserved_use_comes_back_when_the_permit_dies(
    database: Database, house: House, authorization: str
) -> None:
    with database.write() as session:
        assert counters.reserve(session, "default", authorization, SWAP)
    assert left(database, house, authorization) == 49
    with database.write() as session:
        counters.give_back(session, "default", authorization, SWAP)

    assert left(database, house, authorization) == 50


def test_a_use_rolled_back_was_not_taken(database: Database, house: House, authorization: str) -> None:
    def take_and_fail() -> None:
        with database.write() as session:
            assert counters.reserve(session, "default", authorization, SWAP)
            raise KeyError

    with pytest.raises(KeyError):
        take_and_fail()

    assert left(database, house, authorization) == 50


def test_what_nobody_reserved_is_neither_spent_nor_returned(
    database: Database, house: House, authorization: str
) -> None:
    with database.write() as session:
        with pytest.raises(NothingReserved):
            counters.spend(session, "default", authorization, SWAP)
        with pytest.raises(NothingReserved):
            counters.give_back(session, "default", authorization, SWAP)


def test_a_purpose_without_a_limit_is_reserved_as_often_as_asked(
    database: Database, house: House, authorization: str
) -> None:
    with database.write() as session:
        assert all(counters.reserve(session, "default", authorization, Purpose.MATCHING) for _ in range(60))


def test_what_is_unknown_has_no_uses(database: Database, house: House, authorization: str) -> None:
    with database.write() as session:
        assert not counters.reserve(session, "default", authorization, Purpose.TRAINING)
        assert not counters.reserve(session, "default", "6" * 32, SWAP)
        assert not counters.reserve(session, "other", authorization, SWAP)
