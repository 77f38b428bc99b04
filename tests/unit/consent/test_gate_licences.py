"""What the gate believes of a licence's digest: the register's word before the operator's."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from consent.licence import Licence
from consent.rights import Ending
from consenting import NOON
from gating import RECEIVED, Room, a_room
from licensing import DESK, OTHER, a_studio, copyright_of, portrait, registered, rights
from service.database import Database

Register = Callable[..., Licence]


def hers(session: Session, room: Room, source: str = RECEIVED) -> Licence:
    drawn = portrait(room.house, room.performer, sources=frozenset({source}), notice_days=0)
    return registered(session, room.house, drawn, room.performer.private).licence


def of_the_work(session: Session, room: Room, source: str = RECEIVED) -> Licence:
    studio, key = a_studio(session, room.house)
    drawn = copyright_of(room.house, studio, sources=frozenset({source}))
    return registered(session, room.house, drawn, key).licence


@pytest.mark.parametrize(("register", "rule"), [(hers, "G-21"), (of_the_work, "G-22")])
def test_another_digest_does_not_stand_for_a_licence_that_was_ended(
    database: Database, tmp_path: Path, register: Register, rule: str
) -> None:
    # Given a licence of this video, in the register, and a case that names a paper nobody registered
    with database.write() as session:
        room = a_room(session, tmp_path / "house", licensed=False)
        licence = register(session, room)
        before = room.gate.check(session, room.case(), NOON)

        # When the licence is ended
        rights(room.house).end(session, licence.id, Ending.VOID, by=DESK, now=NOON)
        after = room.gate.check(session, room.case(), NOON)

    # Then the paper doesn't stand for it
    assert rule not in before.reasons
    assert rule in after.reasons
    room.house.keystore.close()


@pytest.mark.parametrize(("register", "rule"), [(hers, "G-21"), (of_the_work, "G-22")])
def test_what_was_ended_for_another_video_says_nothing_of_this_one(
    database: Database, tmp_path: Path, register: Register, rule: str
) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", licensed=False)
        licence = register(session, room, OTHER)
        rights(room.house).end(session, licence.id, Ending.VOID, by=DESK, now=NOON)

        assert rule not in room.gate.check(session, room.case(), NOON).reasons
    room.house.keystore.close()


def test_a_licence_that_she_signs_anew_stands_beside_the_ended_one(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", licensed=False)
        rights(room.house).end(session, hers(session, room).id, Ending.VOID, by=DESK, now=NOON)
        hers(session, room)

        assert "G-21" not in room.gate.check(session, room.case(), NOON).reasons
        late = room.gate.check(session, room.case(), NOON + timedelta(days=366))
    assert "G-21" in late.reasons, "it ran out as well"
    room.house.keystore.close()
