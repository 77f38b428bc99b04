"""A database restored from an older copy has back what ended: the deny journal says that it had."""

import errno
import os
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from audit.durable import DiskFailed, DiskFull
from audit.journal import DenyJournal
from consent import signature
from consent.errors import KeyNotEnrolled
from consent.withdrawal import By, How
from service import erasing
from service.apikeys import ApiKeys, KeyRevoked, KeyRole
from service.backup import backup_keys
from service.endings import Again, Endings
from service.erasing import Anew
from service.layout import Layout
from service.mending import Mended, mend
from service.recovery import recover
from service.rowcheck.check import COVERED, check
from service.subject import SubjectRights
from service.wiring import Record
from setback import Place, opened, place, somebody_agrees

__all__ = ["place"]

BY = By(How.OPERATOR, "operator")
NOTHING = Again(0, 0, 0, 0)


def public(key: bytes) -> str:
    return signature.sign(key, b"").key


def her(record: Record, authorization: str) -> str:
    with record.database.read() as session:
        return record.registry.standings(session, "default", [authorization], now=record.clock(), lock=None)[
            authorization
        ].person


def sound(record: Record) -> None:
    record.log.publish(now=record.clock())
    with record.database.read() as session:
        assert record.log.audit(session).sound


def damage(place: Place, person: str) -> None:
    """A bit of what wraps her evidence key flips."""
    with closing(sqlite3.connect(Layout.of(place.settings).keystore, isolation_level=None)) as disk:
        (wrapped,) = disk.execute("SELECT link FROM subject WHERE id = ?", (person,)).fetchone()
        spoilt = bytes([*wrapped[:15], wrapped[15] ^ 1, *wrapped[16:]])
        disk.execute("UPDATE subject SET link = ? WHERE id = ?", (spoilt, person))


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def rows_agree(place: Place, noon: datetime, only: Collection[str] = COVERED) -> None:
    record = opened(place, noon)
    try:
        with record.database.read() as session:
            assert check(session, record, only=only).differs == ()
    finally:
        record.close()


def since_a_copy(
    place: Place, noon: datetime, act: Callable[[Record, str, bytes], None]
) -> tuple[str, bytes]:
    """Somebody agrees, a copy is taken, something is done, and the copy is put back: who, and her key."""
    record = opened(place, noon)
    granted, key = somebody_agrees(record, noon)
    person = her(record, granted.authorization)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    act(record, person, key)
    record.log.publish(now=noon)
    record.close()
    put_back()
    return person, key


def test_keys_of_people_that_ended_since_are_not_taken_again(place: Place, noon: datetime) -> None:
    # Given a copy from before somebody said that her key was stolen
    def stolen(record: Record, person: str, key: bytes) -> None:
        with record.database.write() as session:
            record.registry.people.retire_key(session, person, public(key), by="x", now=noon)

    person, key = since_a_copy(place, noon, stolen)

    # When it is recovered
    assert recover(place.settings, noon).again == Again(1, 0, 0, 0)

    # Then the thief has no key of hers, the log says so again, and doing it again changes nothing.
    record = opened(place, noon)
    with record.database.write() as session:
        assert [one.until for one in record.registry.people.keys(session, person)] == [noon]
        with pytest.raises(KeyNotEnrolled):
            record.registry.people.retire_key(session, person, public(key), by="x", now=noon)
    sound(record)
    record.close()
    assert recover(place.settings, noon).again == NOTHING
    rows_agree(place, noon)


def test_what_could_not_be_ended_for_damaged_keys_ends_once_they_are_mended(
    place: Place, noon: datetime, tmp_path: Path
) -> None:
    # Given a recovery that could not say that her key had ended, for hers in the key store did not open
    def stolen(record: Record, person: str, key: bytes) -> None:
        with record.database.write() as session:
            record.registry.people.retire_key(session, person, public(key), by="x", now=noon)

    person, _ = since_a_copy(place, noon, stolen)
    backup_keys(place.settings, tmp_path / "keys", noon)
    damage(place, person)
    assert recover(place.settings, noon).again == Again(0, 0, 0, 1)

    # When they are mended, by somebody who dies before the rest, and again
    record = opened(place, noon)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Endings, "again", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mend(record, tmp_path / "keys")
    assert mend(record, tmp_path / "keys") == Mended(0, Again(1, 0, 0, 0), Anew((), ()))

    # Then it has ended.
    with record.database.read() as session:
        assert [one.until for one in record.registry.people.keys(session, person)] == [noon]
    sound(record)
    record.close()
    rows_agree(place, noon)


