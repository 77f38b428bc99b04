import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from audit import tree
from audit.canonical import NotCanonical
from audit.durable import DiskFailed, DiskFull
from audit.fact import Fact, Part, Seal, Subject
from audit.kek import KekFile
from audit.keystore import KeyStore
from audit.kms import KekMismatch
from audit.leaf import Leaf, LeafMalformed
from audit.ledger import Ledger
from audit.sealing import SealBroken
from logbook import ANNA, BEA, NOON, STUDIO, Desk, a_fact, a_full_disk


def test_an_entry_is_a_leaf_that_names_nobody_and_opens_for_its_subjects(desk: Desk) -> None:
    # Given a fact about two people and an earlier entry,
    (earlier,) = desk.write(a_fact())
    fact = Fact(
        "RunStarted",
        (Part(ANNA, Seal.EVID, {"role": "performer"}), Part(BEA, Seal.OPS, {"role": "donor"})),
        refs=(earlier.leaf_hash,),
        checkpoint="c" * 64,
    )

    (entry,) = desk.write(fact)

    # then the leaf carries what is public and nothing else,
    leaf = Leaf.parse(entry.leaf)
    assert (leaf.t, leaf.ts, leaf.eid) == ("RunStarted", "2026-11-22T12:00Z", entry.eid)
    assert (leaf.ref, leaf.cp, len(leaf.parts)) == ((earlier.leaf_hash,), "c" * 64, 2)
    assert tree.leaf_hash(entry.leaf).hex() == entry.leaf_hash
    assert not any(secret in entry.leaf.decode() for secret in (ANNA.id, BEA.id, "performer"))

    # and each reads her own part.
    with desk.database.read() as session:
        assert desk.ledger.opened(session, entry.leaf_hash, ANNA) == {"role": "performer"}
        assert desk.ledger.opened(session, entry.leaf_hash, BEA) == {"role": "donor"}
        assert desk.ledger.opened(session, entry.leaf_hash, STUDIO) is None
        assert desk.ledger.find(session, entry.leaf_hash) == entry


def test_an_entry_lives_and_dies_with_the_transaction_of_its_fact(desk: Desk) -> None:
    entries = []

    def fail() -> None:
        with desk.database.write() as session:
            entries.append(desk.ledger.append(session, a_fact(), NOON))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with desk.database.read() as session:
        assert desk.ledger.find(session, entries[0].leaf_hash) is None


def test_what_is_read_through_a_read_session_can_not_be_written(desk: Desk) -> None:
    with desk.database.read() as session, pytest.raises(Exception, match=r"(?i)read.?only"):
        desk.ledger.append(session, a_fact(), NOON)


def test_one_person_may_have_detail_and_proof_in_one_entry(desk: Desk) -> None:
    fact = Fact("Decided", (Part(ANNA, Seal.OPS, {"d": 1}), Part(ANNA, Seal.EVID, {"p": 1})))

    (entry,) = desk.write(fact)

    with desk.database.read() as session:
        found = desk.ledger.openings(session, entry.leaf_hash, ANNA)
        assert [(each.seal, each.opening.payload) for each in found] == [
            (Seal.EVID, {"p": 1}),
            (Seal.OPS, {"d": 1}),
        ]
        assert desk.ledger.opened(session, entry.leaf_hash, ANNA) == {"p": 1}
        leaf = Leaf.parse(entry.leaf)
        assert all(each.opening.holds(leaf.parts[each.part]) for each in found)


@pytest.mark.parametrize(
    "fact",
    [
        Fact("Decided", ()),
        Fact("De cided", (Part(ANNA, Seal.EVID, {}),)),
        Fact("Decided", (Part(ANNA, Seal.EVID, {}), Part(ANNA, Seal.EVID, {"x": 1}))),
        Fact("Decided", (Part(ANNA, Seal.EVID, {}),), refs=("0",)),
        Fact("Decided", (Part(ANNA, Seal.EVID, {}),), checkpoint="latest"),
        Fact("Decided", tuple(Part(Subject("person", str(n)), Seal.EVID, {}) for n in range(400))),
    ],
)
def test_a_fact_that_can_not_be_an_entry_is_refused(desk: Desk, fact: Fact) -> None:
    with desk.database.write() as session, pytest.raises(LeafMalformed):
        desk.ledger.append(session, fact, NOON)


