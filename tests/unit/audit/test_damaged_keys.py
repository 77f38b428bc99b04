"""One damaged key is not lost in silence, and keeps nobody else's erasure from its end."""

import errno
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest

from audit import keydb
from audit.durable import DiskFailed
from audit.fact import Seal, Subject
from audit.ids import Entropy
from audit.kek import Kek, KekFile
from audit.keystore import KeysErased, KeysInUse, KeyStore, SubjectKeys
from audit.kms import KekMismatch
from audit.rewrapping import GRACE, KeyDamaged, KeysDamaged
from keepers import Keeper, in_a_file
from logbook import ANNA, BEA, NOON

EVE = Subject("person", "eve")
LATER = NOON + GRACE


def flip(home: Path, subject: Subject, key: str = "ops") -> bytes:
    """Change one bit of a wrapped key. The bytes that lie there now."""
    wrapped = bytearray(lies(home, subject, key) or b"")
    wrapped[20] ^= 4
    with closing(sqlite3.connect(home / "keys.db", isolation_level=None)) as intruder:
        intruder.execute(
            f"UPDATE subject SET {key} = ? WHERE tenant = 'studio' AND id = ?",  # noqa: S608  (a column's name)
            (bytes(wrapped), subject.id),
        )
    return bytes(wrapped)


def found(keys: SubjectKeys | None) -> SubjectKeys:
    assert keys is not None
    return keys


def lies(home: Path, subject: Subject, key: str = "ops") -> bytes | None:
    with closing(sqlite3.connect(home / "keys.db")) as reader:
        row = reader.execute(
            "SELECT link, ops, evid FROM subject WHERE tenant = 'studio' AND id = ?", (subject.id,)
        ).fetchone()
    found = row[("link", "ops", "evid").index(key)]
    return None if found is None else bytes(found)


def kept(store: KeyStore, home: Path, to: Path) -> Path:
    """A copy of the store as it is."""
    with closing(sqlite3.connect(home / "keys.db")) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
    return to


def test_a_rotation_waits_a_week_for_a_damaged_key_and_then_carries_its_bytes_along(
    store: KeyStore, home: Path, keeper: Keeper, reopened: Callable[[], KeyStore]
) -> None:
    # Given two subjects, and one wrapped key of a third with a bit changed
    keys, hers = store.get_or_create(ANNA), store.get_or_create(BEA)
    store.get_or_create(EVE)
    damaged = flip(home, EVE)

    # When it is rotated, again and again within a week
    for at in (NOON, NOON, NOON + GRACE / 2, LATER - GRACE / 1000):
        with pytest.raises(KeysDamaged, match="2026-11-29 12:00"):
            store.rotate(at)
        # Then it is as it was, its KEK too, and everybody else's keys open; it is known since when.
        assert keeper().current().epoch == 1
        assert keeper().next() is None
        assert store.damaged() == 1
        assert keydb.damage(home / "keys.db", "studio", LATER) == keydb.Damage(1, NOON)
        assert keydb.damage(home / "keys.db", "rival", LATER) == keydb.Damage(0, None)

    # And after it the others' erasures come to their end; its bytes lie where they lay, and are counted.
    assert store.rotate(LATER) == 2
    assert store.rotate(LATER) == 3
    for each in (store, reopened()):
        assert (each.get(ANNA), each.get(BEA)) == (keys, hers)
    with pytest.raises(KeyDamaged):
        found(reopened().get(EVE)).sealing(Seal.OPS)
    assert lies(home, EVE) == damaged
    assert store.damaged() == 1
    with closing(sqlite3.connect(home / "keys.db")) as reader:
        assert reader.execute("SELECT id, key, epoch FROM damaged").fetchall() == [("eve", "ops", 1)]


