import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from audit import kek as kek_module
from audit import keystore as module
from audit.durable import DiskFailed, DiskFull
from audit.fact import Seal, Subject
from audit.ids import Entropy
from audit.kek import Kek, KekFile
from audit.keydb import KeysPoisoned
from audit.keys import KeyMalformed
from audit.keystore import KeysErased, KeysInUse, KeyStore, SubjectKeys
from audit.kms import KekMismatch
from audit.sealing import SealBroken
from audit.secretfile import KeyExists, KeyFileExposed, KeyMissing
from audit.tokenkek import TokenKek, TokenWrapping
from keepers import Keeper, in_a_file, written
from logbook import ANNA, BEA, NOON, a_full_disk


def test_a_subject_keeps_its_keys(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    keys = store.get_or_create(ANNA)

    assert store.get_or_create(ANNA) == keys
    assert reopened().get(ANNA) == keys
    assert len({keys.link, keys.ops, keys.evid}) == 3
    assert (keys.sealing(Seal.OPS), keys.sealing(Seal.EVID)) == (keys.ops, keys.evid)


def test_who_was_never_seen_has_no_keys(store: KeyStore) -> None:
    assert store.get(ANNA) is None


def test_every_subject_has_keys_of_its_own(store: KeyStore) -> None:
    same_id = Subject("output", ANNA.id)

    assert len({store.get_or_create(each).ops for each in (ANNA, BEA, same_id)}) == 3


def test_tenants_share_a_file_and_nothing_else(
    store: KeyStore, home: Path, entropy: Entropy, keeper: Keeper
) -> None:
    other = KeyStore.create(home / "keys.db", keeper("other-kek", "rival"), "rival", entropy)

    assert other.get(ANNA) is None or other.get(ANNA) != store.get(ANNA)
    assert other.get_or_create(ANNA) != store.get_or_create(ANNA)


def test_keys_are_on_the_disk_before_anybody_gets_them(home: Path, store: KeyStore, keeper: Keeper) -> None:
    # Given a process that dies the moment it has the keys,
    script = (
        "import os, sys; from pathlib import Path;"
        "from audit.keystore import KeyStore; from audit.fact import Subject;"
        "from audit.kek import KekFile; from audit.tokenkek import *; home = Path(sys.argv[1]);"
        f"store = KeyStore(home / 'keys.db', {written(keeper())}, 'studio', os.urandom);"
        "keys = store.get_or_create(Subject('person', 'x'));"
        "print(keys.link.hex(), flush=True); os._exit(9)"
    )
    source = Path(module.__file__).parents[1]

    died = subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )

    keys = store.get(Subject("person", "x"))
    assert died.returncode == 9
    assert keys is not None
    assert keys.link.hex() == died.stdout.strip()


def test_sixty_four_threads_agree_on_the_keys_of_a_new_subject(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    stores = [store, reopened()]

    with ThreadPoolExecutor(64) as pool:
        found = set(pool.map(lambda number: stores[number % 2].get_or_create(ANNA).link, range(128)))

    assert len(found) == 1


def test_nothing_in_the_file_opens_anything(store: KeyStore, home: Path) -> None:
    keys = store.get_or_create(ANNA)
    store.close()

    stored = b"".join(path.read_bytes() for path in home.glob("keys.db*"))

    assert not any(key in stored for key in (keys.link, keys.ops, keys.evid))


def test_the_files_are_their_owner_s_alone(store: KeyStore, home: Path) -> None:
    store.get_or_create(ANNA)

    assert all(path.stat().st_mode & 0o077 == 0 for path in home.iterdir())


def test_a_store_others_can_read_is_not_used(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    store.close()
    (home / "keys.db").chmod(0o640)

    with pytest.raises(KeyFileExposed):
        reopened()


def test_only_init_makes_a_kek(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore], keeper: Keeper
) -> None:
    with pytest.raises(KeyExists):
        KeyStore.create(home / "keys.db", keeper(), "studio", entropy)
    (home / "kek").unlink()
    with pytest.raises(KeyMissing):
        reopened()
    (home / "keys.db").unlink()
    with pytest.raises(KeyMissing):
        KeyStore(home / "keys.db", keeper(), "studio", entropy)


def test_a_kek_of_another_deployment_opens_nothing(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore], keeper: Keeper
) -> None:
    store.get_or_create(ANNA)
    (home / "kek").unlink()
    keeper().create(entropy)

    with pytest.raises(KekMismatch):
        reopened().get(ANNA)


def test_a_kek_of_another_time_opens_nothing(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore], keeper: Keeper
) -> None:
    store.get_or_create(ANNA)
    keeper().begin(2, entropy)
    keeper().adopt()

    with pytest.raises(KekMismatch):
        reopened().get(ANNA)


