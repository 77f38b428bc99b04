"""Worlds in which years go by, until nobody is left of whom the log's beginning tells."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from audit.fact import Fact, Part, Seal, Subject
from consent import adoption
from consent.notice import load_notices
from consent.policy import of_files
from consent.rights import Ending
from consent.withdrawal import By, How
from service.database import utc_now
from service.erasing import erase, finish
from service.layout import policies
from worlds import World

BY = By(How.OPERATOR, "operator-1")


@dataclass
class Clock:
    """The time, and how far it was moved."""

    later: timedelta = timedelta()

    def __call__(self) -> Any:
        return utc_now() + self.later

    def moves(self, **by: float) -> None:
        self.later += timedelta(**by)


def filled(world: World, count: int = 600) -> None:
    """So many entries about nothing in particular, published."""
    record = world.record
    with record.database.write() as session:
        for number in range(count):
            part = Part(Subject("tenant", world.tenant), Seal.EVID, {"number": number})
            record.ledger.append(session, Fact("Filler", (part,)), record.clock())
    record.log.publish(now=record.clock())


def renewed(world: World) -> None:
    """Another policy in use, and another version of every notice."""
    record, now = world.record, world.record.clock()
    files = dict(record.policy.files)
    files["base.cedar"] += f"// as of {now:%Y-%m-%d}\n".encode()
    with record.database.write() as session:
        adoption.adopt(session, record.ledger, of_files(files), signers=(), now=now)
        for notice in load_notices(policies(world.settings) / "notices"):
            again = replace(notice, version=f"{now:%Y%m%d}", text=f"{notice.text}\n{now:%Y%m%d}\n")
            record.registry.noticeboard.publish(session, again, now=now)
    record.log.publish(now=now)


def licences_end(world: World) -> None:
    """All of them, by agreement: what has ended holds nothing."""
    with world.record.database.write() as session:
        for licence in sorted(world.column("rights_licence", "id")):
            world.rights.end(session, licence, Ending.AGREED, by=BY, now=world.record.clock())


def everybody_erased(world: World, clock: Clock) -> None:
    """With the three years after which their evidence keys go, and some more."""
    licences_end(world)
    for player in world.people.values():
        erase(world.record, player.person, BY)
    clock.moves(days=1096)
    assert finish(world.record) == len(world.people)
    filled(world, 300)
    clock.moves(days=1200)
    renewed(world)