def test_a_damaged_key_is_put_back_from_a_copy_of_its_epoch_and_nothing_waits(
    store: KeyStore, home: Path, tmp_path: Path
) -> None:
    # Given a copy of before the damage, and somebody whose keys were destroyed since
    eve = store.get_or_create(EVE)
    store.get_or_create(ANNA)
    store.get_or_create(BEA)
    copy = kept(store, home, tmp_path / "copy.db")
    store.destroy(BEA, evidence=True)
    flip(home, EVE)
    flip(home, EVE, "link")
    with pytest.raises(KeysDamaged):
        store.rotate(NOON)

    # When
    assert store.mend(copy) == 2

    # Then she is as before, and the other is not back.
    assert store.mend(copy) == 0
    assert store.get(EVE) == eve
    assert store.damaged() == 0
    with pytest.raises(KeysErased):
        store.get(BEA)
    assert store.rotate(NOON) == 2
    assert store.get(EVE) == eve

    # And a copy of an epoch that is over mends nothing.
    flip(home, EVE)
    assert store.mend(copy) == 0


def test_a_key_that_opens_again_is_waited_for_no_longer(store: KeyStore, home: Path, tmp_path: Path) -> None:
    eve = store.get_or_create(EVE)
    store.get_or_create(ANNA)
    flip(home, EVE)
    with pytest.raises(KeysDamaged):
        store.rotate(NOON)

    flip(home, EVE)  # the same bit, back

    assert store.rotate(NOON) == 2
    assert store.get(EVE) == eve
    assert keydb.damage(home / "keys.db", "studio", LATER) == keydb.Damage(0, None)


def test_who_is_erased_is_waited_for_no_longer(store: KeyStore, home: Path) -> None:
    store.get_or_create(EVE)
    keys = store.get_or_create(ANNA)
    damaged = flip(home, EVE)
    with pytest.raises(KeysDamaged):
        store.rotate(NOON)

    store.destroy(EVE, evidence=True)

    assert store.damaged() == 0
    assert store.rotate(NOON) == 2
    assert store.get(ANNA) == keys
    assert not any(damaged in path.read_bytes() for path in home.glob("keys.db*"))


def test_a_second_damage_is_waited_for_as_long_as_the_first(store: KeyStore, home: Path) -> None:
    for each in (ANNA, BEA, EVE):
        store.get_or_create(each)
    flip(home, EVE)
    with pytest.raises(KeysDamaged):
        store.rotate(NOON)
    assert store.rotate(LATER) == 2

    flip(home, BEA, "evid")
    with pytest.raises(KeysDamaged):
        store.rotate(LATER)

    assert keydb.damage(home / "keys.db", "studio", LATER) == keydb.Damage(2, LATER)
    assert store.rotate(LATER + GRACE) == 3


def test_where_no_key_opens_it_is_the_kek_that_is_wrong_and_nothing_is_given_up(
    store: KeyStore, home: Path, keeper: Keeper, reopened: Callable[[], KeyStore], entropy: Entropy
) -> None:
    # Given a KEK of the same epoch and another history
    keys = store.get_or_create(ANNA)
    right = (home / "kek").rename(home / "right")
    keeper().create(entropy)
    other = reopened()

    # Then neither years of waiting nor an enrolment do anything under it,
    acts = (
        lambda: other.rotate(NOON),
        lambda: other.rotate(LATER + GRACE),
        lambda: other.get_or_create(BEA),
    )
    for act in acts:
        with pytest.raises(KekMismatch, match="none opens"):
            act()
    with pytest.raises(KekMismatch):
        other.check()
    assert keydb.damage(home / "keys.db", "studio", LATER) == keydb.Damage(0, None)

    # and with the right one everything opens.
    (home / "kek").unlink()
    right.rename(home / "kek")
    assert reopened().get(ANNA) == keys
    assert reopened().check() == 1


def test_keys_that_are_all_damaged_at_once_are_not_given_up_either(
    store: KeyStore, home: Path, keeper: Keeper
) -> None:
    # Given a process that has seen its KEK open keys, and then none that opens
    keys, hers = store.get_or_create(ANNA), store.get_or_create(BEA)
    spoilt = [(each, key) for each in (ANNA, BEA) for key in ("link", "ops", "evid")]
    for each, key in spoilt:
        flip(home, each, key)

    for at in (NOON, LATER, LATER + GRACE):
        with pytest.raises(KekMismatch, match="none opens"):
            store.rotate(at)

    assert keeper().current().epoch == 1
    for each, key in spoilt:
        flip(home, each, key)
    assert store.rotate(NOON) == 2
    assert (store.get(ANNA), store.get(BEA)) == (keys, hers)


