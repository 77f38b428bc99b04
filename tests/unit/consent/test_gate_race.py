"""Sixty-four who ask at once for a consent of fifty uses."""

import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

from sqlmodel import select

from consent.permit import Decision, Permit
from consent.tables import ConsentCounterRow
from consent.words import Purpose
from consenting import NOON
from gating import a_room
from service.database import Database

USES, ASKERS = 50, 64
LATER = NOON + timedelta(minutes=5)


def test_of_sixty_four_at_once_exactly_fifty_are_permitted(database: Database, tmp_path: Path) -> None:
    with database.write() as session:
        room = a_room(session, tmp_path / "house", uses=USES)
    start = threading.Barrier(ASKERS)
    decisions: list[Decision] = []

    def ask() -> None:
        start.wait()
        with database.write() as session:
            decision = room.gate.decide(session, room.case(), LATER)
        decisions.append(decision)

    threads = [threading.Thread(target=ask) for _ in range(ASKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    room.house.keystore.close()

    answers = Counter("permit" if isinstance(one, Permit) else ", ".join(one.reasons) for one in decisions)
    assert answers == {"permit": USES, "G-17": ASKERS - USES}
    with database.read() as session:
        rows = session.exec(
            select(ConsentCounterRow).where(ConsentCounterRow.purpose == Purpose.USER_SWAP)
        ).all()
        assert {(row.reserved, row.spent) for row in rows} == {(USES, 0)}
