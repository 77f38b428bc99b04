"""Clocks of processes are not one clock. What stands in rows is what the log says all the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from unittest.mock import patch

from sqlmodel import Session

import crowd
from audit.fact import Fact, Part, Seal, Subject
from consent.hearing import SKEW
from consent.withdrawal import By, How
from grounds import Ground
from service.database import Database, utc_now
from service.erasing import erase
from service.rowcheck.check import check
from worlds import OPERATOR, World

MARGIN = timedelta(seconds=5)


def test_beside_a_process_whose_clock_is_ahead_no_row_differs_from_what_the_log_says(
    ground: Ground, tmp_path: Path
) -> None:
    """The gate reads time no earlier than the log's last entry, which another's clock may have put there."""
    world = ground.world(tmp_path / "w", "founded")
    # Given a process that writes an entry after each of ours, its clock ahead by less than is refused,
    with written_ahead(world):
        # when everything happens,
        world.reach("asked")
        crowd.crowded(world)

    # then each row is what its entry says.
    with world.record.database.read() as session:
        found = check(session, world.record)
    world.close()
    assert (found.differs, found.missing) == ((), ())


def test_steps_of_an_erasure_are_in_the_order_of_writing_and_not_of_clocks(
    ground: Ground, tmp_path: Path
) -> None:
    # Given somebody, and processes of which each next has a clock that is a second behind the last one's,
    behind = count()
    world = ground.world(
        tmp_path / "w", "consented", clock=lambda: utc_now() - timedelta(seconds=next(behind))
    )

    # when one by one they take a step of her erasure,
    erase(world.record, world.people["hopper"].person, By(How.OPERATOR, OPERATOR))

    # then her row is where its last entry says.
    with world.record.database.read() as session:
        found = check(session, world.record)
    world.close()
    assert (found.differs, found.missing) == ((), ())


@contextmanager
def written_ahead(world: World) -> Iterator[None]:
    record, write = world.record, Database.write
    part = Part(Subject("tenant", world.tenant), Seal.EVID, {"of": "another process"})

    @contextmanager
    def followed(database: Database) -> Iterator[Session]:
        with write(database) as session:
            yield session
        with write(database) as session:
            ahead = record.clock() + SKEW - MARGIN
            record.ledger.append(session, Fact("Filler", (part,)), ahead)

    with patch.object(Database, "write", followed):
        yield
