"""A backup as a folder: what is in it by digest, and the manifest that is written last.

    DIR/manifest.json   what is here, SHA-256 by path; without it the backup was not finished
    DIR/data/           settings, database, media, log, public keys
    DIR/keystore/       the subjects' wrapped keys, alone: to be moved to other storage, and kept briefly

Not in it, ever: private keys and the KEK, the deny journal, the tree head. The first open everything
together with the rest; the others must not go back in time with the database.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from audit import durable
from audit.canonical import Json, NotCanonical, canonical
from audit.errors import BadInput, Diverged
from consent.strict import decode

MANIFEST = "manifest.json"
VERSION = 1
_CHUNK = 1 << 20


class BackupTaken(BadInput):
    """Something lies where a backup should be written."""

    code = "BACKUP_TAKEN"
    zh = "目标目录已存在，不会覆盖。"
    hint = "Name a folder that does not exist yet; one a backup, never one twice."
    hint_zh = "请指定尚不存在的目录；每次备份使用新的目录，不得重复使用。"


class BackupDamaged(Diverged):
    """A backup is not whole, or not what was written."""

    code = "BACKUP_DAMAGED"
    zh = "备份不完整或内容已改变。"
    hint = "Take another backup. Without a manifest it was never finished; nothing was restored from it."
    hint_zh = "请改用其他备份。没有清单（manifest）的备份并未完成；未从中恢复任何内容。"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    at: str
    program: str
    database: str
    """`sqlite` or `postgresql`: one is not restored into the other."""
    tenants: tuple[str, ...]
    files: Mapping[str, str]
    """SHA-256 by path within the backup."""

    def write(self, folder: Path) -> None:
        """Finish a backup. Durable when it returns."""
        value: dict[str, Json] = {
            "v": VERSION,
            "at": self.at,
            "program": self.program,
            "database": self.database,
            "tenants": list(self.tenants),
            "files": dict(self.files),
        }
        durable.create(folder / MANIFEST, canonical(value), mode=0o600)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of a finished backup. Raises `BackupDamaged`."""
        try:
            value = decode((folder / MANIFEST).read_bytes())
        except (OSError, NotCanonical):
            raise BackupDamaged(f"{folder.name} has no manifest that can be read") from None
        match value:
            case {
                "v": 1,
                "at": str(at),
                "program": str(program),
                "database": str(database),
                "tenants": list(tenants),
                "files": dict(files),
            } if all(_inside(path) and isinstance(digest, str) for path, digest in files.items()):
                digests = {str(path): str(digest) for path, digest in files.items()}
                return cls(at, program, database, tuple(map(str, tenants)), digests)
        raise BackupDamaged(f"the manifest of {folder.name} is of another kind")


def check(folder: Path) -> Manifest:
    """The manifest, once every file it names is there and is the one that was written.

    Raises `BackupDamaged`.
    """
    manifest = Manifest.read(folder)
    for path, digest in manifest.files.items():
        try:
            found = digest_of(folder / path)
        except OSError:
            raise BackupDamaged(f"{path} is missing") from None
        if found != digest:
            raise BackupDamaged(f"{path} holds other bytes than were written")
    return manifest


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(source: Path, target: Path, *, public: bool = False) -> str:
    """A durable copy that replaces nothing; the SHA-256 of its bytes.

    Raises `FileNotFoundError` when there is nothing to copy, `DiskFull`, `DiskFailed`.
    """
    with source.open("rb") as opened, durable.disk(target):
        durable.make_directory(target.parent, mode=0o755 if public else 0o700)
        digest = hashlib.sha256()
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o644 if public else 0o600)
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        durable.sync_directory(target.parent)
    return digest.hexdigest()


def _inside(path: object) -> bool:
    # A manifest is a file that somebody may have edited: it must not name what lies outside.
    if not isinstance(path, str) or not path or "\\" in path or "\0" in path:
        return False
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or pure.parts[0] not in {"data", "keystore"}:
        return False
    # Nor what no backup has: private keys, and what a restored database is held against.
    within = pure.parts[3:] if pure.parts[1:2] == ("tenants",) else pure.parts[1:]
    return within[:1] not in {("private",), ("guard",)}
