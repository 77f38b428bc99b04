"""Backing up and restoring, as far as keys allow.

The order makes an online copy whole. The database first: whatever a row of it needs (a file, a key) was
durable before the row was, so what is copied after it has everything. What comes later besides is
harmless: files that no row names, tiles that `consentry recover` can read back.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree

from audit import durable, instant, keydb
from audit.errors import BadInput
from service import archive, dump
from service.archive import BackupDamaged, BackupTaken, Manifest
from service.database import Database
from service.layout import Layout
from service.settings import FILE, Settings
from service.settings import load as load_settings
from service.wrapping import open_kms
from swap import holdings

_STAYS = ("private", "guard")
"""What the operator puts into a new folder himself: from the keys' own backup, and as it is now."""
KEYS_ALONE = "keys"
"""In the place of a database: a copy of key stores and of nothing else."""
_KEYS = "keystore/"
_PUBLIC = re.compile(r"data/(tenants/[^/]+/)?(log|keys)/")


class KeysOutdated(BadInput):
    """Key store and KEK are not of one time: between them somebody was erased, and nothing would open."""

    code = "KEYS_OUTDATED"
    zh = "密钥库与主密钥（KEK）不属于同一时期：其间已有人被删除，旧副本不得再用。"
    hint = "Put the KEK of now into `private`, and name the newest key store with --keys (`backup --keys`)."
    hint_zh = "请将当前的 KEK 放入 `private`，并以 --keys 指定最新的密钥库副本（`consentry backup --keys`）。"


class RestoreNotEmpty(BadInput):
    """A backup is restored into an empty folder only."""

    code = "RESTORE_NOT_EMPTY"
    zh = "目标目录不为空，不会覆盖。"
    hint = "Name a new folder. Only `private` and `guard`, which are in no backup, may lie in it already."
    hint_zh = "请指定新目录。其中只允许已存在不属于任何备份的 `private` 与 `guard`。"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back."""

    settings: Settings
    manifest: Manifest


def backup(settings: Settings, to: Path, now: datetime) -> Manifest:
    """Copy everything but keys that sign or wrap, journal and head, while the service runs.

    Raises `BackupTaken`, what `service.dump` raises, `DiskFull`, `DiskFailed`; then nothing is left.
    """
    try:
        to.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise BackupTaken(f"{to.name} exists") from None
    try:
        tenants = _tenants(settings)
        data = to / "data"
        data.mkdir(mode=0o700)
        database = dump.dump(settings, data)
        files = {f"data/{database.name}": archive.digest_of(database)}
        for path, source in _sources(settings, _evidence(settings, tenants)):
            try:
                files[path] = archive.copy(source, to / path, public=_public(path))
            except FileNotFoundError:
                continue  # purged, withdrawn or grown over since the snapshot
        files |= _copy_keys(settings, to)
        manifest = Manifest(
            at=instant.exact(now),
            program=version("consentry"),
            database="sqlite" if settings.database is None else "postgresql",
            tenants=tuple(tenants),
            files=files,
        )
        manifest.write(to)
    except BaseException:
        rmtree(to, ignore_errors=True)
        raise
    return manifest


def backup_keys(settings: Settings, to: Path, now: datetime) -> Manifest:
    """Copy the subjects' wrapped keys alone: after an erasure, in place of every copy there was.

    Raises `BackupTaken`, `DiskFull`, `DiskFailed`; then nothing is left.
    """
    try:
        to.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise BackupTaken(f"{to.name} exists") from None
    try:
        manifest = Manifest(
            at=instant.exact(now),
            program=version("consentry"),
            database=KEYS_ALONE,
            tenants=tuple(_tenants(settings)),
            files=_copy_keys(settings, to),
        )
        manifest.write(to)
    except BaseException:
        rmtree(to, ignore_errors=True)
        raise
    return manifest


def restore(source: Path, data: Path, keys: Path | None = None) -> Restored:
    """Put a backup into an empty folder, every byte of it checked first.

    `keys` is a newer copy of the key stores, in place of those of the backup; where a KEK lies there already,
    one of another epoch is refused (`KeysOutdated`): not even what it holds of others would open. Where
    `private/kek` names a KEK in a token, the token has to answer.

    Never a deny journal or a tree head: those of now are beside it and win. Settings come last, so that a
    restore which broke off is no data folder. Raises `BackupDamaged`, `RestoreNotEmpty`, `BadSettings`,
    what `service.dump` raises, `DiskFull`, `DiskFailed`.
    """
    manifest = archive.check(source)
    if manifest.database == KEYS_ALONE:
        raise BackupDamaged(
            f"{source.name} holds keys alone: it goes with --keys beside a backup of the data"
        )
    stores = source if keys is None else keys
    fresh = manifest if keys is None else archive.check(keys)
    settings = load_settings(source / "data").model_copy(update={"data": data})
    _refuse_outdated(stores, fresh, settings)
    there = [path.name for path in _in_the_way(data)]
    if there:
        raise RestoreNotEmpty(f"{data.name} holds {', '.join(sorted(there))}")
    if manifest.database != ("sqlite" if settings.database is None else "postgresql"):
        raise BackupDamaged(f"a snapshot of {manifest.database}, and settings for another database")
    dump.refuse_full(settings)
    durable.make_directory(data, mode=0o700)
    last = f"data/{FILE}"
    try:
        for path in manifest.files:
            place = _place(data, path)
            if path != last and place is not None and not path.startswith(_KEYS):
                _copy(source, path, place, manifest)
        for path in fresh.files:
            place = _place(data, path)
            if path.startswith(_KEYS) and place is not None:
                _copy(stores, path, place, fresh)
        if settings.database is not None:
            dump.load(settings, source / "data" / dump.POSTGRESQL)
        _copy(source, last, data / FILE, manifest)
    except BaseException:
        for half in _in_the_way(data):
            rmtree(half) if half.is_dir() else half.unlink()
        raise
    return Restored(settings, manifest)


def _copy_keys(settings: Settings, to: Path) -> dict[str, str]:
    """Every tenant's key store, each consistent in itself; digests by path."""
    files = {}
    for tenant in _tenants(settings):
        path = f"{_KEYS}{tenant}/keys.db"
        (to / path).parent.mkdir(mode=0o700, parents=True)
        dump.copy_sqlite(_layout(settings, tenant).keystore, to / path)
        files[path] = archive.digest_of(to / path)
    return files


