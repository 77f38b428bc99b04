"""One bit of one row of the key store is another: everybody else goes on, and a copy puts it back."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit import keydb
from audit.durable import DiskFailed
from audit.fact import Subject
from audit.kek import Kek, KekFile
from audit.keycheck import check
from audit.keystore import KeyStore, SubjectKeys
from audit.rewrapping import GRACE, KeyDamaged, KeysDamaged
from logbook import NOON

DICE = random.Random(5)
PEOPLE = sorted((Subject("person", DICE.randbytes(16).hex()) for _ in range(9)), key=lambda one: one.id)
ERASED, NEW = PEOPLE[1], Subject("person", "f" * 32)
LATER = NOON + GRACE
STEP = 37
"""Of names and keys every so manieth bit; of lengths, types and the epoch each one."""


@dataclass
class Kept:
    """A store at rest, of which each test damages a copy."""

    folder: Path
    keys: dict[Subject, SubjectKeys]
    entropy: random.Random

    def damaged(self, at: int, bit: int) -> KeyStore:
        """A copy with this bit of the file flipped."""
        here = self.copied()
        with (here / "keys.db").open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << bit]))
        return self.opened(here)

    def copied(self) -> Path:
        here = self.folder.with_name("damaged")
        shutil.rmtree(here, ignore_errors=True)
        shutil.copytree(self.folder, here)
        return here

    def opened(self, folder: Path) -> KeyStore:
        return KeyStore(folder / "keys.db", KekFile(folder / "kek"), "studio", self.entropy.randbytes)

    def bits(self, whose: Subject) -> Iterator[tuple[int, int]]:
        """Of her record: its types, whose it is, epoch and keys."""
        owner = b"studioperson" + whose.id.encode()
        body = (self.folder / "keys.db").read_bytes().rindex(owner)
        epoch = body + len(owner)
        every = [(at, bit) for at in range(body - 11, epoch + 181) for bit in range(8)]
        return (
            one for place, one in enumerate(every) if one[0] < body or one[0] == epoch or not place % STEP
        )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("keys") / "keys"
    folder.mkdir(mode=0o700)
    entropy = random.Random(7)
    store = KeyStore.create(folder / "keys.db", KekFile(folder / "kek"), "studio", entropy.randbytes)
    for each in PEOPLE:
        store.get_or_create(each)
    store.rotate(NOON)
    keys = {each: store.get_or_create(each) for each in PEOPLE}
    store.close()
    return Kept(folder, keys, entropy)


def named(path: Path) -> bool:
    """Whether SQLite can tell the rows' names at all: else the file itself is broken."""
    with closing(sqlite3.connect(path)) as store:
        store.text_factory = bytes
        with suppress(sqlite3.DatabaseError):
            return len(store.execute("SELECT tenant, kind, id FROM subject").fetchall()) >= len(PEOPLE)
    return False


@pytest.mark.parametrize("place", [0, 4])
def test_whatever_bit_of_a_row_flips_the_others_go_on_and_hers_is_put_back(kept: Kept, place: int) -> None:
    hers, tried = PEOPLE[place], 0
    for at, bit in kept.bits(hers):
        store = kept.damaged(at, bit)
        path = kept.folder.with_name("damaged") / "keys.db"
        if not named(path):
            # What reading such a file may come to is our error, and never another key for anybody else.
            for each in PEOPLE:
                with suppress(DiskFailed, KeyDamaged):
                    assert each == hers or store.get_or_create(each) == kept.keys[each]
            store.close()
            continue
        tried += 1

        # Then hers opens, or is said to be damaged; the others' open, and somebody new gets keys,
        with suppress(KeyDamaged):
            found = store.get(hers)
            assert found is None or (found.link, found.evid) == (kept.keys[hers].link, kept.keys[hers].evid)
        for each in PEOPLE:
            assert each in {hers, ERASED} or store.get_or_create(each) == kept.keys[each], (at, bit)
        assert store.get_or_create(NEW)

        # the copy puts hers back, and takes back nobody's erasure,
        assert store.destroy(ERASED, evidence=False)
        with suppress(KeysDamaged):
            store.rotate(NOON)
        if store.check() == 2:
            store.mend(kept.folder / "keys.db")
        assert store.get(hers) == kept.keys[hers], (at, bit)
        erased = store.get(ERASED)
        assert erased is not None
        assert (erased.ops, erased.evid) == (None, kept.keys[ERASED].evid)

        # and the erasure ends, at the latest after the week.
        with suppress(KeysDamaged):
            store.rotate(NOON)
        assert store.rotate(LATER) > 2
        assert store.get(hers) == kept.keys[hers]
        store.close()
    assert tried > 100


