"""One bit of the key store another: the row that it is in is named."""

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from audit.fact import Subject
from audit.kek import Kek, KekFile
from audit.keycheck import Damaged, KeysTried, check
from audit.keystore import KeyStore

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PEOPLE = [Subject("person", f"{number:032x}") for number in range(0xA00, 0xA18)]
TENANT = Subject("tenant", "studio")
FLIPS = 1000


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A store of 25 subjects at rest: one person's operational key is destroyed, and all of another's."""
    (tmp_path / "keys").mkdir(mode=0o700)
    path = tmp_path / "keys" / "keys.db"
    store = KeyStore.create(path, KekFile(tmp_path / "keys" / "kek"), "studio", random.Random(5).randbytes)
    for one in (*PEOPLE, TENANT):
        store.get_or_create(one)
    store.rotate(NOON)
    store.destroy(PEOPLE[0], evidence=False)
    store.destroy(PEOPLE[1], evidence=True)
    store.close()
    return path


def tried(path: Path) -> KeysTried:
    return check(path, "studio", lambda: [Kek.load(path.parent / "kek")])


def test_a_store_that_nobody_touched_opens(kept: Path) -> None:
    done = tried(kept)

    assert done.damaged == ()
    assert done.opened == 3 * 25 - 1 - 3
    assert done.destroyed == (("person", PEOPLE[1].id),)


def live_bytes(data: bytes) -> list[tuple[str, int, int]]:
    """Of each row that holds keys: whose it is, and where its record lies in the file."""
    found = []
    for one in (*PEOPLE, TENANT):
        owner = b"studio" + one.kind.encode() + one.id.encode()
        body = data.rindex(owner)
        gone = {PEOPLE[0]: 60, PEOPLE[1]: 180}.get(one, 0)
        # Before it the record's header: its own length and seven types. Behind it the epoch and three keys.
        found.append((one.id, body - 8, body + len(owner) + 1 + 180 - gone))
    return [one for one in found if one[0] != PEOPLE[1].id]


def test_a_flipped_bit_of_a_live_row_is_found_where_it_is(kept: Path) -> None:
    # Given the bytes of the file that some row is made of,
    data, dice = kept.read_bytes(), random.Random(7)
    rows = live_bytes(data)
    copy = kept.with_name("copy.db")
    shutil.copy(kept, copy)

    for _ in range(FLIPS):
        whose, begin, end = dice.choice(rows)
        at, bit = dice.randrange(begin, end), dice.randrange(8)
        with copy.open("r+b") as file:
            file.seek(at)
            file.write(bytes([data[at] ^ 1 << bit]))

        # when one bit of them is another, then the row is named, or its page is broken for SQLite itself.
        wrong = tried(copy).damaged
        assert wrong, (whose, at - begin, bit)
        near = {one.column for one in wrong if sum(a != b for a, b in zip(one.id, whose, strict=False)) <= 1}
        assert near or "file" in {one.column for one in wrong}, (whose, at - begin, bit, wrong)

        with copy.open("r+b") as file:
            file.seek(at)
            file.write(data[at : at + 1])
    assert tried(copy).damaged == ()


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("UPDATE subject SET ops = X'00' WHERE id = :id", "ops"),
        ("UPDATE subject SET evid = NULL WHERE id = :id", "evid"),
        ("UPDATE subject SET link = NULL WHERE id = :id", "link"),
        ("UPDATE subject SET ops = 7 WHERE id = :id", "ops"),
        ("UPDATE subject SET epoch = 9 WHERE id = :id", "epoch"),
        ("UPDATE subject SET epoch = 'x' WHERE id = :id", "epoch"),
        ("UPDATE subject SET kind = 'qerson' WHERE id = :id", "owner"),
        ("UPDATE subject SET tenant = 'studip' WHERE id = :id", "tenant"),
        ("UPDATE subject SET link = evid, evid = link WHERE id = :id", "link"),
    ],
)
def test_what_was_changed_of_a_row_is_named(kept: Path, change: str, column: str) -> None:
    with closing(sqlite3.connect(kept)) as store, store:
        assert store.execute(change, {"id": PEOPLE[5].id}).rowcount == 1

    wrong = tried(kept).damaged

    assert column in {one.column for one in wrong}
    assert {one.id for one in wrong} == {PEOPLE[5].id}


def test_while_a_rotation_is_under_way_keys_of_both_epochs_open(kept: Path) -> None:
    here = Kek.load(kept.parent / "kek")
    other = Kek(here.epoch + 1, bytes(32))

    assert check(kept, "studio", lambda: [here, other]).damaged == ()
    assert {one.column for one in check(kept, "studio", lambda: [other]).damaged} == {"epoch"}


@pytest.mark.parametrize("times", [1, 2])
def test_keys_that_are_wrapped_anew_meanwhile_are_looked_at_again(kept: Path, times: int) -> None:
    # Given rotations, each between the reading of the KEK and that of the keys,
    kms, turns = KekFile(kept.parent / "kek"), iter(range(times))

    def keks() -> list[Kek]:
        found = [kms.current()]
        with closing(KeyStore(kept, kms, "studio", random.Random(8).randbytes)) as store:
            for _ in islice(turns, 1):
                store.rotate(NOON)
        return found

    # then every key opens, and one that is damaged is named.
    done = check(kept, "studio", keks)
    assert (done.damaged, done.opened) == ((), 3 * 25 - 1 - 3)
    with closing(sqlite3.connect(kept)) as store, store:
        store.execute("UPDATE subject SET epoch = 99 WHERE id = ?", (PEOPLE[5].id,))
    turns = iter(range(0))
    assert check(kept, "studio", keks).damaged == (Damaged("person", PEOPLE[5].id, "epoch"),)


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"none" * 999)

    assert check(tmp_path / "other", "studio", list).damaged == (Damaged("", "", "file"),)
