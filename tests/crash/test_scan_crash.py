"""kill -9 anywhere in a scan, and start again: it is done again, and what it saw is kept once."""

import signal
from collections.abc import Callable, Iterator

import pytest

from swap import cases, library, scans
from swap.scans import State
from trials import Children
from worlds import OPERATOR, World

Stage = Callable[..., World]

POINTS = [
    "scan handed over",
    "scan begun, not committed",
    "scanning",
    "scan kept",
    "matched, not committed",
    "scan ended, not committed",
    "scan returned",
]
ON_POSTGRESQL = ["scanning", "scan ended, not committed"]


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    started = Children()
    yield started
    started.close()


@pytest.mark.parametrize(
    ("ground", "point"),
    [
        *(("sqlite", point) for point in POINTS),
        *(("postgresql", point) for point in ON_POSTGRESQL),
    ],
    indirect=["ground"],
)
def test_a_scan_whose_worker_was_killed_is_done_again(
    point: str, at_stage: Stage, children: Children
) -> None:
    # Given a scan that was ordered
    world = at_stage("admitted")
    order = world.studio.scanning.ask(OPERATOR, world.known["template"])

    # When its worker is killed on the way, and another comes
    assert children.run(world, "work", point) == -signal.SIGKILL
    assert children.run(world, "work") == 0

    # Then
    scanned_once(world, order.id)


def scanned_once(world: World, order: str) -> None:
    with world.record.database.read() as session:
        done = scans.get(session, world.tenant, order)
        found = library.get(session, world.tenant, world.known["template"])
        _, said = library.seen(session, world.tenant, found)
    assert (done.state, done.outcome) == (State.DONE, None)
    assert done.done == done.total
    assert {one.person for one in cases.verdicts_of(said or b"")} == {one.person for one in found.cast}
    kinds = world.kinds()
    assert kinds.count("TemplateScanned") <= done.attempt
    assert world.rows("scan") == 1
    assert world.rows("duty", "done_at IS NULL") == 0
    assert len(world.files("media")) == 1
