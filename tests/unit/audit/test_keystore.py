import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from audit import keystore as module
from audit.durable import DiskFailed, DiskFull
from audit.fact import Seal, Subject
from audit.ids import Entropy
from audit.kek import Kek, KekMismatch
from audit.keys import KeyMalformed
from audit.keystore import KeysErased, KeysInUse, KeyStore
from audit.sealing import SealBroken
from audit.secretfile import KeyExists, KeyFileExposed, KeyMissing
from logbook import ANNA, BEA, a_full_disk


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "private"


@pytest.fixture
def store(home: Path, entropy: Entropy) -> KeyStore:
    return KeyStore.create(home / "keys.db", home / "kek", "studio", entropy)


def reopened(home: Path, entropy: Entropy, tenant: str = "studio") -> KeyStore:
    return KeyStore(home / "keys.db", home / "kek", tenant, entropy)


def test_a_subject_keeps_its_keys(store: KeyStore, home: Path, entropy: Entropy) -> None:
    keys = store.get_or_create(ANNA)

    assert store.get_or_create(ANNA) == keys
    assert reopened(home, entropy).get(ANNA) == keys
    assert len({keys.link, keys.ops, keys.evid}) == 3
    assert (keys.sealing(Seal.OPS), keys.sealing(Seal.EVID)) == (keys.ops, keys.evid)


def test_who_was_never_seen_has_no_keys(store: KeyStore) -> None:
    assert store.get(ANNA) is None


def test_every_subject_has_keys_of_its_own(store: KeyStore) -> None:
    same_id = Subject("output", ANNA.id)

    assert len({store.get_or_create(each).ops for each in (ANNA, BEA, same_id)}) == 3


def test_tenants_share_a_file_and_nothing_else(store: KeyStore, home: Path, entropy: Entropy) -> None:
    other = KeyStore.create(home / "keys.db", home / "other-kek", "rival", entropy)

    assert other.get(ANNA) is None or other.get(ANNA) != store.get(ANNA)
    assert other.get_or_create(ANNA) != store.get_or_create(ANNA)


def test_keys_are_on_the_disk_before_anybody_gets_them(home: Path, store: KeyStore) -> None:
    # Given a process that dies the moment it has the keys,
    script = (
        "import os, sys; from pathlib import Path;"
        "from audit.keystore import KeyStore; from audit.fact import Subject;"
        "home = Path(sys.argv[1]);"
        "store = KeyStore(home / 'keys.db', home / 'kek', 'studio', os.urandom);"
        "keys = store.get_or_create(Subject('person', 'x'));"
        "print(keys.link.hex(), flush=True); os._exit(9)"
    )
    source = Path(module.__file__).parents[1]

    died = subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env={"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )

    keys = store.get(Subject("person", "x"))
    assert died.returncode == 9
    assert keys is not None
    assert keys.link.hex() == died.stdout.strip()


def test_sixty_four_threads_agree_on_the_keys_of_a_new_subject(
    store: KeyStore, home: Path, entropy: Entropy
) -> None:
    stores = [store, reopened(home, entropy)]

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


def test_a_store_others_can_read_is_not_used(store: KeyStore, home: Path, entropy: Entropy) -> None:
    store.close()
    (home / "keys.db").chmod(0o640)

    with pytest.raises(KeyFileExposed):
        reopened(home, entropy)


def test_only_init_makes_a_kek(store: KeyStore, home: Path, entropy: Entropy) -> None:
    with pytest.raises(KeyExists):
        KeyStore.create(home / "keys.db", home / "kek", "studio", entropy)
    (home / "kek").unlink()
    with pytest.raises(KeyMissing):
        reopened(home, entropy)
    (home / "keys.db").unlink()
    with pytest.raises(KeyMissing):
        KeyStore(home / "keys.db", home / "kek", "studio", entropy)


def test_a_kek_of_another_deployment_opens_nothing(store: KeyStore, home: Path, entropy: Entropy) -> None:
    store.get_or_create(ANNA)
    (home / "kek").unlink()
    Kek.create(home / "kek", entropy)

    with pytest.raises(KekMismatch):
        reopened(home, entropy).get(ANNA)


def test_a_kek_of_another_time_opens_nothing(store: KeyStore, home: Path, entropy: Entropy) -> None:
    store.get_or_create(ANNA)
    kek = home / "kek"
    kek.write_bytes(kek.read_bytes().replace(b"v1 1 ", b"v1 2 "))

    with pytest.raises(KekMismatch):
        reopened(home, entropy).get(ANNA)


def test_a_kek_file_with_something_else_in_it_is_malformed(
    store: KeyStore, home: Path, entropy: Entropy
) -> None:
    (home / "kek").write_bytes(b"consentry/kek/v1 0 00\n")

    with pytest.raises(KeyMalformed):
        reopened(home, entropy)


@pytest.mark.parametrize(
    "change", ["UPDATE subject SET ops = evid", "UPDATE subject SET id = 'someone else'"]
)
def test_wrapped_keys_can_not_be_moved_about(
    store: KeyStore, home: Path, entropy: Entropy, change: str
) -> None:
    store.get_or_create(ANNA)
    with sqlite3.connect(home / "keys.db") as intruder:
        intruder.execute(change)
    intruder.close()

    fresh = reopened(home, entropy)
    with pytest.raises(KekMismatch):
        fresh.get(ANNA if "ops" in change else Subject("person", "someone else"))


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


def test_a_full_disk_is_named_and_leaves_the_store_as_it_was(store: KeyStore) -> None:
    known = store.get_or_create(ANNA)

    with a_full_disk(), pytest.raises((DiskFull, DiskFailed)):
        store.get_or_create(BEA)

    assert store.get_or_create(ANNA) == known
    assert store.get(BEA) is None
    assert store.get_or_create(BEA) == store.get(BEA)


def test_a_full_database_is_a_full_disk(store: KeyStore) -> None:
    with store._database.connection() as connection:
        connection.execute("PRAGMA max_page_count = 1")

    def fill() -> None:
        for number in range(500):
            store.get_or_create(Subject("person", str(number)))

    with pytest.raises(DiskFull):
        fill()


def test_a_kek_rotated_by_another_process_is_read_again(
    store: KeyStore, home: Path, entropy: Entropy
) -> None:
    # Given another process that wraps every key under a new KEK, and forgets the old one,
    keys = store.get_or_create(ANNA)
    running = reopened(home, entropy)
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
    assert running.get_or_create(BEA) == reopened(home, entropy).get(BEA)


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
    store: KeyStore, home: Path, entropy: Entropy
) -> None:
    # Given a subject with something sealed under each key, and another process that remembers both
    before, blob = store.get_or_create(ANNA), store.encrypt(ANNA, "reference", b"a face")

    # When the operational key is destroyed
    assert store.destroy(ANNA, evidence=False)
    assert not store.destroy(ANNA, evidence=False), "it was there once"

    # Then it is gone here, for whoever opens the same files, and for nobody else
    for each in (store, reopened(home, entropy)):
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
        reopened(home, entropy).get_or_create(ANNA)


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
