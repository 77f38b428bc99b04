import subprocess
import sys
import threading
import time
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from audit import lease, tree
from audit.checkpoint import Checkpoint
from audit.durable import DiskFailed, DiskFull
from audit.fact import Fact, Part, Seal
from audit.guard import AnotherLog, HeadMissing, LogBehind, LogEdited, LogForked
from audit.head import HeadFile, TreeHead
from audit.keys import Duty, SigningKey
from audit.lease import SequencerBusy, StaleSequencer
from audit.log import EntryUnknown, EntryUnpublished, Log
from audit.proof import Proof
from audit.receipt import Receipt
from audit.storage import FileDiverged, PosixStorage
from audit.tile import parse_bundle
from audit.treerows import Standing, standing
from logbook import (
    ANNA,
    NOON,
    ORIGIN,
    BreakingHead,
    BreakingStorage,
    Countdown,
    Desk,
    MemoryStorage,
    a_fact,
    a_full_disk,
)
from service.database import Database
from waiting import LONG


def sound(desk: Desk) -> int:
    """The size of a log that agrees with itself everywhere."""
    with desk.database.read() as session:
        outcome = desk.log().audit(session)
    assert outcome.findings == ()
    return outcome.size


def test_an_entry_is_placed_signed_published_and_proven(desk: Desk) -> None:
    log = desk.started()
    entries = desk.write(a_fact(1), a_fact(2), a_fact(3))

    checkpoint = log.publish(entries[-1].leaf_hash, now=NOON)

    assert checkpoint.size == 3
    assert checkpoint.root == tree.root([bytes.fromhex(each.leaf_hash) for each in entries]).hex()
    assert desk.storage.get("checkpoint") == checkpoint.text.encode()
    assert desk.head.read() == TreeHead(3, checkpoint.root)
    with desk.database.read() as session:
        assert log.latest(session) == checkpoint
        for index, entry in enumerate(entries):
            proof = Proof.parse(log.proof(session, entry.leaf_hash))
            assert proof.index == index
            assert proof.check(entry.leaf, log.verifier) == checkpoint
            assert log.covered(session, entry.leaf_hash) == checkpoint.digest


def test_the_public_files_are_enough_to_replay_the_log(desk: Desk) -> None:
    log = desk.started()
    entries = desk.write_many(600)
    log.publish(now=NOON)

    data = desk.storage.get("checkpoint")
    assert data
    checkpoint = Checkpoint.parse(data.decode(), log.verifier)
    leaves: list[bytes] = []
    for path in ("000", "001", "002.p/88"):
        bundle, hashes = desk.storage.get(f"tile/entries/{path}"), desk.storage.get(f"tile/0/{path}")
        assert bundle
        assert hashes == b"".join(tree.leaf_hash(leaf) for leaf in parse_bundle(bundle))
        leaves += parse_bundle(bundle)
    assert leaves == [entry.leaf for entry in entries]
    assert tree.root([tree.leaf_hash(leaf) for leaf in leaves]).hex() == checkpoint.root
    top = desk.storage.get("tile/1/000.p/2")
    assert top == b"".join(tree.root([tree.leaf_hash(x) for x in leaves[i : i + 256]]) for i in (0, 256))


def test_an_entry_waits_for_its_checkpoint(desk: Desk) -> None:
    log = desk.started()
    (entry,) = desk.write(a_fact())

    with desk.database.read() as session:
        assert log.latest(session) is None
        assert log.covered(session, entry.leaf_hash) is None
        with pytest.raises(EntryUnpublished):
            log.proof(session, entry.leaf_hash)


def test_an_entry_nobody_wrote_is_unknown(desk: Desk) -> None:
    log = desk.started()
    rival = Desk(desk.database, desk.folder, tenant="rival")
    (theirs,) = rival.write(a_fact())

    for leaf_hash in ("0" * 64, theirs.leaf_hash):
        with pytest.raises(EntryUnknown):
            log.publish(leaf_hash, now=NOON)
        with desk.database.read() as session, pytest.raises(EntryUnknown):
            log.covered(session, leaf_hash)


