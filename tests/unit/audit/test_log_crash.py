"""Killed between any two writes: nothing lost, nothing twice, nothing forked."""

import pytest

from audit.checkpoint import Checkpoint
from audit.durable import DiskFailed
from audit.head import TreeHead
from audit.log import EntryUnknown
from audit.proof import Proof
from logbook import NOON, BreakingHead, BreakingStorage, Countdown, Desk, Died

WRITES = 9
"""From 250 to 520 entries: bundle and tile of two full ones and a partial, one above, head, checkpoint."""


@pytest.mark.parametrize("survived", range(WRITES))
@pytest.mark.parametrize("restart", ["start", "publish"])
def test_whatever_was_done_the_next_process_finishes(desk: Desk, survived: int, restart: str) -> None:
    # Given a log whose next publication dies after some of its writes,
    log = desk.started()
    entries = desk.write_many(250)
    before = log.publish(now=NOON)
    entries += desk.write_many(270)
    countdown = Countdown(survived)
    dying = desk.log(
        storage=BreakingStorage(desk.storage, countdown), head=BreakingHead(desk.head, countdown)
    )
    with pytest.raises(Died):
        dying.publish(now=NOON)

    # then what is public is the old log or the new, whole,
    shown = desk.storage.get("checkpoint")
    assert shown == before.text.encode()
    head = desk.head.read()
    assert head
    assert head.size in {250, 520}

    # who audits it finds nothing missing that is to come,
    with desk.database.read() as session:
        outcome = desk.log().audit(session)
        assert (outcome.findings, outcome.size) == ((), 520)

    # and nothing is handed out that the head does not know,
    with desk.database.read() as session:
        covered = desk.log().covered(session, entries[-1].leaf_hash)
        assert (covered is None) == (head.size == 250)

    # and the next process does the rest, whichever way it comes.
    fresh = desk.log("another")
    if restart == "start":
        fresh.start()
        desk.sql("UPDATE log_lease SET holder = ''")
    after = desk.log().publish(entries[-1].leaf_hash, now=NOON)

    assert after.size == 520
    assert desk.head.read() == TreeHead(520, after.root)
    assert desk.storage.get("checkpoint") == after.text.encode()
    with desk.database.read() as session:
        outcome = fresh.audit(session)
        assert (outcome.findings, outcome.size) == ((), 520)
        for index in (0, 249, 250, 519):
            proof = Proof.parse(fresh.proof(session, entries[index].leaf_hash))
            assert isinstance(proof.check(entries[index].leaf, fresh.verifier), Checkpoint)


def test_those_were_all_the_writes(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(250)
    log.publish(now=NOON)
    desk.write_many(270)
    countdown = Countdown(99)

    desk.log(
        storage=BreakingStorage(desk.storage, countdown), head=BreakingHead(desk.head, countdown)
    ).publish(now=NOON)

    assert countdown.counted == WRITES


def test_a_process_that_dies_before_the_commit_has_done_nothing(desk: Desk) -> None:
    # Given a key that fails at the moment of signing, inside the transaction,
    log = desk.started()
    (entry,) = desk.write_many(1)

    class Unplugged:
        verifying = desk.key.verifying

        def sign_note(self, text: bytes) -> bytes:
            raise Died

    dying = desk.log(key=Unplugged())  # type: ignore[arg-type]
    with pytest.raises(Died):
        dying.publish(now=NOON)

    # then the entry waits, without a place, and is published by the next.
    with desk.database.read() as session:
        assert log.latest(session) is None
    assert log.publish(entry.leaf_hash, now=NOON).size == 1


def test_a_failed_disk_fails_everybody_who_waited_for_that_round_and_nobody_after(desk: Desk) -> None:
    storage = BreakingStorage(desk.storage, Countdown(0, DiskFailed))
    log = desk.log(storage=storage)
    log.start()
    entries = desk.write_many(2)

    for _ in range(2):
        with pytest.raises(DiskFailed):
            log.publish(entries[0].leaf_hash, now=NOON)

    storage.countdown.left = 99
    assert log.publish(entries[1].leaf_hash, now=NOON).size == 2
    with pytest.raises(EntryUnknown):
        log.publish("0" * 64, now=NOON)
