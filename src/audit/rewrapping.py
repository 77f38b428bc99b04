"""Every wrapped key of a tenant from one KEK to the next, and what becomes of those that do not open.

One damaged key must not keep everybody else's erasure from its end, and must not be lost in silence either.
So it is written down when a rotation finds it, and the rotation waits for `GRACE`: as long as the KEK of
before is there, an undamaged copy of the wrapped key can be put back (`mend`). Then it goes on. The bytes are
carried along as they are, with the epoch under which they would have to open: the KEK at hand does not open
them, so nothing goes with it that could have been had. Where not one key opens, it is the wrong KEK, and
nothing is done.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from sqlite3 import Connection

from audit import instant, keydb, wrappedrows
from audit.canonical import NotCanonical
from audit.errors import Unready
from audit.ids import Entropy
from audit.kms import KekMismatch, Wrapping
from audit.wrappedrows import COLUMNS, KINDS, WrappedRow

GRACE = timedelta(days=7)
"""For how long a rotation waits for a damaged key: about half of what the law leaves for an answer."""
_TRIED = 1000


class KeyDamaged(KekMismatch):
    """This subject's wrapped keys do not open, and others' do: they were damaged, or changed."""

    code = "KEY_DAMAGED"
    zh = "该主体的密钥已损坏，无法解开；其他主体的密钥正常。"
    hint = "Put it back from a copy of the key store of the same epoch: `consentry mend --from DIR`."
    hint_zh = "请用同一时期的密钥库副本恢复：`consentry mend --from 目录`。"


class KeysDamaged(Unready):
    """Wrapped keys do not open. The rotation waits, so that they can be put back while their KEK is there."""

    code = "KEYS_DAMAGED"
    zh = "部分密钥已损坏，暂缓更换主密钥（KEK），以便从副本恢复。"
    hint = "`consentry mend --from DIR` puts them back from a copy of the key store; after a week it goes on."
    hint_zh = "请用 `consentry mend --from 目录` 从密钥库副本恢复；一周后将不再等待。"


@dataclass(frozen=True, slots=True)
class Spoilt:
    """One wrapped key that does not open."""

    kind: str
    id: str
    key: str
    epoch: int


@dataclass(frozen=True, slots=True, repr=False)
class Anew:
    """What a rotation will write: nothing of it is written yet."""

    rows: Sequence[WrappedRow]
    """Of every tenant: of the others as they are."""
    spoilt: Sequence[Spoilt]
    wrapped: int
    """How many rows of the tenant's there are."""

    def write(self, connection: Connection, new: Wrapping) -> None:
        """Put every key under the new KEK."""
        wrappedrows.write(connection, self.rows, lambda row: opens(new, row))


def rewrap(reader: Connection, tenant: str, old: Wrapping, new: Wrapping, entropy: Entropy) -> Anew:
    """Unwrap every key of the tenant and wrap it under `new`. Raises `KekMismatch` where not one opens."""
    rows, spoilt, opened, ours = list[WrappedRow](), list[Spoilt](), 0, 0
    for found in wrappedrows.rows(reader):
        # Of another tenant, unless it opens as ours: then its tenant is what was damaged.
        row = replace(found, owner=(tenant, *found.owner[1:]))
        if found.tenant != tenant and not opens(old, row):
            rows.append(found)
            if found.kind not in KINDS:
                # Of nobody: what is left of a row of which more than a key was damaged, and it may be ours.
                spoilt += _spoilt(found, old.epoch)
            continue
        anew: list[bytes | None] = []
        for column, key in zip(COLUMNS, row.keys, strict=True):
            plain = None if key is None else unwrapped(old, row, column)
            if key is not None and plain is None:
                spoilt += _spoilt(row, old.epoch, column)
            opened += plain is not None
            anew.append(key if plain is None else new.wrap(plain, row.named(column), entropy))
        ours += 1
        rows.append(replace(row, epoch=new.epoch, keys=tuple(anew)))
    if spoilt and not opened:
        raise KekMismatch(f"of {len(spoilt)} wrapped keys none opens under the KEK of epoch {old.epoch}")
    return Anew(rows, spoilt, ours)


