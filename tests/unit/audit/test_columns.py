from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import MetaData, Table, insert, select
from sqlalchemy.exc import StatementError
from sqlmodel import Column, Integer

from audit.columns import Instant
from service.database import Database

TABLE = Table(
    "clock", MetaData(), Column("id", Integer, primary_key=True), Column("at", Instant(), nullable=True)
)
NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def test_an_instant_comes_back_as_itself_in_utc_wherever_it_was_written(database: Database) -> None:
    TABLE.create(database.engine)
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    with database.write() as session:
        session.connection().execute(insert(TABLE), [{"id": 1, "at": shanghai}, {"id": 2, "at": None}])

    with database.read() as session:
        first, second = session.connection().execute(select(TABLE.c.at).order_by(TABLE.c.id)).scalars()

    assert (first, first.tzinfo) == (NOON, UTC)
    assert second is None


def test_instants_compare_as_time_does(database: Database) -> None:
    TABLE.create(database.engine)
    times = [NOON - timedelta(microseconds=1), NOON, NOON.replace(microsecond=0), NOON + timedelta(days=400)]
    with database.write() as session:
        session.connection().execute(insert(TABLE), [{"id": i, "at": at} for i, at in enumerate(times)])

    with database.read() as session:
        run = session.connection().execute
        assert list(run(select(TABLE.c.at).order_by(TABLE.c.at)).scalars()) == sorted(times)
        assert set(run(select(TABLE.c.id).where(TABLE.c.at < NOON)).scalars()) == {0, 2}
        assert set(run(select(TABLE.c.id).where(TABLE.c.at <= NOON)).scalars()) == {0, 1, 2}


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    TABLE.create(database.engine)

    with database.write() as session, pytest.raises(StatementError, match="time zone"):
        session.connection().execute(insert(TABLE), {"id": 1, "at": NOON.replace(tzinfo=None)})
