"""Who edits one copy is named by the others."""

from collections.abc import Callable

import pytest

from audit.checkpoint import Checkpoint
from audit.head import TreeHead
from audit.log import Log
from audit.replay import Copy, Finding
from audit.tile import encode_bundle
from logbook import NOON, ORIGIN, BreakingStorage, Countdown, Desk, Died, MemoryStorage


class BusyStorage(MemoryStorage):
    """Of a log that goes on beside its reader: once, after he has asked for a file."""

    def __init__(self) -> None:
        super().__init__()
        self.after: dict[str, Callable[[], object]] = {}

    def get(self, path: str) -> bytes | None:
        data = super().get(path)
        self.after.pop(path, lambda: None)()
        return data


@pytest.fixture
def storage() -> BusyStorage:
    return BusyStorage()


@pytest.fixture
def log(desk: Desk, storage: BusyStorage) -> Log:
    """600 entries under three checkpoints: 100, 300, 600."""
    log = desk.log(storage=storage)
    log.start()
    for count in (100, 200, 300):
        desk.write_many(count)
        log.publish(now=NOON)
    return log


def findings(desk: Desk, log: Log) -> set[Finding]:
    with desk.database.read() as session:
        outcome = log.audit(session)
    assert outcome.sound is not bool(outcome.findings)
    return set(outcome.findings)


def test_a_log_nobody_touched_is_sound(desk: Desk, log: Log) -> None:
    with desk.database.read() as session:
        outcome = log.audit(session)
        latest = log.latest(session)

    assert latest
    assert (outcome.sound, outcome.size, outcome.root) == (True, 600, latest.root)


def test_a_log_without_entries_is_sound(desk: Desk, storage: MemoryStorage) -> None:
    log = desk.log(storage=storage)
    log.start()
    assert findings(desk, log) == set()

    log.publish(now=NOON)
    assert findings(desk, log) == set()


@pytest.mark.parametrize("index", [0, 255, 256, 599])
def test_an_edited_row_is_named_and_so_is_the_signed_root_it_betrays(
    desk: Desk, log: Log, index: int
) -> None:
    desk.sql("UPDATE log_entry SET leaf = ? WHERE idx = ?", b'{"edited":true}', index)

    found = findings(desk, log)

    assert {each.index for each in found if each.copy is Copy.ENTRY} == {index}
    last_good = {0: 0, 255: 100, 256: 100, 599: 300}[index]
    assert {each.index for each in found if each.copy is Copy.CHECKPOINT} == {last_good}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log_entry SET eid = '00000000000000000000000000000000'",
        "UPDATE log_entry SET at = '2020-01-01T00:00:00.000000Z'",
        "UPDATE log_entry SET leaf_hash = 'x'",
    ],
)
def test_a_column_that_says_otherwise_than_its_leaf_is_named(desk: Desk, log: Log, change: str) -> None:
    desk.sql("DELETE FROM log_sealed")  # it refers to the leaf's hash
    desk.sql(f"{change} WHERE idx = 42")

    assert findings(desk, log) == {Finding(Copy.ENTRY, 42)}


def test_a_missing_row_is_named(desk: Desk, log: Log) -> None:
    desk.sql("DELETE FROM log_sealed")
    desk.sql("DELETE FROM log_entry WHERE idx = 77")

    assert findings(desk, log) == {Finding(Copy.ENTRY, 77)}


def test_an_edited_ciphertext_is_named_and_an_erased_one_is_not(desk: Desk, log: Log) -> None:
    with desk.database.read() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT leaf_hash FROM log_entry WHERE idx < 9 ORDER BY idx"
        )
        hashes = [leaf_hash for (leaf_hash,) in rows]
    desk.sql("DELETE FROM log_sealed WHERE leaf_hash = ?", hashes[7])
    desk.sql("UPDATE log_sealed SET ciphertext = ? WHERE leaf_hash = ?", b"edited", hashes[8])

    assert findings(desk, log) == {Finding(Copy.SEALED, 8)}


def test_an_edited_tile_row_is_named(desk: Desk, log: Log) -> None:
    with desk.database.read() as session:
        data = (
            session.connection()
            .exec_driver_sql("SELECT data FROM log_tile WHERE level = 0 AND n = 1")
            .scalar_one()
        )
    desk.sql("UPDATE log_tile SET data = ? WHERE level = 0 AND n = 1", data[:320] + bytes(32) + data[352:])

    assert findings(desk, log) == {Finding(Copy.TILE, 256 + 10)}


def test_an_edited_tile_root_is_named(desk: Desk, log: Log) -> None:
    desk.sql("UPDATE log_tile SET root = ? WHERE level = 0 AND n = 1", bytes(32))

    found = findings(desk, log)

    assert Finding(Copy.TILE, 256) in found


@pytest.mark.parametrize(("path", "first"), [("tile/0/000", 0), ("tile/0/002.p/88", 512)])
def test_an_edited_tile_file_is_named(
    desk: Desk, log: Log, storage: MemoryStorage, path: str, first: int
) -> None:
    data = storage.files[path]
    storage.files[path] = data[:64] + bytes(32) + data[96:]

    assert findings(desk, log) == {Finding(Copy.TILE_FILE, first + 2)}


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/88"])
def test_a_missing_or_cut_tile_file_is_named(desk: Desk, log: Log, storage: MemoryStorage, path: str) -> None:
    data = storage.files.pop(path)
    assert Copy.TILE_FILE in {each.copy for each in findings(desk, log)}

    storage.files[path] = data[:-1]
    assert {each.copy for each in findings(desk, log)} == {Copy.TILE_FILE}