def _refuse_outdated(folder: Path, manifest: Manifest, settings: Settings) -> None:
    for path in manifest.files:
        if not path.startswith(_KEYS):
            continue
        tenant = path.removeprefix(_KEYS).partition("/")[0]
        kek = _layout(settings, tenant).kek
        newest = keydb.epoch(folder / path, tenant)
        if not kek.exists() or newest is None:
            continue
        kms = open_kms(settings.model_copy(update={"tenant": tenant}), kek)
        epochs = [one.epoch for one in (kms.current(), kms.next()) if one is not None]
        if newest not in epochs:
            raise KeysOutdated(f"{path} is of epoch {newest}, the KEK of epoch {epochs[0]}")


def _evidence(settings: Settings, tenants: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """By tenant, what is copied from its quarantine: nothing that is there for hours only.

    A donor's photo is her face, and goes within a day; a backup would keep it for years, where no erasure of
    hers comes. After a restore it is asked for again.
    """
    database = Database(settings.database_url)
    try:
        with database.read() as session:
            return {tenant: holdings.received(session, tenant) for tenant in tenants}
    finally:
        database.close()


def _sources(settings: Settings, evidence: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, Path]]:
    yield f"data/{FILE}", settings.data / FILE
    for tenant in _tenants(settings):
        layout = _layout(settings, tenant)
        base = layout.root.relative_to(settings.data)
        # The checkpoint before its tiles: whatever it implies is there by then.
        if (layout.log / "checkpoint").exists():
            yield f"data/{base / 'log' / 'checkpoint'}", layout.log / "checkpoint"
        for folder in (layout.log, layout.public, layout.media, layout.quarantine):
            for path in sorted(folder.rglob("*")):
                # Dotted names are files in the making.
                if folder == layout.quarantine and path.name not in evidence[tenant]:
                    continue
                if path.is_file() and not path.name.startswith(".") and path.name != "checkpoint":
                    yield f"data/{path.relative_to(settings.data).as_posix()}", path


def _tenants(settings: Settings) -> list[str]:
    """Every tenant of the data folder: they share its database."""
    folder = settings.data / "tenants"
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [each for each in ("default", *others) if _layout(settings, each).keystore.exists()]


def _layout(settings: Settings, tenant: str) -> Layout:
    return Layout.of(settings.model_copy(update={"tenant": tenant}))


def _in_the_way(data: Path) -> list[Path]:
    """What lies in a folder besides keys and guards that the operator put there."""
    if not data.exists():
        return []
    tenants = data / "tenants"
    roots = [data, *(tenants.iterdir() if tenants.is_dir() else ())]
    return [path for root in roots for path in root.iterdir() if path.name not in _STAYS and path != tenants]


def _place(data: Path, path: str) -> Path | None:
    """Where a file of a backup goes; None for what is loaded rather than copied."""
    kind, _, rest = path.partition("/")
    if kind == "keystore":
        return _root(data, rest.partition("/")[0]) / "subjects" / "keys.db"
    return None if rest == dump.POSTGRESQL else data / rest


def _root(data: Path, tenant: str) -> Path:
    return data if tenant == "default" else data / "tenants" / tenant


def _copy(source: Path, path: str, place: Path, manifest: Manifest) -> None:
    if archive.copy(source / path, place, public=_public(path)) != manifest.files[path]:
        raise BackupDamaged(f"{path} changed while it was restored")


def _public(path: str) -> bool:
    return _PUBLIC.match(path) is not None
