"""Putting damaged keys back from a backup, while the KEK under which they were wrapped is there."""

from dataclasses import dataclass
from pathlib import Path

from consent.withdrawal import By, How
from service import archive, erasing
from service.archive import BackupDamaged
from service.endings import Again, Endings
from service.erasing import Anew
from service.wiring import Record


@dataclass(frozen=True, slots=True)
class Mended:
    """What became of it."""

    keys: int
    """That were put back."""
    again: Again
    """What a recovery could not say again while they did not open."""
    erased: Anew


def mend(record: Record, source: Path) -> Mended:
    """Put wrapped keys that do not open back from a backup's copy of the key store.

    A copy of another epoch mends nothing, and what was destroyed stays destroyed. Raises `BackupDamaged`.
    """
    manifest, path = archive.check(source), f"keystore/{record.settings.tenant}/keys.db"
    if path not in manifest.files:
        raise BackupDamaged(f"{source.name} holds no keys of tenant {record.settings.tenant}")
    keys = record.keystore.mend(source / path)
    # Also where none was put back now: who did it before may have died here.
    with record.database.write() as session:
        again = Endings(record.ledger, record.journal, record.entropy).again(session, record.clock())
    erased = erasing.again(record, By(How.OPERATOR, "mend"))
    record.log.publish(now=record.clock())
    return Mended(keys, again, erased)