def test_a_kek_file_with_something_else_in_it_is_malformed(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    (home / "kek").write_bytes(b"consentry/kek/v1 0 00\n")

    with pytest.raises(KeyMalformed):
        reopened()


@pytest.mark.parametrize(
    "change", ["UPDATE subject SET ops = evid", "UPDATE subject SET id = 'someone else'"]
)
def test_wrapped_keys_can_not_be_moved_about(
    store: KeyStore, home: Path, entropy: Entropy, change: str, reopened: Callable[[], KeyStore]
) -> None:
    store.get_or_create(ANNA)
    with sqlite3.connect(home / "keys.db") as intruder:
        intruder.execute(change)
    intruder.close()

    fresh = reopened()
    with pytest.raises(KekMismatch):
        fresh.get_or_create(ANNA if "ops" in change else Subject("person", "someone else")).sealing(Seal.OPS)


def test_a_key_destroyed_elsewhere_is_forgotten_here(
    store: KeyStore, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given keys that this process remembers,
    monkeypatch.setattr(module, "_TRUSTED_SECONDS", 0.0)
    store.get_or_create(ANNA)
    store.get_or_create(ANNA)

    # when another process destroys them,
    with sqlite3.connect(home / "keys.db") as other:
        other.execute("UPDATE subject SET ops = NULL, evid = NULL, link = NULL")
    other.close()

    # then they are gone here too, for sealing and for opening.
    with pytest.raises(KeysErased):
        store.get_or_create(ANNA)
    with pytest.raises(KeysErased):
        store.get(ANNA)


def test_memory_is_bounded(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    subjects = [Subject("person", str(number)) for number in range(6)]

    keys = [store.get_or_create(subject) for subject in subjects]

    assert [store.get_or_create(subject) for subject in subjects] == keys
    assert len(store._remembered) == 3


def test_a_reference_is_read_by_its_subject_and_purpose_only(store: KeyStore) -> None:
    blob = store.encrypt(ANNA, "reference", b"512 numbers")

    assert store.decrypt(ANNA, "reference", blob) == b"512 numbers"
    assert store.encrypt(ANNA, "reference", b"512 numbers") != blob
    store.get_or_create(BEA)
    for subject, purpose, data in [
        (BEA, "reference", blob),
        (ANNA, "portrait", blob),
        (ANNA, "reference", blob[:-1]),
        (ANNA, "reference", b""),
        (Subject("person", "nobody"), "reference", blob),
    ]:
        with pytest.raises(SealBroken):
            store.decrypt(subject, purpose, data)


def test_a_file_that_may_not_grow_is_named_and_leaves_the_store_as_it_was(
    store: KeyStore, reopened: Callable[[], KeyStore]
) -> None:
    known = store.get_or_create(ANNA)

    with a_full_disk(), pytest.raises((DiskFull, DiskFailed)):
        store.get_or_create(BEA)

    assert store.get(ANNA) == known
    assert store.get(BEA) is None
    with closing(reopened()) as again:
        assert again.get(ANNA) == known
        assert again.get_or_create(BEA) == again.get(BEA)


@pytest.mark.parametrize("step", ["BEGIN", "COMMIT"])
def test_after_a_failed_write_nothing_more_is_sealed_by_this_process(
    store: KeyStore, reopened: Callable[[], KeyStore], step: str
) -> None:
    # Given a disk that fails once below SQLite, as an fsync does
    known = store.get_or_create(ANNA)
    assert store.fault == ""
    whole = store._database._connection
    store._database._connection = FailsOnce(whole, step)  # type: ignore[assignment]
    with pytest.raises(DiskFailed, match="SQLITE_IOERR_FSYNC"):
        store.get_or_create(BEA)
    store._database._connection = whole

    # Then it neither makes a key nor seals with one that it knows, and destroys and rotates nothing;
    for write in (
        lambda: store.get_or_create(BEA),
        lambda: store.get_or_create(ANNA),
        lambda: store.destroy(ANNA, evidence=True),
        lambda: store.rotate(NOON),
    ):
        with pytest.raises(KeysPoisoned):
            write()
    assert store.fault == "KEYS_POISONED"

    # and what was sealed is read on, here and by who starts next.
    assert store.get(ANNA) == known
    with closing(reopened()) as again:
        assert again.get_or_create(ANNA) == known
        assert again.get_or_create(BEA) == again.get(BEA)


class FailsOnce:
    """A connection whose step of a transaction fails below SQLite, which rolls back by itself."""

    def __init__(self, inner: sqlite3.Connection, step: str) -> None:
        self.inner, self.step = inner, step

    def execute(self, statement: str, *parameters: object) -> sqlite3.Cursor:
        if statement.startswith(self.step):
            if self.inner.in_transaction:
                self.inner.execute("ROLLBACK")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error
        return self.inner.execute(statement, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_a_store_that_nobody_can_look_for_is_not_taken_for_none(
    home: Path, entropy: Entropy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `stat` that fails says nothing: our error, and no second store over the first."""

    def fails(_path: Path) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    KeyStore.create(home / "keys.db", KekFile(home / "kek"), "studio", entropy).close()
    monkeypatch.setattr(Path, "exists", fails)

    with pytest.raises(DiskFailed, match=r"keys\.db"):
        KeyStore.create(home / "keys.db", KekFile(home / "kek-2"), "rival", entropy)
    with pytest.raises(DiskFailed, match=r"kek\.next"):
        KekFile(home / "kek").next()


def test_a_full_database_is_a_full_disk(store: KeyStore) -> None:
    with store._database.connection() as connection:
        connection.execute("PRAGMA max_page_count = 1")

    def fill() -> None:
        for number in range(500):
            store.get_or_create(Subject("person", str(number)))

    with pytest.raises(DiskFull):
        fill()


@in_a_file
def test_a_kek_rotated_by_another_process_is_read_again(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    # Given another process that wraps every key under a new KEK, and forgets the old one,
    keys = store.get_or_create(ANNA)
    running = reopened()
    new = Kek(2, b"n" * 32)
    wrapped = [
        new.wrap(key, ["studio", "person", ANNA.id, column], entropy)
        for column, key in (("link", keys.link), ("ops", keys.ops), ("evid", keys.evid))
    ]
    (home / "kek").write_bytes(b"consentry/kek/v1 2 " + new.secret.hex().encode() + b"\n")
    with sqlite3.connect(home / "keys.db") as other:
        other.execute("UPDATE subject SET epoch = 2, link = ?, ops = ?, evid = ?", wrapped)
    other.close()

    assert running.get(ANNA) == keys
    assert running.get_or_create(BEA) == reopened().get(BEA)


def test_keys_destroyed_as_they_are_made_are_not_handed_out(store: KeyStore, home: Path) -> None:
    with sqlite3.connect(home / "keys.db") as other:
        other.execute(
            "CREATE TRIGGER gone AFTER INSERT ON subject BEGIN DELETE FROM subject WHERE id = NEW.id; END"
        )
    other.close()

    with pytest.raises(KeysErased):
        store.get_or_create(ANNA)


def test_a_transaction_sqlite_has_rolled_back_itself_is_not_rolled_back_again(store: KeyStore) -> None:
    def fail() -> None:
        with store._database.writing() as connection:
            connection.execute("ROLLBACK")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    store.get_or_create(ANNA)


def test_without_its_kek_a_store_makes_no_keys_and_holds_no_lock(store: KeyStore, home: Path) -> None:
    kept = (home / "kek").rename(home / "kept")

    with pytest.raises(KeyMissing):
        store.get_or_create(ANNA)

    kept.rename(home / "kek")
    assert store.get(ANNA) is None
    assert store.get_or_create(ANNA) == store.get(ANNA)


def test_of_a_destroyed_operational_key_nothing_is_opened_and_the_evidence_key_lives(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    # Given a subject with something sealed under each key, and another process that remembers both
    before, blob = store.get_or_create(ANNA), store.encrypt(ANNA, "reference", b"a face")

    # When the operational key is destroyed
    assert store.destroy(ANNA, evidence=False)
    assert not store.destroy(ANNA, evidence=False), "it was there once"

    # Then it is gone here, for whoever opens the same files, and for nobody else
    for each in (store, reopened()):
        after = each.get_or_create(ANNA)
        assert (after.link, after.ops, after.evid) == (before.link, None, before.evid)
        assert after.sealing(Seal.EVID) == before.evid
        with pytest.raises(KeysErased):
            each.decrypt(ANNA, "reference", blob)
        with pytest.raises(KeysErased):
            each.encrypt(ANNA, "reference", b"another")
    assert store.get_or_create(BEA).ops is not None

    # And with the evidence key all of it is.
    assert store.destroy(ANNA, evidence=True)
    with pytest.raises(KeysErased):
        store.get(ANNA)
    with pytest.raises(KeysErased):
        reopened().get_or_create(ANNA)


def test_keys_that_somebody_is_reading_are_destroyed_when_asked_again(store: KeyStore, home: Path) -> None:
    store.get_or_create(ANNA)
    (file,) = home.rglob("keys.db")
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        (wrapped,) = reader.execute("SELECT ops FROM subject WHERE id = ?", (ANNA.id,)).fetchone()

        with pytest.raises(KeysInUse):
            store.destroy(ANNA, evidence=False)

    store.destroy(ANNA, evidence=False)
    assert not any(wrapped in path.read_bytes() for path in file.parent.glob("keys.db*"))


# Rotation: the end of an erasure


def opens_with(kek: Path, store: Path, folder: Path, entropy: Entropy) -> SubjectKeys | None:
    """What a thief has of Anna who kept this KEK and this store."""
    folder.mkdir(mode=0o700)
    for source, name in ((kek, "kek"), (store, "keys.db")):
        (folder / name).write_bytes(source.read_bytes())
        (folder / name).chmod(0o600)
    with closing(KeyStore(folder / "keys.db", KekFile(folder / "kek"), "studio", entropy)) as stolen:
        return stolen.get(ANNA)


@in_a_file
def test_after_a_rotation_every_key_opens_and_no_older_copy_does(
    store: KeyStore, home: Path, entropy: Entropy, tmp_path: Path, reopened: Callable[[], KeyStore]
) -> None:
    # Given two subjects, one without her operational key, one erased, another tenant, and a copy of the store
    keys, hers = store.get_or_create(ANNA), store.get_or_create(BEA)
    gone = store.get_or_create(Subject("person", "gone"))
    store.destroy(BEA, evidence=False)
    store.destroy(Subject("person", "gone"), evidence=True)
    rival = KeyStore.create(home / "keys.db", KekFile(home / "rival"), "rival", entropy)
    theirs = rival.get_or_create(ANNA)
    with store._database.connection() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept, old = tmp_path / "kept.db", tmp_path / "kept"
    kept.write_bytes((home / "keys.db").read_bytes())
    old.write_bytes((home / "kek").read_bytes())
    assert opens_with(old, kept, tmp_path / "before", entropy) == keys

    # When
    assert store.rotate(NOON) == 2

    # Then
    for each in (store, reopened()):
        assert each.get(ANNA) == keys
        assert each.get(BEA) == SubjectKeys(hers.link, None, hers.evid)
        with pytest.raises(KeysErased):
            each.get(Subject("person", "gone"))
    assert rival.get(ANNA) == theirs
    with pytest.raises(KekMismatch):
        opens_with(home / "kek", kept, tmp_path / "new on old", entropy)
    with pytest.raises(KekMismatch):
        opens_with(old, home / "keys.db", tmp_path / "old on new", entropy)
    assert sorted(path.name for path in home.iterdir()) == [
        "kek",
        "keys.db",
        "keys.db-shm",
        "keys.db-wal",
        "rival",
    ]
    everything = b"".join(path.read_bytes() for path in home.iterdir())
    assert old.read_bytes().split()[2] not in everything
    assert not any(key in everything for key in (keys.link, gone.link, hers.evid))


@in_a_file
def test_the_old_kek_s_own_blocks_are_overwritten(store: KeyStore, home: Path) -> None:
    store.get_or_create(ANNA)
    with (home / "kek").open("rb") as old:
        secret = old.read()
        store.rotate(NOON)
        old.seek(0)
        assert old.read() == bytes(len(secret))


def test_a_process_that_runs_meanwhile_goes_on(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    running = reopened()
    keys = running.get_or_create(ANNA)

    assert [store.rotate(NOON) for _ in range(3)] == [2, 3, 4]

    assert (running.get(ANNA), reopened().get(ANNA)) == (keys, keys)
    assert running.get_or_create(BEA) == store.get(BEA)
    assert running.rotate(NOON) == 5
    assert store.get(BEA) == running.get(BEA)


def test_a_store_without_keys_is_rotated_too(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    assert store.rotate(NOON) == 2
    assert reopened().get_or_create(ANNA) == store.get(ANNA)


class Died(BaseException):
    """The process is gone: nothing it would have done after happens."""


STEPS: dict[type, list[tuple[Any, str]]] = {
    KekFile: [
        (kek_module.durable, "create"),
        (kek_module.durable, "sync_directory"),
        (Path, "replace"),
        (Kek, "wrap"),
    ],
    TokenKek: [
        (TokenKek, "_generate"),
        (TokenWrapping, "wrap"),
        (TokenWrapping, "prove"),
        (TokenWrapping, "destroy"),
    ],
}
"""What a rotation makes durable, in turn; the commits are between them."""


@pytest.mark.parametrize("at", range(2, 23))
def test_wherever_a_rotation_dies_every_key_opens_and_it_can_be_done_again(
    at: int,
    store: KeyStore,
    home: Path,
    keeper: Keeper,
    reopened: Callable[[], KeyStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a rotation that dies before or after its n-th step
    keys, hers = store.get_or_create(ANNA), store.get_or_create(BEA)
    done = list[str]()

    def dying(name: str, step: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **more: object) -> object:
            done.append(name)
            turn = 2 * len(done)
            if turn == at:
                raise Died(name)
            result = step(*args, **more)
            if turn + 1 == at:
                raise Died(name)
            return result

        return run

    with monkeypatch.context() as dies:
        for owner, name in STEPS[type(keeper())]:
            dies.setattr(owner, name, dying(name, getattr(owner, name)))
        steps = {KekFile: 10, TokenKek: 9}[type(keeper())]
        with pytest.raises(Died) if at // 2 <= steps else nullcontext():
            store.rotate(NOON)
        assert len(done) == steps or at // 2 <= steps

    # Then whoever comes next opens everything, can add somebody, and rotate
    for each in (reopened(), store):
        assert (each.get(ANNA), each.get(BEA)) == (keys, hers)
    other = reopened()
    added = other.get_or_create(Subject("person", "new"))
    assert store.get(Subject("person", "new")) == added
    assert store.rotate(NOON) in {2, 3}
    assert (other.get(ANNA), other.get(Subject("person", "new"))) == (keys, added)
    assert keeper().next() is None


def test_who_reads_the_store_is_waited_for_by_doing_it_again(store: KeyStore, home: Path) -> None:
    store.get_or_create(ANNA)
    with closing(sqlite3.connect(home / "keys.db")) as reader:
        reader.execute("BEGIN")
        (wrapped,) = reader.execute("SELECT ops FROM subject WHERE id = ?", (ANNA.id,)).fetchone()
        with pytest.raises(KeysInUse):
            store.rotate(NOON)
    store.rotate(NOON)
    assert not any(wrapped in path.read_bytes() for path in home.glob("keys.db*"))


def test_processes_that_rotate_and_enrol_at_once_lose_no_key(
    home: Path, store: KeyStore, keeper: Keeper
) -> None:
    script = (
        "import os, sys; from pathlib import Path; from audit.keystore import KeyStore, KeysInUse;"
        "from audit.kek import KekFile; from audit.tokenkek import *; from datetime import datetime, UTC;"
        "from audit.fact import Subject; home, name = Path(sys.argv[1]), sys.argv[2];"
        f"store = KeyStore(home / 'keys.db', {written(keeper())}, 'studio', os.urandom)\n"
        "for n in range(30):\n"
        "  keys = store.get_or_create(Subject('person', f'{name}-{n}'))\n"
        "  print(f'{name}-{n}', keys.link.hex(), flush=True)\n"
        "  try:\n"
        "    if n % 5 == 0: store.rotate(datetime.now(UTC))\n"
        "  except KeysInUse: pass\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(home), f"p{number}"],
            env=os.environ | {"PYTHONPATH": str(Path(module.__file__).parents[1])},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    said = [
        line.split() for process in processes for line in process.communicate(timeout=120)[0].splitlines()
    ]

    assert [process.returncode for process in processes] == [0] * 4
    assert len(said) == 120
    for name, link in said:
        keys = store.get(Subject("person", name))
        assert keys is not None
        assert keys.link.hex() == link


@in_a_file
def test_a_store_and_a_kek_of_two_times_lose_nothing(
    store: KeyStore, home: Path, entropy: Entropy, reopened: Callable[[], KeyStore]
) -> None:
    # Given a KEK that came back from before a rotation, beside the store of after it
    keys = store.get_or_create(ANNA)
    kek = (home / "kek").read_bytes()
    store.rotate(NOON)
    newer = (home / "kek").read_bytes()
    store.close()
    (home / "kek").write_bytes(kek)

    # When somebody is enrolled, or it is rotated, also over what a rotation left that broke off
    for left_over in (False, True):
        if left_over:
            Kek.create(home / "kek.next", entropy, epoch=2)
        other = reopened()
        acts = (partial(other.get_or_create, BEA), partial(other.rotate, NOON), partial(other.get, ANNA))
        for act in acts:
            with pytest.raises(KekMismatch):
                act()
        other.close()

    # Then it is refused, and with the KEK of now everything opens.
    assert (home / "kek").read_bytes() == kek
    (home / "kek.next").unlink()
    (home / "kek").write_bytes(newer)
    again = reopened()
    assert again.get(ANNA) == keys
    assert again.get_or_create(BEA) == again.get(BEA)
    assert again.rotate(NOON) == 3
