"""What is old enough and needed by nobody goes; every proof of the rest stays, wherever it was killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import Session, SQLModel, col, select

from audit import lease, pruneplan, prunerows, recovery, tree
from audit.checkpoint import Checkpoint
from audit.errors import ConsentryError
from audit.export import export
from audit.fact import Fact, Part, Seal
from audit.fsck import fsck
from audit.ledger import Entry
from audit.log import EntryUnknown, EntryUnpublished, Log
from audit.proof import Proof
from audit.pruned import PATH, Pruned, PruningUnproven, Totals, published
from audit.pruneplan import FOLLOWED, Held, Need, Plan
from audit.prunerows import EntryPruned, Pruning
from audit.pruning import Pruner, PruningUnderWay
from audit.replay import Copy, Finding
from audit.storage import PosixStorage, Storage
from audit.tables import EntryRow
from audit.tile import Tile
from audit.treerows import TreeRows
from logbook import ANNA, NOON, STUDIO, BreakingStorage, Countdown, Desk, Died, a_fact

OLD = NOON - timedelta(days=400)
BEFORE = NOON - timedelta(days=200)
MOST = 2**40


def grown(desk: Desk, old: int = 600, young: int = 200) -> tuple[Log, list[Entry]]:
    """A published log: so many entries of 400 days ago, and so many of now."""
    log = desk.started()
    entries = []
    for count, at in ((old, OLD), (young, NOON)):
        with desk.database.write() as session:
            entries += [desk.ledger.append(session, a_fact(number), at) for number in range(count)]
        log.publish(now=at)
    return log, entries


def pruner(desk: Desk, log: Log, *, storage: Storage | None = None, sessions: Any = None) -> Pruner:
    return Pruner(sessions or desk.database, desk.ledger, log, storage or desk.storage)


def planned(desk: Desk, *needs: Need, shown: int = MOST) -> Plan:
    with desk.database.read() as session:
        rows = TreeRows(desk.tenant, desk.log().verifier, session)
        size = rows.placed()
        return pruneplan.plan(session, desk.tenant, needs, before=BEFORE, shown=min(shown, size), size=size)


def begun(desk: Desk, work: Pruner, *needs: Need) -> Pruning | None:
    made = planned(desk, *needs)
    with desk.database.read() as session:
        totals, last = pruneplan.totals(session, desk.tenant, made, lambda *_: Totals())
    assert last is not None
    with work.sessions.write() as session:
        return work.begin(session, made, needs, totals, last, now=NOON)


def prune(desk: Desk, log: Log, *needs: Need) -> Pruned:
    work = pruner(desk, log)
    assert begun(desk, work, *needs) is not None
    said = work.finish(NOON)
    assert said is not None
    return said


def expect_sound(desk: Desk, log: Log, *, pruned: int | None) -> None:
    """By its rows, by its files alone, and by a copy of them."""
    with desk.database.read() as session:
        replay = log.audit(session)
    assert replay.findings == ()
    assert (replay.pruned.minimum if replay.pruned else None) == pruned
    read = fsck(desk.storage, log.verifier)
    assert (read.wrong, read.sound) == ((), True)
    assert (read.pruned.minimum if read.pruned else None) == pruned
    assert read.root == replay.root


def count(desk: Desk, what: str) -> int:
    with desk.database.read() as session:
        found: int = session.connection().exec_driver_sql(f"SELECT count(*) FROM {what}").scalar_one()  # noqa: S608
    return found


def test_what_is_old_goes_and_the_rest_is_proved_as_before(desk: Desk, tmp_path: Path) -> None:
    # Given a log of 600 old entries and 200 young ones
    log, entries = grown(desk)
    root = log.publish(now=NOON).root

    # When it is pruned
    said = prune(desk, log)

    # Then it begins at the last whole tile of old ones, in rows and files,
    assert (said.minimum, said.index) == (512, 800)
    assert count(desk, "log_entry WHERE idx < 512") == 0
    assert count(desk, "log_sealed") == 800 - 512 + 1
    assert [desk.storage.get(Tile(0, n).path) is None for n in (0, 1, 2)] == [True, True, False]
    assert [desk.storage.get(Tile(0, n).bundle_path) is None for n in (0, 1, 2)] == [True, True, False]
    expect_sound(desk, log, pruned=512)
    # every entry that is left has its proof, under an old checkpoint too,
    with desk.database.read() as session:
        for entry in entries[512:]:
            proof = Proof.parse(log.proof(session, entry.leaf_hash))
            assert proof.check(entry.leaf, log.verifier).size == (600 if proof.index < 600 else 800)
        assert proof.check(entry.leaf, log.verifier).root == root
        # one that went is told from one that never was,
        with pytest.raises(EntryPruned):
            log.proof(session, entries[0].leaf_hash)
        with pytest.raises(EntryPruned):
            log.proof(session, entries[511].leaf_hash)
        with pytest.raises(EntryUnknown):
            log.proof(session, "ab" * 32)
        with pytest.raises(EntryUnknown):
            log.proof(session, "no hash")
    # and a copy says the same.
    export(desk.storage, PosixStorage(tmp_path / "copy"), log.verifier)
    copied = fsck(PosixStorage(tmp_path / "copy"), log.verifier)
    assert copied.sound
    assert copied.pruned == said


def test_a_pruned_log_starts_goes_on_and_is_pruned_again(desk: Desk) -> None:
    log, entries = grown(desk)
    desk.sql("DELETE FROM log_sealed WHERE leaf_hash = ?", entries[3].leaf_hash)
    prune(desk, log)

    # Nothing comes back at a start,
    again = desk.started()
    assert desk.storage.get("tile/entries/000") is None
    expect_sound(desk, again, pruned=512)

    # what comes is published,
    desk.write_many(700)
    assert again.publish(now=NOON).size == 1501
    expect_sound(desk, again, pruned=512)

    # and once it is old the entry of the pruning before may go as well.
    with desk.database.write() as session:
        session.connection().execute(update(EntryRow).where(col(EntryRow.idx) < 1400).values(at=OLD))
    work = pruner(desk, again)
    assert begun(desk, work) is not None
    said = work.finish(NOON)
    assert said is not None
    assert said.minimum == 1280
    assert said.totals.missing == 1, "what was missing before stays counted"
    assert fsck(desk.storage, again.verifier).sound


@dataclass
class Dying:
    """The database, as long as the countdown lets write."""

    desk: Desk
    countdown: Countdown

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.countdown.tick()
        with self.desk.database.write() as session:
            yield session
            self.countdown.tick()

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self.desk.database.read() as session:
            yield session


STEPS = 21
"""Of a pruning of two tiles: writes of files, beginnings and ends of transactions."""


@pytest.mark.parametrize("survived", range(STEPS + 1))
def test_killed_anywhere_it_is_sound_and_gone_on_with(
    desk: Desk, survived: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prunerows, "_CHUNK", 256)
    # Given a pruning that dies after some of its steps,
    log, entries = grown(desk)
    countdown = Countdown(survived)
    dying = pruner(
        desk,
        desk.log(storage=BreakingStorage(desk.storage, countdown)),
        storage=BreakingStorage(desk.storage, countdown),
        sessions=Dying(desk, countdown),
    )
    try:
        begun(desk, dying)
        dying.finish(NOON)
        died = False
    except Died:
        died = True
    assert died is (survived < STEPS), f"the steps are {countdown.counted} now"

    # when another process starts, then nothing is wrong with what is there,
    log = desk.started()
    with desk.database.read() as session:
        assert log.audit(session).findings == ()
    assert fsck(desk.storage, log.verifier).wrong == ()
    # and whoever comes next does what is left, if anything was said.
    work = pruner(desk, log)
    if planned(desk).minimum == 0:
        with desk.database.read() as session:
            last = prunerows.last(session, desk.tenant)
        if last is None:
            begun(desk, work)
    work.finish(NOON)
    assert work.finish(NOON) is None
    expect_sound(desk, log, pruned=512)
    assert count(desk, "log_entry WHERE idx < 512") == 0
    assert count(desk, "log_pruning") == 1
    with desk.database.read() as session:
        log.proof(session, entries[512].leaf_hash)


def test_in_strict_mode_it_waits_for_the_witnesses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a log whose witnesses have not answered
    log, _ = grown(desk)
    work = pruner(desk, log)
    begun(desk, work)
    with monkeypatch.context() as strict:
        strict.setattr(log, "vouched", lambda *_: None)

        # Then nothing goes, and no file says that it did,
        with pytest.raises(EntryUnpublished):
            work.finish(NOON)
        assert count(desk, "log_entry WHERE idx < 512") == 512
        assert published(desk.storage, log.verifier) is None
        expect_sound(desk, log, pruned=None)

    # until they have.
    assert work.finish(NOON) is not None
    expect_sound(desk, log, pruned=512)


def test_nothing_goes_before_everybody_is_shown_the_entry(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = grown(desk)
    work = pruner(desk, log)
    begun(desk, work)
    log.publish(now=NOON)
    old = Checkpoint.sign(log.verifier.name, 800, bytes(32), desk.key)
    monkeypatch.setattr("audit.files.current", lambda *_: old)

    with pytest.raises(EntryUnpublished):
        work.finish(NOON)
    assert published(desk.storage, log.verifier) is None


# What holds it


def test_the_first_that_is_needed_holds_all_that_come_after(desk: Desk) -> None:
    _, entries = grown(desk)

    made = planned(
        desk,
        Need("late", [entries[599].leaf_hash, entries[700].leaf_hash]),
        Need("none", []),
        Need("people", [entries[300].leaf_hash, entries[301].leaf_hash]),
    )

    assert made.goal == 256
    assert made.held == (Held("people", 2, 300), Held("late", 1, 599))


def test_a_need_may_be_a_query(desk: Desk) -> None:
    grown(desk)
    query: Any = select(EntryRow.leaf_hash).where(EntryRow.idx == 77)

    assert planned(desk, Need("people", query)).goal == 0


def test_who_stays_holds_what_it_refers_to_and_so_on(desk: Desk) -> None:
    # Given an old chain that a young entry, and one that has no place yet, end
    log = desk.started()
    with desk.database.write() as session:
        entries = [desk.ledger.append(session, a_fact(number), OLD) for number in range(300)]
        first = desk.ledger.append(
            session, Fact("Old", (Part(ANNA, Seal.EVID, {}),), (entries[270].leaf_hash,)), OLD
        )
        entries += [desk.ledger.append(session, a_fact(number), OLD) for number in range(300)]
    log.publish(now=OLD)
    assert planned(desk).goal == 512
    with desk.database.write() as session:
        desk.ledger.append(session, Fact("Late", (Part(ANNA, Seal.EVID, {}),), (first.leaf_hash,)), NOON)

    # Then the whole of it is held, before it is published and after.
    assert planned(desk).goal == 256
    log.publish(now=NOON)
    made = planned(desk)
    assert (made.goal, made.held) == (256, (Held(FOLLOWED, 2, 270),))
    # What is needed for another reason holds what it refers to as well.
    made = planned(desk, Need("one", [first.leaf_hash]))
    assert made.held == (Held(FOLLOWED, 1, 270), Held("one", 1, 300))


def test_nothing_goes_that_is_young_or_that_nobody_was_shown(desk: Desk) -> None:
    grown(desk, old=255)
    assert planned(desk).goal == 0
    assert planned(desk, shown=200).reach == 200


def test_what_comes_between_plan_and_deed_holds_it(desk: Desk) -> None:
    log, entries = grown(desk)
    work, made = pruner(desk, log), planned(desk)

    # When somebody is held, or refers to what would go, after the plan was made
    needs = [Need("hold", [entries[3].leaf_hash])]
    with desk.database.write() as session:
        assert work.begin(session, made, needs, Totals(), OLD, now=NOON) is None
    with desk.database.write() as session:
        desk.ledger.append(session, Fact("Late", (Part(ANNA, Seal.EVID, {}),), (entries[5].leaf_hash,)), NOON)
    with desk.database.write() as session:
        assert work.begin(session, made, [], Totals(), OLD, now=NOON) is None

    # Then nothing is begun.
    assert work.finish(NOON) is None
    assert count(desk, "log_pruning") == 0
    log.publish(now=NOON)
    expect_sound(desk, log, pruned=None)


def test_two_do_not_prune_at_once(desk: Desk) -> None:
    log, _ = grown(desk)
    work, made = pruner(desk, log), planned(desk)
    begun(desk, work)

    with pytest.raises(PruningUnderWay), desk.database.write() as session:
        work.begin(session, made, [], Totals(), OLD, now=NOON)
    work.finish(NOON)
    with pytest.raises(PruningUnderWay), desk.database.write() as session:
        work.begin(session, made, [], Totals(), OLD, now=NOON)


# What is missing without having been pruned


def test_what_is_missing_from_the_minimum_on_is_a_fault(desk: Desk) -> None:
    log, _ = grown(desk)
    prune(desk, log)

    (desk.folder / desk.tenant / "log" / "tile/entries/002").unlink()

    with desk.database.read() as session:
        assert Finding(Copy.BUNDLE_FILE, 512) in log.audit(session).findings
    assert [one.path for one in fsck(desk.storage, log.verifier).wrong] == ["tile/entries/002"]


def test_without_a_published_entry_missing_is_missing(desk: Desk) -> None:
    log, _ = grown(desk)
    folder = desk.folder / desk.tenant / "log"
    for path in ("tile/entries/000", "tile/0/000"):
        (folder / path).unlink()

    assert {"tile/entries/000", "tile/0/000"} <= {one.path for one in fsck(desk.storage, log.verifier).wrong}
    # A row that says so, without the entry, hides nothing.
    desk.sql("DELETE FROM log_sealed")
    desk.sql("DELETE FROM log_entry WHERE idx < 256")
    with desk.database.write() as session:
        prunerows.add(session, desk.tenant, Pruning(256, "ab" * 32, NOON, shown=True, done=True))
    with desk.database.read() as session:
        found = log.audit(session).findings
    assert Finding(Copy.PRUNED, 256) in found
    assert Finding(Copy.ENTRY, 0) in found


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\x00"])
def test_a_damaged_receipt_is_no_pruning_and_is_put_back(desk: Desk, data: bytes) -> None:
    log, _ = grown(desk)
    said = prune(desk, log)
    desk.storage.replace(PATH, data)

    with pytest.raises(PruningUnproven):
        published(desk.storage, log.verifier)
    assert PATH in {one.path for one in fsck(desk.storage, log.verifier).wrong}
    with desk.database.read() as session:
        assert Copy.PRUNED in {one.copy for one in log.audit(session).findings}
    with pytest.raises(PruningUnproven):
        export(desk.storage, PosixStorage(desk.folder / "copy"), log.verifier)

    assert pruner(desk, log).finish(NOON) is None
    assert published(desk.storage, log.verifier) == said
    expect_sound(desk, log, pruned=512)


def test_a_receipt_of_anything_else_or_of_another_log_says_nothing(desk: Desk, tmp_path: Path) -> None:
    log, _ = grown(desk)
    prune(desk, log)
    data = desk.storage.get(PATH) or b""

    # Of an entry of another kind, which says what a pruning does,
    work = pruner(desk, log)
    written = desk.write(Fact("Other", (Part(STUDIO, Seal.EVID, {"minimum": 256}),)))[0]
    log.publish(now=NOON)
    with desk.database.read() as session:
        fake = work._receipt(session, Pruning(256, written.leaf_hash, NOON, shown=True, done=True))
    desk.storage.replace(PATH, fake)
    with pytest.raises(PruningUnproven, match="another kind"):
        published(desk.storage, log.verifier)
    # and of a log of the same key that never had it.
    second = Desk(desk.database, tmp_path / "second", tenant="other", key=desk.key)
    theirs, _ = grown(second)
    second.storage.replace(PATH, data)
    assert (PATH, "the log has no such entry") in {
        (one.path, one.what) for one in fsck(second.storage, theirs.verifier).wrong
    }


@pytest.mark.parametrize("minimum", [0, 1, 100, 1024, -256, True, "256"])
def test_a_minimum_that_no_log_may_have_is_refused(desk: Desk, minimum: Any) -> None:
    log, _ = grown(desk)
    said = {"minimum": minimum, "before": "b", "last": "l", "missing": 0, "erased": 0, "lost": 0}
    entry = desk.write(Fact("LogPruned", (Part(STUDIO, Seal.EVID, said),)))[0]
    log.publish(now=NOON)
    with desk.database.read() as session:
        data = pruner(desk, log)._receipt(session, Pruning(256, entry.leaf_hash, NOON, shown=True, done=True))
    desk.storage.replace(PATH, data)

    with pytest.raises(PruningUnproven):
        published(desk.storage, log.verifier)


def test_a_changed_hash_that_stands_for_what_went_is_seen(desk: Desk) -> None:
    log, _ = grown(desk)
    prune(desk, log)
    path = Tile(1, 0, 3).path
    data = bytearray(desk.storage.get(path) or b"")
    data[5] ^= 1
    desk.storage.replace(path, bytes(data))

    assert not fsck(desk.storage, log.verifier).sound
    desk.sql("UPDATE log_tile SET data = ? WHERE level = 0 AND n = 1", bytes(8192))
    with desk.database.read() as session:
        found = log.audit(session).findings
    assert {Copy.TILE, Copy.TILE_FILE, Copy.CHECKPOINT} <= {one.copy for one in found}


# What it came to


def test_what_was_missing_of_what_went_is_carried(desk: Desk) -> None:
    log, entries = grown(desk)
    for entry in (entries[3], entries[4], entries[700]):
        desk.sql("DELETE FROM log_sealed WHERE leaf_hash = ?", entry.leaf_hash)

    said = prune(desk, log)

    with desk.database.read() as session:
        replay = log.audit(session)
    assert (said.totals.missing, replay.unopenable) == (2, 1)
    assert replay.pruned is not None
    assert replay.pruned.totals.missing == 2
    assert said.last == "2025-10-18T12:00:00.000000Z"


# An older database


@pytest.mark.parametrize("size", [600, 800])
def test_an_older_database_is_refused_and_recovered_without_what_was_pruned(desk: Desk, size: int) -> None:
    # Given a copy of the database from before the pruning
    log = desk.started()
    with desk.database.write() as session:
        for number in range(600):
            desk.ledger.append(session, a_fact(number), OLD)
    log.publish(now=OLD)
    copy = snapshot(desk) if size == 600 else {}
    desk.write_many(200)
    log.publish(now=NOON)
    copy = copy or snapshot(desk)
    prune(desk, log)
    desk.write_many(40)
    log.publish(now=NOON)

    # When it is put back, then it is refused,
    put_back(desk, copy)
    with pytest.raises(ConsentryError) as refused:
        desk.started()
    assert refused.value.code == "LOG_BEHIND"
    # and once it is recovered from the files it begins where they do, as soon as somebody goes on.
    with desk.database.write() as session:
        lease.lock(session, desk.tenant)
        rows = TreeRows(desk.tenant, log.verifier, session)
        restored = recovery.restore(rows, desk.storage, desk.head.read(), desk.key, NOON)
    assert restored.held == size
    assert restored.read_back == 841 - size
    log = desk.started()
    assert desk.storage.get("tile/entries/000") is None, "not written out of the older rows"
    assert pruner(desk, log).finish(NOON) is not None
    assert count(desk, "log_entry WHERE idx < 512") == 0
    expect_sound(desk, log, pruned=512)


def test_a_database_from_before_what_is_left_cannot_be_recovered(desk: Desk) -> None:
    log = desk.started()
    with desk.database.write() as session:
        for number in range(100):
            desk.ledger.append(session, a_fact(number), OLD)
    log.publish(now=OLD)
    copy = snapshot(desk)
    with desk.database.write() as session:
        for number in range(500):
            desk.ledger.append(session, a_fact(number), OLD)
    log.publish(now=OLD)
    desk.write_many(10)
    log.publish(now=NOON)
    prune(desk, log)
    put_back(desk, copy)

    with desk.database.write() as session:
        rows = TreeRows(desk.tenant, log.verifier, session)
        with pytest.raises(recovery.Unrecoverable):
            recovery.restore(rows, desk.storage, desk.head.read(), desk.key, NOON)


_TABLES = ("log_entry", "log_sealed", "log_tile", "log_checkpoint", "log_pruning")


def snapshot(desk: Desk) -> dict[str, list[dict[str, Any]]]:
    with desk.database.read() as session:
        tables = SQLModel.metadata.tables
        run = session.connection().execute
        return {name: [dict(row) for row in run(tables[name].select()).mappings()] for name in _TABLES}


def put_back(desk: Desk, copy: dict[str, list[dict[str, Any]]]) -> None:
    tables = SQLModel.metadata.tables
    with desk.database.write() as session:
        for name in ("log_sealed", *_TABLES):
            session.connection().execute(tables[name].delete())
        for name in _TABLES:
            if copy[name]:
                session.connection().execute(tables[name].insert(), copy[name])


def test_the_tree_of_a_pruned_log_is_the_tree_as_it_was(desk: Desk) -> None:
    log, entries = grown(desk)
    prune(desk, log)

    with desk.database.read() as session:
        nodes = TreeRows(desk.tenant, log.verifier, session).nodes()
        whole = tree.nodes_of([bytes.fromhex(entry.leaf_hash) for entry in entries])
        for size in (1, 255, 512, 513, 800):
            assert tree.range_root(nodes, 0, size) == tree.range_root(whole, 0, size)