def test_what_a_later_entry_embeds_stays_the_same_checkpoint(desk: Desk) -> None:
    log = desk.started()
    (permit,) = desk.write(a_fact())
    first = log.publish(permit.leaf_hash, now=NOON)
    (run,) = desk.write(Fact("RunStarted", (Part(ANNA, Seal.OPS, {}),), (permit.leaf_hash,), first.digest))
    log.publish(run.leaf_hash, now=NOON)

    with desk.database.read() as session:
        assert log.covered(session, permit.leaf_hash) == first.digest
        assert log.proof(session, permit.leaf_hash) == log.proof(session, permit.leaf_hash)
        assert log.covered(session, run.leaf_hash) != first.digest


def test_a_new_checkpoint_extends_the_last(desk: Desk) -> None:
    log = desk.started()
    hashes: list[bytes] = []
    old: Checkpoint | None = None
    for count in (1, 255, 1, 300):
        hashes += [bytes.fromhex(each.leaf_hash) for each in desk.write_many(count)]
        new = log.publish(now=NOON)
        if old:
            path = tree.consistency_path(tree.nodes_of(hashes), old.size, new.size)
            roots = bytes.fromhex(old.root), bytes.fromhex(new.root)
            tree.check_consistency(old.size, new.size, path, *roots)
        old = new
    assert sound(desk) == 557


def test_an_empty_log_has_a_checkpoint_too_and_publishing_nothing_changes_nothing(desk: Desk) -> None:
    log = desk.started()

    empty = log.publish(now=NOON)
    assert empty.size == 0
    assert log.publish(now=NOON + timedelta(days=1)) == empty

    (entry,) = desk.write(a_fact())
    one = log.publish(now=NOON)
    assert log.publish(entry.leaf_hash, now=NOON) == log.publish(now=NOON) == one
    assert desk.log("other").publish(entry.leaf_hash, now=NOON + timedelta(minutes=1)) == one
    assert sound(desk) == 1


def test_a_long_queue_is_sequenced_in_batches_under_one_lease(desk: Desk) -> None:
    log = desk.log(batch=100)
    log.start()
    entries = desk.write_many(250)

    checkpoint = log.publish(entries[0].leaf_hash, now=NOON)

    assert checkpoint.size == 250
    assert sound(desk) == 250


def test_partial_tiles_go_when_the_full_one_is_there(desk: Desk) -> None:
    log = desk.started()
    for count in (100, 100):
        desk.write_many(count)
        log.publish(now=NOON)
    assert desk.storage.get("tile/0/000.p/100") is not None

    desk.write_many(100)
    log.publish(now=NOON)

    for directory in ("tile/0/000.p", "tile/entries/000.p"):
        assert not desk.storage.names(directory)
    assert desk.storage.get("tile/0/001.p/44") is not None


def test_several_tenants_have_several_logs_in_one_database(desk: Desk) -> None:
    rival = Desk(
        desk.database, desk.folder, tenant="rival", key=SigningKey.generate(Duty.LOG, lambda n: b"r" * n)
    )
    logs = [desk.started(), rival.started()]
    desk.write_many(3)
    rival.write_many(5)

    assert [log.publish(now=NOON).size for log in logs] == [3, 5]
    assert (sound(desk), sound(rival)) == (3, 5)


def test_a_receipt_is_made_from_what_ledger_and_log_say(desk: Desk) -> None:
    log = desk.started()
    (entry,) = desk.write(Fact("OutputReleased", (Part(ANNA, Seal.EVID, {"sha256": "a" * 64}),)))
    log.publish(entry.leaf_hash, now=NOON)

    with desk.database.read() as session:
        (opened,) = desk.ledger.openings(session, entry.leaf_hash, ANNA)
        receipt = Receipt(entry.leaf, opened.part, opened.opening, log.proof(session, entry.leaf_hash))

    checked = Receipt.parse(receipt.data).check(log.verifier)
    assert checked.payload == {"sha256": "a" * 64}