def note(connection: Connection, tenant: str, spoilt: Sequence[Spoilt], now: datetime) -> datetime | None:
    """Write down which keys do not open; the rest is forgotten. Until when to wait for them, if at all."""
    known = {
        (one.kind, one.id, one.key): (one.epoch, keydb.found_at(since, now))
        for one, since in noted(connection, tenant)
    }
    connection.execute("DELETE FROM damaged WHERE +tenant = ?", (tenant,))
    rows, until = [], now
    for one in spoilt:
        # The epoch of when it was found first: what is carried along lies in a row of a later one.
        epoch, found = known.get((one.kind, one.id, one.key), (one.epoch, None))
        since = found or now
        rows.append((tenant, one.kind, one.id, one.key, epoch, instant.exact(since)))
        until = max(until, since + GRACE)
    connection.executemany("INSERT OR REPLACE INTO damaged VALUES (?, ?, ?, ?, ?, ?)", rows)
    return until if until > now else None


def awaited(reader: Connection, tenant: str, kek: Wrapping, now: datetime) -> datetime | None:
    """Until when to wait for keys that were found before and still do not open. Costs those alone."""
    ends = []
    for one, written in noted(reader, tenant):
        # A note that can't be read is not waited for: the rotation that finds the key again writes it anew.
        since = keydb.found_at(written, now)
        if since is not None and since + GRACE > now and not opens_now(reader, tenant, kek, one):
            ends.append(since + GRACE)
    return max(ends, default=None)


def opens(kek: Wrapping, row: WrappedRow) -> bool:
    """Whether a key of this row opens."""
    return any(unwrapped(kek, row, column) is not None for column in COLUMNS)


def opens_any(connection: Connection, tenant: str, kek: Wrapping) -> bool:
    """Whether a key of the tenant's opens under this KEK, whatever epoch stands beside it."""
    return any(opens(kek, row) for row in wrappedrows.some(connection, tenant, kek.epoch, _TRIED))


def expect_opens(connection: Connection, tenant: str, kek: Wrapping) -> None:
    """Raise `KekMismatch` unless a key of the tenant's opens under this KEK; none left is none to lose."""
    # One damaged key says nothing about the KEK, whichever it is.
    if not opens_any(connection, tenant, kek) and any(wrappedrows.some(connection, tenant, kek.epoch, 1)):
        raise KekMismatch(f"of the subjects' keys none opens under the KEK of epoch {kek.epoch}")


def unwrapped(kek: Wrapping, row: WrappedRow, column: str) -> bytes | None:
    """The key in this column; None: destroyed, or it does not open for whom the row names."""
    key = row.keys[COLUMNS.index(column)]
    # A name that is no UTF-8 any more has no canonical form, and nothing was ever bound to it.
    with suppress(KekMismatch, NotCanonical):
        return None if key is None else kek.unwrap(key, row.named(column))
    return None


def _spoilt(row: WrappedRow, epoch: int, *columns: str) -> Iterator[Spoilt]:
    _, kind, id_ = map(wrappedrows.printable, row.owner)
    for column in columns or COLUMNS:
        yield Spoilt(kind, id_, column, epoch)


def noted(connection: Connection, tenant: str) -> Iterator[tuple[Spoilt, bytes]]:
    """What is known not to open, and when that was found, as it is written."""
    query = (
        "SELECT CAST(kind AS BLOB), CAST(id AS BLOB), CAST(key AS BLOB), CAST(epoch AS INTEGER),"
        " CAST(since AS BLOB) FROM damaged WHERE +tenant = ?"
    )
    for *names, epoch, since in connection.execute(query, (tenant,)).fetchall():
        kind, id_, key = (bytes(name).decode(errors="backslashreplace") for name in names)
        yield Spoilt(kind, id_, key, epoch), since


def opens_now(connection: Connection, tenant: str, kek: Wrapping, one: Spoilt) -> bool:
    """Whether what was noted opens again."""
    row = wrappedrows.find(connection, (tenant, one.kind, one.id))
    return row is not None and one.key in COLUMNS and unwrapped(kek, row, one.key) is not None
