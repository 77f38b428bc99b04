"""People named over time: counted once each, never beyond the limits, whoever comes at the same moment."""

import threading
from collections.abc import Iterable
from datetime import timedelta

from sqlmodel import Session, select

from audit.leaf import Leaf
from audit.tables import EntryRow
from consent.caretables import CastTrialRow
from consent.tries import Tries, told
from consenting import NOON, House
from service.database import Database

SOURCE, OTHER = "a" * 64, "b" * 64


def people(house: House, database: Database, count: int) -> list[str]:
    with database.write() as session:
        return [house.enrol(session, NOON).id for _ in range(count)]


def names(
    house: House, database: Database, some: Iterable[str], received: str = SOURCE, **changes: int
) -> bool:
    limits = {"per_source": 3, "per_day": 5, **changes}
    with database.write() as session:
        return Tries(house.ledger, **limits).name(session, "studio", received, some, now=NOON)


def tried(session: Session, tenant: str, received: str) -> int:
    """How many people were let into a cast of this source, ever."""
    rows = session.exec(
        select(CastTrialRow).where(CastTrialRow.tenant_id == tenant, CastTrialRow.of == f"source:{received}")
    )
    return sum(not row.refused for row in rows)


def kinds(session: Session) -> list[str]:
    return [Leaf.parse(leaf).t for leaf in session.exec(select(EntryRow.leaf))]


def test_the_same_people_may_be_named_again_and_new_ones_up_to_the_limit(
    house: House, database: Database
) -> None:
    a, b, c, d = people(house, database, 4)

    assert names(house, database, [a, b])
    assert names(house, database, [b, c])
    assert names(house, database, [a, b, c])
    assert not names(house, database, [a, d])

    with database.read() as session:
        assert tried(session, house.tenant, SOURCE) == 3
        assert tried(session, house.tenant, OTHER) == tried(session, "other", SOURCE) == 0
        assert [one.requester_day for one in told(session, house.tenant, d)] == [False]
        assert told(session, house.tenant, a) == (), "of hers a decision tells her"
        assert kinds(session).count("CastRefused") == 1


def test_who_was_refused_takes_no_place_and_finds_one_that_is_free(house: House, database: Database) -> None:
    a, b, c, d = people(house, database, 4)
    assert not names(house, database, [a, b, c, d])

    assert names(house, database, [a, b, c])

    assert not names(house, database, [d])
    with database.read() as session:
        assert tried(session, house.tenant, SOURCE) == 3


def test_one_requester_names_so_many_in_a_day_whatever_the_source(house: House, database: Database) -> None:
    some = people(house, database, 6)

    assert names(house, database, some[:3])
    assert names(house, database, some[2:5], OTHER)
    assert not names(house, database, some[5:], "c" * 64)

    with database.write() as session:
        tomorrow = Tries(house.ledger, per_source=3, per_day=5).name(
            session, "studio", "c" * 64, some[5:], now=NOON + timedelta(days=1)
        )
        assert tomorrow
        assert [one.requester_day for one in told(session, house.tenant, some[5])] == [True]


def test_an_id_of_nobody_is_neither_counted_nor_given_keys(house: House, database: Database) -> None:
    assert names(house, database, [f"{number:032x}" for number in range(9)])

    with database.read() as session:
        assert tried(session, house.tenant, SOURCE) == 0


def test_of_many_at_once_no_more_are_let_in_than_the_limit(house: House, database: Database) -> None:
    # Given twelve people, each named by a request of its own at the same moment
    some = people(house, database, 12)
    start, answers = threading.Barrier(len(some)), []

    def name(person: str) -> None:
        start.wait()
        answers.append(names(house, database, [person], per_day=100))

    threads = [threading.Thread(target=name, args=(person,)) for person in some]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Then three were
    assert sorted(answers) == [False] * 9 + [True] * 3
    with database.read() as session:
        assert tried(session, house.tenant, SOURCE) == 3
