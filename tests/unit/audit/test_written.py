"""What is handed to the driver as text is what SQLAlchemy itself would have written."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as core

from audit.columns import Instant
from audit.written import Written
from service.database import Database

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
_TABLE = core.Table(
    "written_here",
    core.MetaData(),
    core.Column("id", core.String, primary_key=True),
    core.Column("at", Instant),
    core.Column("bytes", core.LargeBinary),
    core.Column("count", core.Integer),
)
_INSERT = Written(core.insert(_TABLE))
_COUNT = Written(
    core.update(_TABLE)
    .where(_TABLE.c.id == core.bindparam("which"), _TABLE.c.at < core.bindparam("before", type_=Instant()))
    .values(count=_TABLE.c.count + 2)
)
ONE = {"id": "one%s:x", "at": NOON, "bytes": b"\x00\xff", "count": 1}
NONE = {"id": "none", "at": None, "bytes": None, "count": None}


@pytest.fixture(autouse=True)
def table(database: Database) -> Iterator[None]:
    with database.connection() as connection:
        _TABLE.create(connection)
    yield
    with database.connection() as connection:
        _TABLE.drop(connection)


def rows(database: Database) -> list[dict[str, object]]:
    with database.read() as session:
        found = session.connection().execute(core.select(_TABLE).order_by(_TABLE.c.id))
        return [dict(row) for row in found.mappings()]


def test_one_row_or_several_are_read_as_they_were_written(database: Database) -> None:
    with database.write() as session:
        _INSERT.run(session, ONE)
        _INSERT.run(session, NONE, {**ONE, "id": "two"})

    assert rows(database) == [NONE, ONE, {**ONE, "id": "two"}]


def test_an_update_changes_what_its_condition_says_and_tells_how_much(database: Database) -> None:
    with database.write() as session:
        _INSERT.run(session, ONE, {**ONE, "id": "two"})
        later, earlier = NOON + timedelta(microseconds=1), NOON
        assert _COUNT.run(session, {"which": "two", "before": later}).rowcount == 1
        assert _COUNT.run(session, {"which": "two", "before": earlier}).rowcount == 0

    assert [row["count"] for row in rows(database)] == [1, 3]


def test_what_is_not_given_is_not_made_up(database: Database) -> None:
    with database.write() as session, pytest.raises(KeyError):
        _INSERT.run(session, {"id": "one", "at": NOON})