def test_an_edited_tile_above_the_entries_is_named(desk: Desk, log: Log, storage: MemoryStorage) -> None:
    storage.files["tile/1/000.p/2"] = bytes(64)

    assert findings(desk, log) == {Finding(Copy.TILE_FILE, 0)}


def test_an_edited_cut_or_missing_bundle_is_named(desk: Desk, log: Log, storage: MemoryStorage) -> None:
    data = storage.files["tile/entries/001"]
    with desk.database.read() as session:
        rows = session.connection().exec_driver_sql(
            "SELECT leaf FROM log_entry WHERE idx >= 256 AND idx < 512 ORDER BY idx"
        )
        leaves = [bytes(leaf) for (leaf,) in rows]

    storage.files["tile/entries/001"] = encode_bundle([*leaves[:9], b"edited", *leaves[10:]])
    assert findings(desk, log) == {Finding(Copy.BUNDLE_FILE, 256 + 9)}
    for broken in (data[:-1], b""):
        storage.files["tile/entries/001"] = broken
        assert findings(desk, log) == {Finding(Copy.BUNDLE_FILE, 256)}


def test_who_edits_every_copy_is_betrayed_by_what_was_signed(desk: Desk, log: Log) -> None:
    # Given an intruder who writes another tree over rows and files alike,
    desk.sql("DELETE FROM log_sealed")
    desk.sql("DELETE FROM log_tile")
    desk.sql("DELETE FROM log_entry WHERE idx = 150")
    forged = MemoryStorage()
    other = desk.log(storage=forged)

    # then the first signed root that is missed says between which entries.
    found = findings(desk, other)

    assert Finding(Copy.CHECKPOINT, 100) in found
    assert {each.index for each in found if each.copy is Copy.CHECKPOINT} == {100}


def test_a_forged_checkpoint_row_is_named(desk: Desk, log: Log) -> None:
    desk.sql("UPDATE log_checkpoint SET note = 'strange' WHERE size = 300")
    assert findings(desk, log) == {Finding(Copy.CHECKPOINT, 300)}

    # Signed, but by us for another size.
    note = Checkpoint.sign(ORIGIN, 299, b"f" * 32, desk.key).text
    desk.sql("UPDATE log_checkpoint SET note = ? WHERE size = 300", note)
    assert findings(desk, log) == {Finding(Copy.CHECKPOINT, 300)}


def test_a_head_that_says_otherwise_is_named(desk: Desk, log: Log) -> None:
    old = desk.head.read()
    desk.head.advance(old, TreeHead(600, "f" * 64))
    assert findings(desk, log) == {Finding(Copy.HEAD, 600)}

    desk.head.advance(desk.head.read(), TreeHead(601, "f" * 64))
    assert findings(desk, log) == {Finding(Copy.HEAD, 600)}

    (desk.folder / "studio" / "guard" / "head").unlink()
    assert findings(desk, log) == {Finding(Copy.HEAD, 600)}


def grows(desk: Desk, log: Log, count: int) -> None:
    desk.write_many(count)
    log.publish(now=NOON)


def signs(desk: Desk, storage: MemoryStorage, count: int) -> None:
    """A process that dies before it has written a file."""
    with pytest.raises(Died):
        grows(desk, desk.log(storage=BreakingStorage(storage, Countdown(0))), count)


def test_partial_tiles_that_a_log_drops_meanwhile_are_read_in_the_full_ones(
    desk: Desk, log: Log, storage: BusyStorage
) -> None:
    # Given a log that passes a multiple of 256 while it is read, and its next level too,
    def goes_on() -> None:
        grows(desk, log, 200)
        storage.files["tile/1/000"] = storage.files.pop("tile/1/000.p/2") + bytes(254 * 32)

    storage.after["tile/0/000"] = goes_on

    # then what was to be read is found,
    with desk.database.read() as session:
        outcome = log.audit(session)
    assert (outcome.findings, outcome.size) == ((), 600)
    assert not storage.after
    assert "tile/0/002.p/88" not in storage.files


@pytest.mark.parametrize("count", [10, 200])
def test_what_is_signed_and_not_written_yet_is_not_missing(
    desk: Desk, log: Log, storage: BusyStorage, count: int
) -> None:
    signs(desk, storage, count)
    assert findings(desk, log) == set()

    # Also if it is written, and more, between two looks at the last block.
    storage.after["tile/0/002"] = lambda: grows(desk, log, 300)
    with desk.database.read() as session:
        outcome = log.audit(session)
    assert (outcome.findings, outcome.size) == ((), 600 + count)
    assert not storage.after


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("tile/0/002.p/88", {Finding(Copy.TILE_FILE, index) for index in range(512, 600)}),
        ("tile/entries/002.p/88", {Finding(Copy.BUNDLE_FILE, 512)}),
        ("tile/1/000.p/2", {Finding(Copy.TILE_FILE, 0)}),
    ],
)
def test_beside_what_is_not_written_yet_a_file_that_was_is_missed(
    desk: Desk, log: Log, storage: BusyStorage, path: str, found: set[Finding]
) -> None:
    signs(desk, storage, 200)

    del storage.files[path]

    assert findings(desk, log) == found


@pytest.mark.parametrize("path", ["tile/0/003.p/32", "tile/entries/003.p/32", "tile/1/000.p/3"])
def test_a_file_of_the_last_entries_is_excused_only_until_they_are_published(
    desk: Desk, log: Log, storage: BusyStorage, path: str
) -> None:
    # Somebody else's in its place is none.
    signs(desk, storage, 200)
    storage.files[path] = b"other"
    assert findings(desk, log) != set()

    del storage.files[path]
    log.publish(now=NOON)
    assert findings(desk, log) == set()
    del storage.files[path]
    assert findings(desk, log) != set()