def test_damaged_keys_of_one_keep_nobody_else_from_being_erased_or_held(
    place: Place, noon: datetime, tmp_path: Path
) -> None:
    # Given three who are held and had themselves erased since the copy, and an API key for the first
    record = opened(place, noon)
    people = sorted(her(record, somebody_agrees(record, noon)[0].authorization) for _ in range(3))
    keys = ApiKeys(record.ledger, os.urandom)
    with record.database.write() as session:
        token = keys.issue(session, KeyRole.CREATOR, "hers", now=noon, person=people[0])
    record.log.publish(now=noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    with record.database.write() as session:
        for person in people:
            SubjectRights(record).holds.place(session, person, by="counsel", order="a" * 64, now=noon)
        ApiKeys(record.ledger, os.urandom).revoke(session, token.key.id, by="x", now=noon)
    for person in people:
        erasing.erase(record, person, BY)
    record.log.publish(now=noon)
    record.close()
    backup_keys(place.settings, tmp_path / "keys", noon)
    put_back()
    damage(place, people[0])

    # When it is recovered
    again = recover(place.settings, noon).again

    # Then all are held, her API key is none, two are erased, and she is once her keys are mended.
    assert again == Again(2, 1, 3, 1)
    record = opened(place, noon)
    assert erasing.again(record, BY) == Anew(tuple(people[1:]), (people[0],))
    with record.database.read() as session:
        assert [len(SubjectRights(record).holds.of(session, person)) for person in people] == [1, 1, 1]
        with pytest.raises(KeyRevoked):
            ApiKeys(record.ledger, os.urandom).find(session, token.token, now=noon)
    rows_agree(place, noon, {"api_key", "legal_hold"})
    assert mend(record, tmp_path / "keys").erased == Anew((people[0],), ())
    sound(record)
    record.close()
    rows_agree(place, noon)


def test_api_keys_that_were_revoked_since_open_nothing(place: Place, noon: datetime) -> None:
    tokens: list[str] = []
    record = opened(place, noon)
    keys = ApiKeys(record.ledger, os.urandom)
    with record.database.write() as session:
        gone, stays = (keys.issue(session, KeyRole.OPERATOR, name, now=noon) for name in ("leaked", "in use"))
        tokens += gone.token, stays.token
    record.close()

    def leaked(record: Record, _person: str, _key: bytes) -> None:
        with record.database.write() as session:
            ApiKeys(record.ledger, os.urandom).revoke(session, gone.key.id, by="x", now=noon)

    since_a_copy(place, noon, leaked)

    assert recover(place.settings, noon).again == Again(0, 1, 0, 0)
    record = opened(place, noon)
    keys = ApiKeys(record.ledger, os.urandom)
    with record.database.read() as session:
        with pytest.raises(KeyRevoked):
            keys.find(session, tokens[0], now=noon)
        assert keys.find(session, tokens[1], now=noon).id == stays.key.id
    sound(record)
    record.close()
    rows_agree(place, noon)


def test_an_api_key_that_was_rotated_since_is_over_with_its_successor(place: Place, noon: datetime) -> None:
    record = opened(place, noon)
    with record.database.write() as session:
        before = ApiKeys(record.ledger, os.urandom).issue(session, KeyRole.OPERATOR, "x", now=noon)
    record.close()

    def rotated(record: Record, _person: str, _key: bytes) -> None:
        with record.database.write() as session:
            ApiKeys(record.ledger, os.urandom).rotate(session, before.key.id, now=noon)

    since_a_copy(place, noon, rotated)

    assert recover(place.settings, noon).again == Again(0, 1, 0, 0)
    rows_agree(place, noon)


def test_an_api_key_whose_successor_is_known_has_its_day_of_overlap(place: Place, noon: datetime) -> None:
    record = opened(place, noon)
    keys = ApiKeys(record.ledger, os.urandom)
    with record.database.write() as session:
        before = keys.issue(session, KeyRole.OPERATOR, "x", now=noon)
        keys.rotate(session, before.key.id, now=noon)
    record.log.publish(now=noon)
    record.close()

    assert recover(place.settings, noon).again == NOTHING
    record = opened(place, noon)
    with record.database.read() as session:
        assert ApiKeys(record.ledger, os.urandom).find(session, before.token, now=noon).id == before.key.id
    record.close()


def test_a_hold_counts_also_beside_one_that_nobody_heard_of(
    place: Place, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a hold of before this was written down, then a copy, then another
    record = opened(place, noon)
    granted, _ = somebody_agrees(record, noon)
    person = her(record, granted.authorization)
    holds = SubjectRights(record).holds
    with monkeypatch.context() as patch, record.database.write() as session:
        patch.setattr(DenyJournal, "append", lambda *_: None)
        holds.place(session, person, by="counsel", order="a" * 64, now=noon)
    record.log.publish(now=noon)
    record.close()
    put_back = place.copy()
    record = opened(place, noon)
    with record.database.write() as session:
        SubjectRights(record).holds.place(session, person, by="counsel", order="b" * 64, now=noon)
    record.log.publish(now=noon)
    record.close()
    put_back()

    assert recover(place.settings, noon).again == Again(0, 0, 1, 0)
    assert recover(place.settings, noon).again == NOTHING


def test_what_was_held_is_held_until_somebody_ends_it(place: Place, noon: datetime) -> None:
    # Given two holds on her since the copy, of which one has ended, and her wish to be erased
    def wanted(record: Record, person: str, _key: bytes) -> None:
        holds = SubjectRights(record).holds
        with record.database.write() as session:
            first, _ = (
                holds.place(session, person, by="counsel", order=letter * 64, now=noon) for letter in "ab"
            )
            holds.end(session, first.id, by="counsel", reason="settled", now=noon)
        erasing.erase(record, person, BY)

    person, _ = since_a_copy(place, noon, wanted)

    # When it is recovered, then both are back: which of them had ended went with the database
    assert recover(place.settings, noon).again == Again(1, 0, 2, 0)
    record = opened(place, noon)
    assert erasing.again(record, BY) == Anew((person,), ())
    assert erasing.again(record, BY) == Anew((), ())
    with record.database.read() as session:
        placed = SubjectRights(record).holds.of(session, person)
    assert [one.ended_at for one in placed] == [None, None]

    # And her keys go once nobody needs them.
    assert erasing.finish(record) == 0
    assert record.keystore.erased() == ()
    for one in placed:
        with record.database.write() as session:
            SubjectRights(record).holds.end(session, one.id, by="counsel", reason="settled", now=noon)
    erasing.finish(record)
    sound(record)
    record.close()
    assert recover(place.settings, noon).again == NOTHING
    rows_agree(place, noon)


def test_a_hold_that_was_placed_before_a_second_copy_is_not_placed_twice(
    place: Place, noon: datetime
) -> None:
    def held(record: Record, person: str, _key: bytes) -> None:
        with record.database.write() as session:
            SubjectRights(record).holds.place(session, person, by="counsel", order="a" * 64, now=noon)

    person, _ = since_a_copy(place, noon, held)
    assert recover(place.settings, noon).again == Again(0, 0, 1, 0)

    # When another comes, is forgotten, and recovered
    put_back = place.copy()
    record = opened(place, noon)
    held(record, person, b"")
    record.log.publish(now=noon)
    record.close()
    put_back()

    assert recover(place.settings, noon).again == Again(0, 0, 1, 0)
    record = opened(place, noon)
    with record.database.read() as session:
        assert len(SubjectRights(record).holds.of(session, person)) == 2
    record.close()


def test_an_end_that_the_journal_can_not_take_is_none(
    place: Place, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = opened(place, noon)
    granted, key = somebody_agrees(record, noon)
    person = her(record, granted.authorization)

    def full(*_: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(DenyJournal, "append", full)
    with pytest.raises(DiskFull), record.database.write() as session:
        record.registry.people.retire_key(session, person, public(key), by="x", now=noon)
    monkeypatch.undo()

    with record.database.read() as session:
        assert [one.until for one in record.registry.people.keys(session, person)] == [None]
    record.close()


def test_a_line_that_did_not_reach_the_disk_is_written_again(
    place: Place, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a first try whose fsync failed: the line is there to be read, and not on the disk
    record = opened(place, noon)
    granted, key = somebody_agrees(record, noon)
    person = her(record, granted.authorization)
    synced: list[int] = []

    def failing(_descriptor: int) -> None:
        raise OSError(errno.EIO, "no")

    def retire() -> None:
        with record.database.write() as session:
            record.registry.people.retire_key(session, person, public(key), by="x", now=noon)

    with monkeypatch.context() as patch:
        patch.setattr("audit.journal.os.fsync", failing)
        with pytest.raises(DiskFailed):
            retire()

    # When it is tried again
    fsync = os.fsync
    monkeypatch.setattr("audit.journal.os.fsync", lambda fd: synced.append(fd) or fsync(fd))
    size = record.layout.journal.stat().st_size
    retire()

    # Then
    assert synced
    assert record.layout.journal.stat().st_size > size
    record.close()
