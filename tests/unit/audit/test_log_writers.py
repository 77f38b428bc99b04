"""Many writers at once: none lost, places contiguous, and who read before writes after."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from audit.fact import Fact, Part, Seal, Subject
from audit.ledger import Entry
from logbook import ANNA, NOON, Desk, a_fact


def indexes(desk: Desk) -> dict[str, int]:
    with desk.database.read() as session:
        rows = session.connection().exec_driver_sql("SELECT leaf_hash, idx FROM log_entry")
        return {row.leaf_hash: row.idx for row in rows}


def test_sixteen_writers_that_dawdle_before_their_commit_lose_nothing(desk: Desk) -> None:
    # Given a sequencer that never stops, and writers whose commits come out of order,
    log = desk.started()
    stop = threading.Event()
    written: list[Entry] = []

    def sequence() -> None:
        while not stop.is_set():
            log.publish(now=NOON)
            time.sleep(0.002)

    def write(number: int) -> None:
        dawdle = random.Random(number)
        for count in range(6):
            with desk.database.write() as session:
                entry = desk.ledger.append(session, a_fact(number * 100 + count), NOON)
                time.sleep(dawdle.random() * 0.02)
            written.append(entry)

    sequencer = threading.Thread(target=sequence)
    sequencer.start()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    stop.set()
    sequencer.join()
    log.publish(now=NOON)

    # then every entry has a place, and the places have no hole.
    placed = indexes(desk)
    assert sorted(placed.values()) == list(range(96))
    assert {each.leaf_hash for each in written} == set(placed)
    with desk.database.read() as session:
        assert log.audit(session).findings == ()


def test_who_read_what_another_committed_comes_after_it(desk: Desk) -> None:
    log = desk.started()
    chain: list[str] = []
    turn = threading.Lock()

    def write(number: int) -> None:
        for _ in range(5):
            with turn:  # reads what the last one committed
                refs = tuple(chain[-1:])
                fact = Fact("Followed", (Part(ANNA, Seal.EVID, {"n": number}),), refs)
                (entry,) = desk.write(fact)
                chain.append(entry.leaf_hash)
            log.publish(entry.leaf_hash, now=NOON)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))

    placed = indexes(desk)
    assert [placed[each] for each in chain] == list(range(40))


@pytest.mark.parametrize("new", [True, False], ids=["new subjects", "one subject"])
def test_sixty_four_threads_write_and_publish_at_once(desk: Desk, new: bool) -> None:
    log = desk.started()

    def work(number: int) -> bool:
        subject = Subject("output", str(number)) if new else ANNA
        (entry,) = desk.write(a_fact(number, about=subject))
        checkpoint = log.publish(entry.leaf_hash, now=NOON)
        with desk.database.read() as session:
            mine = desk.ledger.opened(session, entry.leaf_hash, subject) == {"number": number}
            return mine and log.covered(session, entry.leaf_hash) is not None and checkpoint.size > 0

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(work, range(64)))

    assert sorted(indexes(desk).values()) == list(range(64))
