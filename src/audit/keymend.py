"""Wrapped keys that do not open, put back from a copy of the store: their bytes, their epoch, whole rows.

What was destroyed since the copy stays destroyed: only where there are bytes, bytes are replaced. No row is
ever removed, so one that the copy alone has was lost, or stands here under a name that was never anybody's.
"""

from dataclasses import replace
from sqlite3 import Connection

from audit import rewrapping, wrappedrows
from audit.kms import Wrapping
from audit.rewrapping import opens, unwrapped
from audit.wrappedrows import COLUMNS, WrappedRow


def mend(connection: Connection, reader: Connection, copy: Connection, tenant: str, kek: Wrapping) -> int:
    """Put back what opens in the copy and not here, and write the table anew. How many keys."""
    there = {row.owner: row for row in wrappedrows.rows(copy)}
    here = wrappedrows.rows(reader)
    # Under a name of nobody's. The copy may know whose it was.
    strays = [row for row in here if row.owner not in there and not opens(kek, row)]
    kept = [row for row in here if row not in strays]
    rows, mended = [], 0
    for row in kept:
        other = there.get(row.owner)
        anew, back = (row, 0) if other is None or row.tenant != tenant else _mended(row, other, kek)
        rows.append(anew)
        mended += back
    if not any(row.destroyed for row in strays):
        known = {row.owner for row in rows}
        for owner, lost in there.items():
            if owner[0] == tenant and owner not in known and opens(kek, lost):
                rows.append(replace(_as_far_as_left(lost, strays), epoch=kek.epoch))
                mended += sum(key is not None for key in rows[-1].keys)
    present = {key for row in rows for key in row.keys if key is not None}
    rows += [row for row in strays if present.isdisjoint(row.keys)]
    wrappedrows.write(connection, rows, lambda row: opens(kek, row))
    _forget(connection, tenant, kek, rows)
    return mended


def _mended(row: WrappedRow, other: WrappedRow, kek: Wrapping) -> tuple[WrappedRow, int]:
    keys, mended = list(row.keys), 0
    for place, column in enumerate(COLUMNS):
        if row.keys[place] is None or unwrapped(kek, row, column) is not None:
            continue
        if unwrapped(kek, other, column) is not None:
            keys[place] = other.keys[place]
            mended += 1
    anew = replace(row, keys=tuple(keys))
    return (replace(anew, epoch=kek.epoch) if opens(kek, anew) else row), mended


def _as_far_as_left(lost: WrappedRow, strays: list[WrappedRow]) -> WrappedRow:
    """Without what was destroyed of hers since, as the row says that went astray."""
    for row in strays:
        if not {key for key in row.keys if key is not None}.isdisjoint(lost.keys):
            keys = zip(lost.keys, row.keys, strict=True)
            return replace(lost, keys=tuple(None if left is None else key for key, left in keys))
    return lost


def _forget(connection: Connection, tenant: str, kek: Wrapping, rows: list[WrappedRow]) -> None:
    """What opens again, or is of nobody any more, is waited for no longer."""
    names = {tuple(map(wrappedrows.printable, row.owner)) for row in rows}
    for one, _ in list(rewrapping.noted(connection, tenant)):
        if rewrapping.opens_now(connection, tenant, kek, one) or (tenant, one.kind, one.id) not in names:
            connection.execute(
                "DELETE FROM damaged WHERE tenant = ? AND kind = ? AND id = ? AND key = ?",
                (tenant, one.kind, one.id, one.key),
            )
