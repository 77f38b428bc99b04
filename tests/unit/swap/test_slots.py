"""A slot belongs to one process at a time, under a lease."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest

from service.database import Database
from shelved import NOON, TENANT
from swap import slots
from swap.errors import SlotTaken
from swap.slots import LEASE

SECOND = timedelta(seconds=1)


def test_a_slot_is_taken_held_and_left(database: Database) -> None:
    with database.write() as session:
        hold = slots.take(session, TENANT, "slot-1", "me", now=NOON)
        assert slots.held(session, TENANT, "slot-1", now=NOON)
        with pytest.raises(SlotTaken):
            slots.take(session, TENANT, "slot-1", "you", now=NOON)
        slots.take(session, TENANT, "slot-2", "you", now=NOON)
        slots.take(session, "other", "slot-1", "you", now=NOON)
        slots.leave(session, TENANT, hold, now=NOON + SECOND)
        assert not slots.held(session, TENANT, "slot-1", now=NOON + SECOND)
        assert slots.take(session, TENANT, "slot-1", "you", now=NOON + SECOND).token > hold.token


def test_whoever_falls_silent_loses_it_and_is_told(database: Database) -> None:
    with database.write() as session:
        mine = slots.take(session, TENANT, "slot-1", "me", now=NOON)
        slots.beat(session, TENANT, mine, now=NOON + LEASE - SECOND)
        with pytest.raises(SlotTaken):
            slots.take(session, TENANT, "slot-1", "you", now=NOON + LEASE)
        yours = slots.take(session, TENANT, "slot-1", "you", now=NOON + 2 * LEASE)
        with pytest.raises(SlotTaken):
            slots.beat(session, TENANT, mine, now=NOON + 2 * LEASE)
        # Leaving what is not ours any more leaves it with its holder.
        slots.leave(session, TENANT, mine, now=NOON + 2 * LEASE)
        slots.beat(session, TENANT, yours, now=NOON + 2 * LEASE + SECOND)


def test_of_many_who_come_at_once_to_a_new_slot_one_gets_it(database: Database) -> None:
    """Each sees no row; on PostgreSQL all of them write one."""
    start, taken, refused = Barrier(6), [], []

    def take(number: int) -> None:
        start.wait()
        try:
            with database.write() as session:
                taken.append(slots.take(session, TENANT, "slot-1", f"process-{number}", now=NOON))
        except SlotTaken as error:
            refused.append(error)

    threads = [Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 1
    assert len(refused) == 5


def test_the_last_beat_is_of_whoever_was_heard_last(database: Database) -> None:
    with database.write() as session:
        assert slots.last_beat(session, TENANT) is None
        mine = slots.take(session, TENANT, "slot-1", "me", now=NOON)
        slots.take(session, TENANT, "slot-2", "you", now=NOON + SECOND)
        slots.take(session, "other", "slot-1", "you", now=NOON + LEASE)
        assert slots.last_beat(session, TENANT) == NOON + SECOND
        slots.beat(session, TENANT, mine, now=NOON + 2 * SECOND)
        assert slots.last_beat(session, TENANT) == NOON + 2 * SECOND
