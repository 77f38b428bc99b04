"""Putting damaged keys back from a backup, while the KEK under which they were wrapped is there."""

from pathlib import Path

from service import archive
from service.archive import BackupDamaged
from service.wiring import Record


def mend(record: Record, source: Path) -> int:
    """Put wrapped keys that do not open back from a backup's copy of the key store. How many.

    A copy of another epoch mends nothing, and what was destroyed stays destroyed. Raises `BackupDamaged`.
    """
    manifest, path = archive.check(source), f"keystore/{record.settings.tenant}/keys.db"
    if path not in manifest.files:
        raise BackupDamaged(f"{source.name} holds no keys of tenant {record.settings.tenant}")
    return record.keystore.mend(source / path)