def test_a_score_has_no_place_in_an_entry(desk: Desk) -> None:
    with desk.database.write() as session, pytest.raises(NotCanonical):
        desk.ledger.append(session, Fact("Matched", (Part(ANNA, Seal.OPS, {"score": 0.51}),)), NOON)


def test_the_last_instant_is_the_latest_whether_placed_or_waiting(desk: Desk) -> None:
    log = desk.started()
    with desk.database.read() as session:
        assert desk.ledger.last_instant(session) is None

    later, latest = NOON + timedelta(microseconds=7), NOON + timedelta(seconds=9)
    desk.write(a_fact(1), at=later)
    log.publish(now=NOON)
    with desk.database.read() as session:
        assert desk.ledger.last_instant(session) == later

    desk.write(a_fact(2), at=latest)
    desk.write(a_fact(3), at=NOON)
    with desk.database.read() as session:
        assert desk.ledger.last_instant(session) == latest


def test_a_person_s_entries_are_found_by_her_key_and_by_nothing_else(desk: Desk) -> None:
    hers = desk.write(a_fact(1), a_fact(2))
    desk.write(a_fact(3, about=BEA))
    hers += desk.write(a_fact(4))

    with desk.database.read() as session:
        assert list(desk.ledger.entries_of(session, ANNA)) == hers
        assert list(desk.ledger.entries_of(session, STUDIO)) == []


def test_a_long_log_is_searched_to_its_end(desk: Desk) -> None:
    desk.write(a_fact(about=BEA))
    desk.write_many(1500)
    desk.write(a_fact(about=BEA))

    with desk.database.read() as session:
        assert len(list(desk.ledger.entries_of(session, BEA))) == 2
        assert len(list(desk.ledger.entries_of(session, ANNA))) == 1500


def test_tenants_share_tables_and_see_nothing_of_each_other(desk: Desk) -> None:
    rival = Desk(desk.database, desk.folder, tenant="rival")
    (mine,) = desk.write(a_fact(1))
    (theirs,) = rival.write(a_fact(2))

    with desk.database.read() as session:
        assert desk.ledger.find(session, theirs.leaf_hash) is None
        assert desk.ledger.opened(session, theirs.leaf_hash, ANNA) is None
        assert list(desk.ledger.entries_of(session, ANNA)) == [mine]
        assert desk.ledger.last_instant(session) == NOON


def test_a_ledger_does_not_take_another_tenant_s_keys(desk: Desk) -> None:
    with pytest.raises(KekMismatch):
        Ledger("rival", desk.keystore, os.urandom)


def test_an_edited_ciphertext_does_not_open(desk: Desk) -> None:
    (entry,) = desk.write(a_fact())
    desk.sql("UPDATE log_sealed SET ciphertext = ?", b"x" * 300)

    with desk.database.read() as session, pytest.raises(SealBroken):
        desk.ledger.opened(session, entry.leaf_hash, ANNA)


def test_an_erased_ciphertext_leaves_the_entry_sealed_for_ever(desk: Desk) -> None:
    (entry,) = desk.write(a_fact())
    desk.sql("DELETE FROM log_sealed")

    with desk.database.read() as session:
        assert desk.ledger.opened(session, entry.leaf_hash, ANNA) is None
        assert desk.ledger.find(session, entry.leaf_hash) == entry


def test_keys_that_can_not_be_stored_leave_no_entry(desk: Desk, tmp_path: Path) -> None:
    desk.write(a_fact())

    # Given room in the database and none beside it,
    def append() -> None:
        with desk.database.write() as session, a_full_disk():
            desk.ledger.append(session, a_fact(about=BEA), NOON)

    with pytest.raises((DiskFull, DiskFailed)):
        append()

    # then nothing about her was written, and the next process can.
    with desk.database.read() as session:
        assert list(desk.ledger.entries_of(session, BEA)) == []
    home = desk.folder / "studio"
    with closing(KeyStore(home / "keys.db", KekFile(home / "kek"), "studio", desk.entropy)) as store:
        ledger = Ledger("studio", store, desk.entropy)
        with desk.database.write() as session:
            assert ledger.append(session, a_fact(about=BEA), NOON)