@in_a_file
def test_what_a_kek_of_another_history_wrapped_is_kept_for_it(
    store: KeyStore, home: Path, reopened: Callable[[], KeyStore], entropy: Entropy
) -> None:
    # Given one subject wrapped under a KEK that went elsewhere, among others
    store.get_or_create(ANNA)
    store.get_or_create(EVE)
    elsewhere = Kek(1, b"e" * 32)
    wrapped = elsewhere.wrap(b"k" * 32, ["studio", "person", "eve", "ops"], entropy)
    with closing(sqlite3.connect(home / "keys.db", isolation_level=None)) as writer:
        writer.execute("UPDATE subject SET ops = ? WHERE id = 'eve'", (wrapped,))

    # When the rotation has waited and goes on
    with pytest.raises(KeysDamaged):
        store.rotate(NOON)
    assert store.rotate(LATER) == 2

    # Then that KEK still opens it.
    found = lies(home, EVE)
    assert found is not None
    assert elsewhere.unwrap(found, ["studio", "person", "eve", "ops"]) == b"k" * 32
    assert KekFile(home / "kek").current().epoch == 2


def test_a_rotation_that_broke_off_is_ended_past_a_damaged_key(
    store: KeyStore,
    home: Path,
    keeper: Keeper,
    reopened: Callable[[], KeyStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a rotation that died before it adopted the next KEK, and then a damaged key, the first there is
    first = min((ANNA, BEA, EVE), key=lambda subject: (subject.kind, subject.id))
    keys = {each: store.get_or_create(each) for each in (ANNA, BEA, EVE)}
    with monkeypatch.context() as dies:
        dies.setattr(type(keeper()), "adopt", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.rotate(NOON)
    for key in ("link", "ops", "evid"):
        flip(home, first, key)

    # Then whoever comes next ends it.
    other = reopened()
    other.get_or_create(Subject("person", "new"))
    assert keeper().current().epoch == 2
    assert keeper().next() is None
    assert all(other.get(each) == found for each, found in keys.items() if each != first)


def test_under_a_reader_that_stays_a_rotation_writes_nothing(
    store: KeyStore, home: Path, keeper: Keeper
) -> None:
    # Given
    for number in range(50):
        store.get_or_create(Subject("person", str(number)))
    with closing(sqlite3.connect(home / "keys.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM subject").fetchone()
        store.get_or_create(ANNA)
        size = (home / "keys.db-wal").stat().st_size

        # When it is tried minute after minute
        for _ in range(3):
            with pytest.raises(KeysInUse):
                store.rotate(NOON)

        # Then neither the log nor the epoch grows.
        assert (home / "keys.db-wal").stat().st_size == size
        assert keeper().current().epoch == 1
    assert store.rotate(NOON) == 2


def test_a_copy_of_before_there_were_notes_of_damage_is_read_too(
    store: KeyStore, home: Path, tmp_path: Path
) -> None:
    store.get_or_create(ANNA)
    old = shutil.copy(kept(store, home, tmp_path / "copy.db"), tmp_path / "old.db")
    with closing(sqlite3.connect(old)) as older:
        older.execute("DROP TABLE damaged")

    assert keydb.damage(Path(old), "studio", LATER) == keydb.Damage(0, None)


@in_a_file
def test_a_disk_that_fails_beside_the_kek_is_an_error_of_ours(store: KeyStore, keeper: Keeper) -> None:
    store.get_or_create(ANNA)
    keeper().begin(2, bytes)
    fails = OSError(errno.EIO, "I/O error")

    for act in ("exists", "unlink"):
        with patch.object(Path, act, side_effect=fails), pytest.raises(DiskFailed):
            store.rotate(NOON)

    assert store.rotate(NOON) == 2