def test_a_log_started_twice_is_as_it_was(desk: Desk) -> None:
    desk.started()
    desk.write_many(3)
    before = desk.started().publish(now=NOON)

    assert desk.log().start() == before
    assert desk.log("other").start() == before
    assert sound(desk) == 3


# Refusals: what must agree before anything is signed.


def test_a_database_older_than_the_head_refuses_to_start_and_to_publish(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(3)
    log.publish(now=NOON)
    old = desk.head.read()
    assert old
    desk.head.advance(old, TreeHead(4, "4" * 64))

    with pytest.raises(LogBehind):
        desk.log().start()
    desk.write_many(1)
    with pytest.raises(LogBehind):
        log.publish(now=NOON)
    with desk.database.read() as session, pytest.raises(LogBehind):
        # Whether what it has is a part of what was published, it can't tell.
        log.latest(session)


def test_a_database_restored_together_with_its_head_is_betrayed_by_what_was_published(desk: Desk) -> None:
    # Given a published log, of which then database and head are set back together,
    log = desk.started()
    desk.write_many(2)
    log.publish(now=NOON)
    desk.write_many(2)
    log.publish(now=NOON)
    desk.sql("DELETE FROM log_checkpoint WHERE size = 4")
    desk.sql("UPDATE log_entry SET idx = NULL WHERE idx >= 2")
    (desk.folder / "studio" / "guard" / "head").unlink()
    with desk.database.read() as session:
        note = session.connection().exec_driver_sql("SELECT note FROM log_checkpoint").scalar_one()
    desk.head.advance(None, TreeHead(2, Checkpoint.parse(note, log.verifier).root))

    with pytest.raises(LogBehind):
        desk.log().start()


def test_a_database_with_another_history_refuses(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(3)
    log.publish(now=NOON)
    (desk.folder / "studio" / "guard" / "head").unlink()

    for size in (3, 2):
        other = HeadFile(desk.folder / f"head{size}")
        other.advance(None, TreeHead(size, "f" * 64))
        with pytest.raises(LogForked):
            desk.log(head=other).start()
        with pytest.raises(LogForked):
            desk.log(head=other).publish(now=NOON)


def test_published_files_of_another_history_refuse(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(3)
    log.publish(now=NOON)
    desk.storage.replace("checkpoint", Checkpoint.sign(ORIGIN, 2, b"f" * 32, desk.key).text.encode())

    with pytest.raises(LogForked):
        desk.log().start()


def test_a_log_without_its_head_refuses(desk: Desk) -> None:
    desk.started()
    desk.write_many(1)
    desk.log().publish(now=NOON)
    (desk.folder / "studio" / "guard" / "head").unlink()

    with pytest.raises(HeadMissing):
        desk.log().start()
    with pytest.raises(HeadMissing):
        desk.log().publish("0" * 64, now=NOON)


def test_another_key_or_origin_refuses(desk: Desk) -> None:
    desk.started()
    desk.write_many(1)
    desk.log().publish(now=NOON)

    with pytest.raises(AnotherLog):
        desk.log(key=SigningKey.generate(Duty.LOG, lambda n: b"x" * n)).start()
    other = Log("studio", "log.example/x", desk.key, desk.storage, desk.head, desk.database, "worker")
    with pytest.raises(AnotherLog):
        other.start()


def test_a_writer_whose_start_was_interrupted_ends_with_the_log(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a first round, in which Ctrl-C comes when a thread has begun and its pool has not noted it yet
    log = desk.started()
    desk.write_many(1)
    start, begun = threading.Thread.start, list[threading.Thread]()

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        begun.append(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        log.publish(now=NOON)
    monkeypatch.undo()
    assert [thread.is_alive() for thread in begun] == [True]
    assert not begun[0].daemon

    # When
    log.close()

    # Then: Python, which waits for it, can exit; and what was begun is done by the next
    begun[0].join(LONG)
    assert not begun[0].is_alive()
    assert desk.started().publish(now=NOON).size == 1


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE log_entry SET leaf = ? WHERE idx = 1",
        "UPDATE log_entry SET idx = 7 WHERE idx = 2",
        "DELETE FROM log_checkpoint",
    ],
)
def test_an_edited_row_at_the_edge_is_found_at_the_start_and_never_signed_over(desk: Desk, edit: str) -> None:
    log = desk.started()
    desk.write_many(3)
    log.publish(now=NOON)
    desk.sql(edit, *([b"edited"] if "?" in edit else []))

    with pytest.raises((LogEdited, LogBehind)):
        desk.log().start()
    desk.write_many(1)
    with pytest.raises((LogEdited, LogBehind)):
        log.publish(now=NOON)
    assert desk.head.read().size == 3  # type: ignore[union-attr]


def test_an_entry_edited_while_it_waited_is_not_placed(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(2)
    desk.sql("UPDATE log_entry SET leaf = ? WHERE seq = 2", b"edited")

    with pytest.raises(LogEdited):
        log.publish(now=NOON)
    with desk.database.read() as session:
        assert log.latest(session) is None


def test_a_proof_that_no_longer_holds_is_not_handed_out(desk: Desk) -> None:
    log = desk.started()
    entries = desk.write_many(3)
    log.publish(now=NOON)
    desk.sql("UPDATE log_entry SET leaf = ? WHERE idx = 1", b"edited")

    with desk.database.read() as session, pytest.raises(LogEdited):
        log.proof(session, entries[0].leaf_hash)


def test_an_edited_file_of_a_tile_about_to_be_written_refuses(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(2)
    desk.storage.put("tile/0/000.p/2", b"something else")

    with pytest.raises(FileDiverged):
        log.publish(now=NOON)
    assert desk.storage.get("checkpoint") is None
    assert desk.head.read() == TreeHead(0, tree.EMPTY_ROOT.hex())


def test_lost_files_come_back_at_the_start(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(600)
    checkpoint = log.publish(now=NOON)
    empty = PosixStorage(desk.folder / "elsewhere")

    desk.log(storage=empty).start()

    for path in ("tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001"):
        assert empty.get(path) == desk.storage.get(path)
    assert empty.get("checkpoint") == checkpoint.text.encode()


def test_a_strange_or_stale_checkpoint_file_is_replaced(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(1)
    old = log.publish(now=NOON)
    desk.write_many(1)
    new = log.publish(now=NOON)

    for content in (b"", b"\xff", b"strange", old.text.encode()):
        desk.storage.replace("checkpoint", content)
        desk.log().start()
        assert desk.storage.get("checkpoint") == new.text.encode()
        desk.storage.replace("checkpoint", content)
        log.publish(now=NOON)
        assert desk.storage.get("checkpoint") == new.text.encode()


# Several processes.


def test_the_loser_waits_for_the_lease_and_finds_its_entry_covered(desk: Desk) -> None:
    # Given a worker that holds the lease over an entry,
    worker = desk.started()
    (entry,) = desk.write(a_fact())
    desk.sql("UPDATE log_lease SET holder = 'worker', token = 5, until = ?", until(desk, 5))
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:  # while the other waits, the worker finishes
            worker.publish(entry.leaf_hash, now=NOON)

    checkpoint = desk.log("api", pause=pause).publish(entry.leaf_hash, now=NOON)

    assert len(waits) == 3
    assert checkpoint.size == 1


def test_the_loser_takes_over_when_the_lease_has_run_out(desk: Desk) -> None:
    desk.started()
    (entry,) = desk.write(a_fact())
    desk.sql("UPDATE log_lease SET holder = 'worker', token = 5, until = ?", until(desk, 5))
    waited = 0.0

    def pause(seconds: float) -> None:
        nonlocal waited
        waited += seconds

    assert desk.log("api", pause=pause).publish(entry.leaf_hash, now=NOON).size == 1
    assert waited == pytest.approx(5, abs=0.1)


def test_the_loser_does_not_wait_for_ever_and_the_entry_is_safe(desk: Desk) -> None:
    log = desk.started()
    (entry,) = desk.write(a_fact())
    desk.sql("UPDATE log_lease SET holder = 'stuck', token = 5, until = ?", until(desk, 3600))

    with pytest.raises(SequencerBusy):
        log.publish(entry.leaf_hash, now=NOON)

    assert log.publish(entry.leaf_hash, now=NOON + timedelta(hours=2)).size == 1


def test_a_sequencer_that_was_overtaken_commits_nothing_more(desk: Desk) -> None:
    # Given a worker that falls asleep between two batches for longer than its lease,
    desk.started()
    entries = desk.write_many(6)
    other = desk.log("api")

    class Sleepy:
        """The head, whose second reading takes a minute, in which somebody else does all the work."""

        def __init__(self) -> None:
            self.reads = 0

        def read(self) -> TreeHead | None:
            self.reads += 1
            if self.reads == 2:
                other.publish(entries[-1].leaf_hash, now=NOON + timedelta(minutes=1))
            return desk.head.read()

        def advance(self, old: TreeHead | None, new: TreeHead) -> None:
            desk.head.advance(old, new)

    # when it wakes up and goes on,
    with pytest.raises(StaleSequencer):
        desk.log("worker", head=Sleepy(), batch=2).publish(entries[-1].leaf_hash, now=NOON)

    # then nothing is lost, twice, or out of order.
    assert sound(desk) == 6


def test_a_slow_publisher_does_not_leave_an_older_checkpoint_in_the_place_of_a_newer(desk: Desk) -> None:
    # Given a process that stalls just before it shows its checkpoint,
    desk.started()
    desk.write_many(1)
    other = desk.log("api")

    class Slow(BreakingStorage):
        stalled = False

        def replace(self, path: str, data: bytes, *, lasting: bool = False) -> None:
            if not self.stalled:
                self.stalled = True
                desk.write_many(1)
                other.publish(now=NOON + timedelta(minutes=1))
            self.inner.replace(path, data, lasting=lasting)

    # while another one publishes more,
    slow = desk.log("worker", storage=Slow(desk.storage, Countdown(99)))
    assert slow.publish(now=NOON).size == 1

    # then the newer one stands.
    with desk.database.read() as session:
        latest = slow.latest(session)
    assert latest
    assert latest.size == 2
    assert desk.storage.get("checkpoint") == latest.text.encode()


@pytest.mark.parametrize("fault", [DiskFailed, FileDiverged])
def test_who_is_passed_while_it_puts_a_tile_needs_not_put_it(desk: Desk, fault: type[Exception]) -> None:
    # Given a process whose partial tile goes from under it: another one has published the full one meanwhile,
    desk.started()
    entries = desk.write_many(250)
    other = desk.log("api")

    class Passed(BreakingStorage):
        passed = False

        def put(self, path: str, data: bytes) -> None:
            if path == "tile/0/000.p/250" and not self.passed:
                self.passed = True
                desk.write_many(10)
                other.publish(now=NOON)
                raise fault("250: No such file or directory")
            self.inner.put(path, data)

    slow = desk.log("worker", storage=Passed(desk.storage, Countdown(99)))

    # when it goes on, then its entries are published, and nothing is wrong with the log.
    assert slow.publish(entries[-1].leaf_hash, now=NOON).size == 260
    assert desk.storage.get("tile/0/000.p/250") is None
    assert sound(desk) == 260


def test_the_lease_is_free_once_the_entries_are_placed_whatever_becomes_of_the_files(desk: Desk) -> None:
    desk.started()
    desk.write(a_fact())
    with pytest.raises(DiskFull):
        desk.log("worker", storage=BreakingStorage(desk.storage, Countdown(0, DiskFull))).publish(now=NOON)

    with desk.database.write() as session:
        assert lease.take(session, desk.tenant, "api", NOON, NOON + timedelta(seconds=10))


def test_who_finds_its_entry_placed_lets_the_other_write_it(desk: Desk) -> None:
    # Given an entry that another process has placed, and not yet written
    desk.started()
    (entry,) = desk.write(a_fact())
    other = desk.log("worker")
    with pytest.raises(DiskFull):
        desk.log("worker", storage=BreakingStorage(desk.storage, Countdown(0, DiskFull))).publish(now=NOON)

    class NoTiles(BreakingStorage):
        def put(self, path: str, data: bytes) -> None:
            raise AssertionError(path)

    def pause(_: float) -> None:
        other.publish(now=NOON)

    # then it waits a moment for it, and puts nothing itself.
    mine = desk.log("api", storage=NoTiles(desk.storage, Countdown(99)), pause=pause)
    assert mine.publish(entry.leaf_hash, now=NOON).size == 1


def test_nothing_is_written_any_more_once_a_failure_was_told(desk: Desk) -> None:
    # Given a file that fails at once, and one put beside it that takes its time
    desk.started()
    desk.write(a_fact())
    put: list[str] = []

    class Uneven(BreakingStorage):
        def put(self, path: str, data: bytes) -> None:
            if "entries" in path:
                raise DiskFull("no room")
            time.sleep(0.2)
            put.append(path)

    with pytest.raises(DiskFull):
        desk.log(storage=Uneven(desk.storage, Countdown(99))).publish(now=NOON)
    assert put == ["tile/0/000.p/1"]


def test_a_database_set_back_while_its_files_are_written_is_noticed(desk: Desk) -> None:
    desk.started()
    (entry,) = desk.write(a_fact())

    class Ahead(BreakingHead):
        def read(self) -> TreeHead | None:
            self.countdown.counted += 1
            return TreeHead(99, "9" * 64) if self.countdown.counted > 1 else self.inner.read()

    with pytest.raises(LogBehind):
        desk.log(head=Ahead(desk.head, Countdown(99))).publish(entry.leaf_hash, now=NOON)
    assert desk.storage.get("checkpoint") is None


def test_a_head_ahead_of_its_database_does_not_keep_a_publisher_busy_for_ever(desk: Desk) -> None:
    # Given a head that somebody moves, right after ours, to where the database is not,
    desk.started()
    (entry,) = desk.write(a_fact())

    class Later(BreakingHead):
        moved = False

        def read(self) -> TreeHead | None:
            return TreeHead(99, "9" * 64) if self.moved else self.inner.read()

        def advance(self, old: TreeHead | None, new: TreeHead) -> None:
            self.inner.advance(old, new)
            self.moved = True

    with pytest.raises(LogBehind):
        desk.log(head=Later(desk.head, Countdown(99))).publish(entry.leaf_hash, now=NOON)


def test_an_entry_that_came_too_late_for_its_round_is_told_so(desk: Desk) -> None:
    # Given an entry that is committed only after the round that should have placed it,
    desk.started()
    with desk.database.write() as session:
        entry = desk.ledger.append(session, a_fact(), NOON)
        session.rollback()
    row = ("studio", entry.eid, entry.leaf, entry.leaf_hash)
    at = until(desk, 0)

    class Meanwhile(BreakingStorage):
        def replace(self, path: str, data: bytes, *, lasting: bool = False) -> None:
            self.inner.replace(path, data, lasting=lasting)
            columns = "(tenant_id, eid, leaf, leaf_hash, at)"
            desk.sql(f"INSERT INTO log_entry {columns} VALUES (?, ?, ?, ?, ?)", *row, at)  # noqa: S608

    log = desk.log(storage=Meanwhile(desk.storage, Countdown(99)))
    with pytest.raises(EntryUnpublished):
        log.publish(entry.leaf_hash, now=NOON)
    assert desk.log().publish(entry.leaf_hash, now=NOON).size == 1


def test_processes_that_publish_at_once_lose_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.started()
    script = (
        "import os, sys, random, time; from pathlib import Path; from datetime import UTC, datetime;"
        "from audit.keystore import KeyStore; from audit.ledger import Ledger; from audit.log import Log;"
        "from audit.keys import SigningKey, Duty; from audit.storage import PosixStorage;"
        "from audit.head import HeadFile; from service.database import Database;"
        "from audit.fact import Fact, Part, Seal, Subject;"
        "url, home, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3];"
        "from audit.kek import KekFile; base = Database(url);"
        "keys = KeyStore(home / 'keys.db', KekFile(home / 'kek'), 'studio', os.urandom);"
        "ledger = Ledger('studio', keys, os.urandom);"
        "log = Log('studio', 'log.example/studio', SigningKey.generate(Duty.LOG, bytes),"
        " PosixStorage(home / 'log'), HeadFile(home / 'guard' / 'head'), base, name); log.start()\n"
        "for n in range(15):\n"
        "  with base.write() as s:\n"
        "    e = ledger.append(s, Fact('Decided', (Part(Subject('person', name), Seal.EVID, {'n': n}),)),"
        " datetime.now(UTC))\n"
        "  c = log.publish(e.leaf_hash, now=datetime.now(UTC))\n"
        "  with base.read() as s: assert log.covered(s, e.leaf_hash)\n"
        "base.close()"
    )
    source = Path(__file__).parents[3] / "src"
    url = desk.database.url
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, url, str(desk.folder / "studio"), f"p{number}"],
            env={"PYTHONPATH": str(source)},
        )
        for number in range(3)
    ]

    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert sound(desk) == 45


# A full disk.


def test_a_full_disk_beside_the_database_leaves_the_entry_safe(desk: Desk) -> None:
    # Given room for rows and none for files,
    storage = BreakingStorage(MemoryStorage(), Countdown(1, DiskFull))
    log = desk.log(storage=storage)
    log.start()
    (entry,) = desk.write(a_fact())

    with pytest.raises(DiskFull):
        log.publish(entry.leaf_hash, now=NOON)
    with desk.database.read() as session:
        assert log.covered(session, entry.leaf_hash) is None

    # when there is room again, then it is published as if nothing had been.
    storage.countdown.left = 99
    assert log.publish(entry.leaf_hash, now=NOON).size == 1


def test_a_head_that_can_not_be_stored_publishes_nothing(desk: Desk) -> None:
    head = BreakingHead(desk.head, Countdown(1, DiskFull))
    log = desk.log(head=head)
    log.start()
    (entry,) = desk.write(a_fact())

    with pytest.raises(DiskFull):
        log.publish(entry.leaf_hash, now=NOON)
    assert desk.storage.get("checkpoint") is None

    head.countdown.left = 99
    assert log.publish(entry.leaf_hash, now=NOON).size == 1


def test_a_really_full_disk_is_survived(desk: Desk) -> None:
    log = desk.started()
    desk.write_many(3)

    with a_full_disk(), pytest.raises(Exception, match=r"(?i)large|full|i/o|disk"):
        log.publish(now=NOON)

    # A database file that failed is not trusted until it is opened again.
    desk.database.close()
    desk.database = Database(desk.database.url)
    assert desk.log().publish(now=NOON).size == 3
    assert sound(desk) == 3
    desk.database.close()


def until(desk: Desk, seconds: float) -> object:
    at = NOON + timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if desk.database.embedded else at


def test_a_checkpoint_is_named_by_the_digest_of_its_text(desk: Desk) -> None:
    checkpoint = desk.started().publish(now=NOON)

    assert checkpoint.digest == sha256(checkpoint.text.encode()).hexdigest()


def test_how_a_log_stands_is_told_without_reading_it(desk: Desk) -> None:
    # Given two published entries, and one that waits.
    log = desk.started()
    with desk.database.read() as session:
        assert standing(session, log.tenant) == Standing(0, None, 0, None)
    desk.write(a_fact(1), a_fact(2))
    log.publish(now=NOON + timedelta(seconds=5))
    desk.write(a_fact(3))

    with desk.database.read() as session:
        stands = standing(session, log.tenant)
        assert standing(session, "other") == Standing(0, None, 0, None)

    assert stands == Standing(2, NOON + timedelta(seconds=5), 1, NOON)
