"""A log of three levels of tiles: 65,536 entries and some."""

from hashlib import sha256

from sqlalchemy import Table, insert

from audit import tree
from audit.head import TreeHead
from audit.proof import Proof
from audit.replay import Copy, Finding
from audit.tables import EntryRow
from logbook import NOON, Desk, MemoryStorage

SIZE = 65_536 + 300


def leaf(number: int) -> tuple[str, bytes]:
    eid = sha256(b"%d" % number).hexdigest()[:32]
    return eid, f'{{"eid":"{eid}","ts":"2026-11-22T12:00Z"}}'.encode()


def test_a_log_of_three_levels_grows_proves_replays_and_recovers(desk: Desk) -> None:
    # Given more entries than two levels of tiles hold, written as a restored copy would be,
    table: Table = EntryRow.__table__  # type: ignore[attr-defined]
    entries = [leaf(number) for number in range(SIZE)]
    hashes = [tree.leaf_hash(data) for _, data in entries]
    rows = [
        {"tenant_id": "studio", "eid": eid, "leaf": data, "leaf_hash": h.hex(), "at": NOON}
        for (eid, data), h in zip(entries, hashes, strict=True)
    ]
    with desk.database.write() as session:
        session.connection().execute(insert(table), rows)
    storage = MemoryStorage()
    log = desk.log(storage=storage, batch=SIZE + 1)
    log.start()

    # when they are published,
    checkpoint = log.publish(now=NOON)

    # then the root is the specification's, and proofs reach through all levels,
    assert checkpoint.root == tree.root(hashes).hex()
    assert len(storage.files["tile/1/000"]) == 8192
    assert storage.files["tile/2/000.p/1"] == tree.root(hashes[:65_536])
    with desk.database.read() as session:
        for index in (0, 255, 65_535, 65_536, SIZE - 1):
            proof = Proof.parse(log.proof(session, hashes[index].hex()))
            assert proof.check(entries[index][1], log.verifier) == checkpoint
        assert log.audit(session).findings == ()

    # lost files come back from rows,
    elsewhere = MemoryStorage()
    desk.log(storage=elsewhere).start()
    assert elsewhere.files == storage.files

    # and an edited tile of a higher level is found, as a row and as a file.
    storage.files["tile/1/000"] = bytes(8192)
    desk.sql("UPDATE log_tile SET root = ? WHERE level = 1", bytes(32))
    with desk.database.read() as session:
        found = set(log.audit(session).findings)
    assert {Finding(Copy.TILE_FILE, 0), Finding(Copy.TILE, 0)} <= found
    assert desk.head.read() == TreeHead(SIZE, checkpoint.root)
