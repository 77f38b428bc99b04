"""A paper that a decision rests on is ended after it, and one that was ended first is none."""

import threading
from pathlib import Path

from consent.papers import PaperKind, Papers
from consent.permit import Permit
from consenting import NOON
from gating import Room, a_room
from service.database import Database

WAITING = 0.3
"""Seconds: many times what ending a paper takes."""


def an_assessed_room(database: Database, folder: Path) -> tuple[Room, Papers, str]:
    with database.write() as session:
        room = a_room(session, folder)
        papers = Papers(room.house.ledger, room.house.entropy)
        (assessment,) = (
            one.id for one in papers.every(session) if one.paper.kind is PaperKind.SECURITY_ASSESSMENT
        )
    return room, papers, assessment


def test_who_relies_on_a_paper_is_waited_for_by_who_ends_it(database: Database, tmp_path: Path) -> None:
    # Given a security assessment in force
    room, papers, assessment = an_assessed_room(database, tmp_path / "house")
    order: list[str] = []

    def ends() -> None:
        with database.write() as session:
            papers.end(session, assessment, by="operator-2", now=NOON)
            order.append("ended")

    ending = threading.Thread(target=ends)

    # When it is ended while somebody decides on it
    with database.write() as session:
        first = room.gate.decide(session, room.case(), NOON)
        ending.start()
        ending.join(WAITING)
        order.append("decided")
    ending.join()

    # Then it ends after that decision, and the next one rests on it no more
    assert order == ["decided", "ended"]
    assert isinstance(first, Permit)
    with database.write() as session:
        assert "G-26" in room.gate.decide(session, room.case(), NOON).reasons
    room.house.keystore.close()


def test_who_decides_while_a_paper_is_being_ended_waits_and_reads_that_it_was(
    database: Database, tmp_path: Path
) -> None:
    # Given somebody who is about to end a security assessment
    room, papers, assessment = an_assessed_room(database, tmp_path / "house")
    answers: list[tuple[str, ...]] = []

    def decides() -> None:
        with database.write() as session:
            answers.append(room.gate.decide(session, room.case(), NOON).reasons)

    deciding = threading.Thread(target=decides)

    # When a decision is asked for before that is committed
    with database.write() as session:
        papers.end(session, assessment, by="operator-2", now=NOON)
        deciding.start()
        deciding.join(WAITING)
        told_before = list(answers)
    deciding.join()

    # Then it is told afterwards, and says so
    assert told_before == []
    assert answers == [("G-26",)]
    room.house.keystore.close()