@pytest.mark.parametrize("place", [0, 4])
def test_without_a_copy_the_others_are_erased_after_the_week(kept: Kept, place: int) -> None:
    hers = PEOPLE[place]
    for at, bit in list(kept.bits(hers))[::3]:
        store = kept.damaged(at, bit)
        if named(kept.folder.with_name("damaged") / "keys.db"):
            assert store.destroy(ERASED, evidence=False)
            with suppress(KeysDamaged):
                store.rotate(NOON)
            store.rotate(LATER)
            assert all(
                store.get_or_create(each) == kept.keys[each] for each in PEOPLE if each not in {hers, ERASED}
            )
        store.close()


@pytest.mark.parametrize(
    ("change", "opens"),
    [
        ("epoch = 6", True),
        ("epoch = 0", True),
        ("epoch = 'x'", True),
        ("link = CAST(link AS TEXT)", True),
        ("ops = 7", False),
        ("evid = 1.5", False),
    ],
)
def test_types_and_epochs_are_no_more_than_hints(kept: Kept, change: str, opens: bool) -> None:
    here = kept.copied()
    with closing(sqlite3.connect(here / "keys.db", isolation_level=None)) as intruder:
        intruder.execute(f"UPDATE subject SET {change} WHERE id = ?", (PEOPLE[4].id,))  # noqa: S608
    keks = [Kek.load(here / "kek")]
    (damaged,) = check(here / "keys.db", "studio", lambda: keks).damaged
    assert (damaged.id, damaged.column) == (PEOPLE[4].id, change.partition(" ")[0])

    store = kept.opened(here)
    assert store.mend(kept.folder / "keys.db") == (0 if opens else 1)
    assert store.get(PEOPLE[4]) == kept.keys[PEOPLE[4]]
    store.close()
    assert check(here / "keys.db", "studio", lambda: keks).damaged == ()


def test_a_note_of_damage_that_changed_delays_nothing_beyond_the_week(kept: Kept) -> None:
    # Given a damaged key, noted at noon
    at = next(at for at, _ in reversed(list(kept.bits(PEOPLE[4]))))
    with closing(kept.damaged(at, 0)) as store, pytest.raises(KeysDamaged):
        store.rotate(NOON)
    here = kept.folder.with_name("damaged")
    noted = kept.folder.with_name("noted")
    shutil.copytree(here, noted, dirs_exist_ok=True)
    with closing(sqlite3.connect(noted / "keys.db")) as reader:
        (since,) = reader.execute("SELECT since FROM damaged").fetchone()

    for place in range(len(since)):
        for bit in range(8):
            # When a bit of the note flips
            shutil.rmtree(here)
            shutil.copytree(noted, here)
            changed = bytearray(since.encode())
            changed[place] ^= 1 << bit
            with closing(sqlite3.connect(here / "keys.db", isolation_level=None)) as intruder:
                intruder.execute("UPDATE damaged SET since = CAST(? AS TEXT)", (bytes(changed),))

            # Then it is found to be of now at the latest, and the rotation goes on once the week is over.
            said = keydb.damage(here / "keys.db", "studio", NOON)
            assert said.keys == 1
            assert said.since is not None
            assert said.since <= NOON
            with closing(kept.opened(here)) as store:
                with suppress(KeysDamaged):
                    store.rotate(NOON)
                assert store.rotate(LATER) > 2
