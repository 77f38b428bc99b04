"""What recoveries lost, read back from the log: by place where they told it, else all that was read back."""

from pathlib import Path

import pytest

from audit.canonical import Json
from audit.fact import Fact, Part, Seal, Subject
from logbook import Desk
from service.database import Database
from service.losses import RECOVERED, losses, parts_lost


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


def recovered(desk: Desk, **said: Json) -> None:
    desk.write(Fact(RECOVERED, (Part(Subject("tenant", desk.tenant), Seal.EVID, said),)))


def lost_at(desk: Desk) -> tuple[list[set[int]], int]:
    """Places up to 20 by recovery, and how many parts in all."""
    with desk.database.read() as session:
        found = losses(desk.ledger, session)
        return [{at for at in range(20) if one.has(at)} for one in found], parts_lost(desk.ledger, session)


def test_each_recovery_says_where_it_lost_what(desk: Desk) -> None:
    recovered(desk, held=4, read_back=6, parts_lost=5, lost=[[4, 6], [9, 10]])
    recovered(desk, held=12, read_back=0, parts_lost=0, lost=[])

    assert lost_at(desk) == ([{4, 5, 9}, set()], 5)


def test_one_that_did_not_say_where_lost_all_that_it_read_back(desk: Desk) -> None:
    recovered(desk, held=4, read_back=2, parts_lost=3)

    assert lost_at(desk) == ([{4, 5}], 3)


def test_before_any_recovery_nothing_was_lost(desk: Desk) -> None:
    assert lost_at(desk) == ([], 0)
