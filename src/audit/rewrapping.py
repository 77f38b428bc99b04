"""Every wrapped key of a tenant from one KEK to the next, and what becomes of those that do not open.

One damaged key must not keep everybody else's erasure from its end, and must not be lost in silence either.
So it is written down when a rotation finds it, and the rotation waits for `GRACE`: as long as the KEK of
before is there, an undamaged copy of the wrapped key can be put back (`mend`). Then it goes on. The bytes are
carried along as they are, with the epoch under which they would have to open: the KEK at hand does not open
them, so nothing goes with it that could have been had. Where not one key opens, it is the wrong KEK, and
nothing is done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from sqlite3 import Connection

from audit import instant
from audit.errors import Unready
from audit.ids import Entropy
from audit.kms import KekMismatch, Wrapping

COLUMNS = ("link", "ops", "evid")
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

    rows: Sequence[tuple[object, ...]]
    spoilt: Sequence[Spoilt]

    def write(self, connection: Connection) -> None:
        """Put every key under the new KEK."""
        connection.executemany(
            "UPDATE subject SET epoch = ?, link = ?, ops = ?, evid = ?"
            " WHERE tenant = ? AND kind = ? AND id = ?",
            self.rows,
        )


def rewrap(connection: Connection, tenant: str, old: Wrapping, new: Wrapping, entropy: Entropy) -> Anew:
    """Unwrap every key of the tenant and wrap it under `new`. Raises `KekMismatch` where not one opens."""
    rows, spoilt, opened = [], [], 0
    for kind, id_, epoch, *wrapped in connection.execute(
        "SELECT kind, id, epoch, link, ops, evid FROM subject WHERE tenant = ?", (tenant,)
    ).fetchall():
        anew: list[bytes | None] = []
        for column, key in zip(COLUMNS, wrapped, strict=True):
            owner = _owner(tenant, kind, id_, column)
            try:
                plain = None if key is None else old.unwrap(key, owner)
            except KekMismatch:
                spoilt.append(Spoilt(kind, id_, column, epoch))
                anew.append(key)
                continue
            opened += plain is not None
            anew.append(None if plain is None else new.wrap(plain, owner, entropy))
        rows.append((new.epoch, *anew, tenant, kind, id_))
    if spoilt and not opened:
        raise KekMismatch(f"of {len(spoilt)} wrapped keys none opens under the KEK of epoch {old.epoch}")
    return Anew(rows, spoilt)


def note(connection: Connection, tenant: str, spoilt: Sequence[Spoilt], now: datetime) -> datetime | None:
    """Write down which keys do not open; the rest is forgotten. Until when to wait for them, if at all."""
    known = {
        (kind, id_, key): (epoch, since)
        for kind, id_, key, epoch, since in connection.execute(
            "SELECT kind, id, key, epoch, since FROM damaged WHERE tenant = ?", (tenant,)
        ).fetchall()
    }
    connection.execute("DELETE FROM damaged WHERE tenant = ?", (tenant,))
    rows = []
    for one in spoilt:
        # The epoch of when it was found first: what is carried along lies in a row of a later one.
        epoch, since = known.get((one.kind, one.id, one.key), (one.epoch, instant.exact(now)))
        rows.append((tenant, one.kind, one.id, one.key, epoch, since))
    connection.executemany("INSERT INTO damaged VALUES (?, ?, ?, ?, ?, ?)", rows)
    until = max((datetime.fromisoformat(row[5]) for row in rows), default=now - GRACE) + GRACE
    return until if until > now else None


def awaited(connection: Connection, tenant: str, kek: Wrapping, now: datetime) -> datetime | None:
    """Until when to wait for keys that were found before and still do not open. Costs those alone."""
    ends = []
    for kind, id_, key, since in connection.execute(
        "SELECT kind, id, key, since FROM damaged WHERE tenant = ?", (tenant,)
    ).fetchall():
        until = datetime.fromisoformat(since) + GRACE
        if until > now and not _opens(connection, kek, _owner(tenant, kind, id_, key)):
            ends.append(until)
    return max(ends, default=None)


def mend(connection: Connection, copy: Connection, tenant: str, kek: Wrapping) -> int:
    """Put keys that do not open back from a copy of the store, if they open there. How many.

    What was destroyed since stays destroyed: only where there are bytes, bytes are replaced.
    """
    mended = 0
    for kind, id_, *wrapped in connection.execute(
        "SELECT kind, id, link, ops, evid FROM subject WHERE tenant = ?", (tenant,)
    ).fetchall():
        for column, key in zip(COLUMNS, wrapped, strict=True):
            owner = _owner(tenant, kind, id_, column)
            if key is None or _unwraps(kek, key, owner) or not _opens(copy, kek, owner):
                continue
            connection.execute(
                f"UPDATE subject SET {column} = ? WHERE tenant = ? AND kind = ? AND id = ?",  # noqa: S608
                (_stored(copy, owner), tenant, kind, id_),
            )
            connection.execute(
                "DELETE FROM damaged WHERE tenant = ? AND kind = ? AND id = ? AND key = ?", tuple(owner)
            )
            mended += 1
    return mended


def expect_opens(connection: Connection, tenant: str, kek: Wrapping) -> None:
    """Raise `KekMismatch` unless a key of this KEK's epoch opens under it; none left is none to lose."""
    rows = connection.execute(
        "SELECT kind, id, link, ops, evid FROM subject WHERE tenant = ? AND epoch = ?"
        " AND coalesce(link, ops, evid) IS NOT NULL LIMIT ?",
        (tenant, kek.epoch, _TRIED),
    ).fetchall()
    # One damaged key says nothing about the KEK, whichever it is.
    if rows and not any(
        key is not None and _unwraps(kek, key, _owner(tenant, kind, id_, column))
        for kind, id_, *wrapped in rows
        for column, key in zip(COLUMNS, wrapped, strict=True)
    ):
        raise KekMismatch(f"of {len(rows)} subjects' keys none opens under the KEK of epoch {kek.epoch}")


def _opens(connection: Connection, kek: Wrapping, owner: Sequence[str]) -> bool:
    key = _stored(connection, owner)
    return key is not None and _unwraps(kek, key, owner)


def _stored(connection: Connection, owner: Sequence[str]) -> bytes | None:
    *subject, column = owner
    found = connection.execute(
        f"SELECT {column} FROM subject WHERE tenant = ? AND kind = ? AND id = ?",  # noqa: S608
        subject,
    ).fetchone()
    return found[0] if found else None


def _unwraps(kek: Wrapping, key: bytes, owner: Sequence[str]) -> bool:
    try:
        kek.unwrap(key, list(owner))
    except KekMismatch:
        return False
    return True


def _owner(tenant: str, kind: str, id_: str, column: str) -> list[str]:
    return [tenant, kind, id_, column]
