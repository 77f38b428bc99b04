"""A log says of its own key that others had it: that is its last word, whichever process still runs."""

import pytest

from audit import keyhistory
from audit.fsck import fsck
from audit.keyhistory import DutyKeyEnded, PublicKey
from audit.keys import Duty
from logbook import NOON, BreakingStorage, Countdown, Desk, Died


def voided(desk: Desk, since: int = 1) -> str:
    with desk.database.write() as session:
        known = PublicKey.of(desk.key.verifying)
        found = keyhistory.compromise(
            session, desk.ledger, Duty.LOG, known.kid, since=since, by="operator", now=NOON
        )
    assert found.voided is not None
    return found.voided


@pytest.fixture
def adopted(desk: Desk) -> Desk:
    with desk.database.write() as session:
        keyhistory.start(session, desk.ledger, [PublicKey.of(desk.key.verifying)], NOON)
    return desk


@pytest.mark.parametrize("batch", [1024, 2])
def test_a_running_process_publishes_that_others_had_its_key_and_nothing_after_it(
    adopted: Desk, batch: int
) -> None:
    # Given two processes at work, and the word that others have their key, with what came before it
    desk = adopted
    running, other = desk.log(batch=batch), desk.log("other", batch=batch)
    running.start()
    before = desk.write_many(3)
    running.publish(now=NOON)
    waiting = desk.write_many(2)
    last = voided(desk)

    # When it is published
    told = running.publish(last, now=NOON)

    # Then whatever comes after it is not, by either of them, and what was is as it was.
    (late,) = desk.write_many(1)
    for log in (running, other):
        with pytest.raises(DutyKeyEnded):
            log.publish(now=NOON)
        with pytest.raises(DutyKeyEnded):
            log.publish(late.leaf_hash, now=NOON)
    with desk.database.read() as session:
        assert running.latest(session) == told
        assert running.covered(session, late.leaf_hash) is None
        assert all(running.covered(session, one.leaf_hash) for one in (*before, *waiting))
        outcome = running.audit(session)
        assert (outcome.findings, outcome.size) == ((), told.size)
    found = fsck(desk.storage, running.verifier)
    assert (found.wrong, found.checkpoint) == ((), told)


def test_files_of_what_was_signed_before_are_written_all_the_same(adopted: Desk) -> None:
    # Given a process that died once it had signed over that word, and something that waits
    desk = adopted
    desk.started()
    last = voided(desk, since=0)
    with pytest.raises(Died):
        desk.log("dies", storage=BreakingStorage(desk.storage, Countdown(0))).publish(last, now=NOON)
    desk.write_many(1)

    # When another one goes on, and one starts
    with pytest.raises(DutyKeyEnded):
        desk.log("goes on").publish(now=NOON)
    told = desk.log("starts").start()

    # Then the word is public, and is the last.
    assert told is not None
    found = fsck(desk.storage, desk.log().verifier)
    assert (found.wrong, found.checkpoint.size) == ((), told.size)
    assert told.size == 2
