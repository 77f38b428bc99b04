"""A report as a folder: listed and signed, written down in the log, and only then where it was asked for."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from audit import durable, instant
from audit.canonical import Json, canonical, digest
from audit.checkpoint import Checkpoint
from audit.fact import Fact, Part
from audit.keys import Duty, load_private
from consent import seals
from service.evidence.texts import erased
from service.reports.checking import MANIFEST, SIGNATURE
from service.reports.wanted import Wanted
from service.wiring import Record

EXPORTED = "ProcessingExported"


@contextmanager
def folder(to: Path) -> Iterator[Path]:
    """A folder beside `to`, 0700, that `keep` puts in its place. Gone if anything is raised.

    Raises `DiskFull`, `DiskFailed`.
    """
    with durable.disk(to):
        durable.make_directory(to.parent)
        there = to.with_name(f".{to.name}.new-{os.urandom(8).hex()}")
        there.mkdir(mode=0o700)
    try:
        yield there
    finally:
        shutil.rmtree(there, ignore_errors=True)


def listed(there: Path, said: Mapping[str, Json], checkpoint: Checkpoint, record: Record) -> str:
    """Write manifest and signature over all files that lie there. SHA-256 of the manifest."""
    files = sorted(path for path in there.rglob("*") if path.is_file())
    value: dict[str, Json] = {
        **said,
        "v": 1,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "checkpoint": checkpoint.digest,
        "tool": f"consentry {version('consentry')}",
        "files": {str(path.relative_to(there)): _digest(path) for path in files},
    }
    key = load_private(record.layout.key(Duty.EXPORT), Duty.EXPORT)
    manifest = canonical(value)
    put(there, MANIFEST, manifest)
    put(there, SIGNATURE, f"{key.kid} {key.sign(manifest).hex()}\n".encode())
    return digest(manifest)


def keep(there: Path, to: Path) -> None:
    """Make it durable, and put it in its place. Raises `DiskFull`; `DiskFailed` where something lies too."""
    with durable.disk(to):
        for path in sorted(there.rglob("*"), reverse=True):
            _sync(path)
        _sync(there)
        there.rename(to)
        durable.sync_directory(to.parent)


def put(there: Path, name: str, data: bytes) -> None:
    """Write one file of a report. Raises `DiskFull`, `DiskFailed`."""
    path = there / name
    with durable.disk(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(data)


def written_down(record: Record, report: str, manifest: str, wanted: Wanted, size: int, *, by: str) -> str:
    """The entry of an export, before anybody has it (GDPR art. 19). Its leaf hash.

    It says by which kinds of filters, not for what: a report about one person is told to her, in her part.
    """
    now, tenant = record.clock(), record.settings.tenant
    said: dict[str, Json] = {
        "export": manifest,
        "report": report,
        "period": wanted.period.text,
        "filters": sorted(wanted.filters),
        "size": size,
        "by": by,
        "at": instant.exact(now),
    }
    parts = [Part.of_tenant(tenant, said)]
    if wanted.person is not None and not erased(record, wanted.person):
        hers = {name: said[name] for name in ("export", "report", "period", "by", "at")}
        parts.append(seals.of_her(EXPORTED, wanted.person, hers))
    with record.database.write() as session:
        entry = record.ledger.append(session, Fact(EXPORTED, tuple(parts)), now).leaf_hash
    record.log.publish(entry, now=record.clock())
    return entry


def _digest(path: Path) -> str:
    with durable.disk(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
