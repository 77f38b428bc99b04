"""Every wrapped key tried: which row of a key store is not as it was written.

A wrapped key is bound to its owner and its epoch (AES-256-GCM), so one bit of a key, of whose it is, or of
the epoch keeps it from opening. A key that was destroyed is null, and the `link` goes with the evidence key:
rows without any hold nothing that could be damaged, except whose they were, which the caller compares.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from audit.kms import KekMismatch, Wrapping
from audit.wrappedrows import COLUMNS, KINDS

_LOOKS = 3
_TEXTS = ("tenant", "kind", "id")
_READ = "SELECT " + ", ".join(
    [f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) END" for name in _TEXTS]
    + ["CASE typeof(epoch) WHEN 'integer' THEN epoch END"]
    # As a blob or not at all: a text that is no UTF-8 any more would end the reading of all rows behind it.
    + [f"typeof({name}), CASE typeof({name}) WHEN 'blob' THEN {name} END" for name in COLUMNS]
)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A row that is not as it was written. `kind` and `id` say whose, as they stand there."""

    kind: str
    id: str
    column: str
    """`link`, `ops` or `evid`; `tenant` or `epoch`; `owner` when nothing of the row opens for whom it names;
    `file` when SQLite itself finds its pages broken."""


@dataclass(frozen=True, slots=True)
class KeysTried:
    """What a store came to."""

    opened: int
    """Keys."""
    destroyed: tuple[tuple[str, str], ...]
    """Kind and id of the rows whose every key is destroyed."""
    damaged: tuple[Damaged, ...]


def check(path: Path, tenant: str, keks: Callable[[], Sequence[Wrapping]]) -> KeysTried:
    """Try every key of a tenant under the KEKs that may be in use: one, or two while a rotation is under way.

    `keks` reads them; raises what it raises. Reads the file as it is and changes nothing. Rows of other
    tenants are theirs to try, unless they open as ours: then their tenant is what was damaged.
    """
    known = keks()
    for _ in range(_LOOKS):
        done = _look(path, tenant, known)
        # A rotation between the two wraps every key anew, and under another KEK than was read.
        before, known = known, keks()
        if not done.damaged or known == before:
            break
    return done


def _look(path: Path, tenant: str, keks: Sequence[Wrapping]) -> KeysTried:
    opened, destroyed, damaged = 0, list[tuple[str, str]](), list[Damaged]()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as store:
            for row in store.execute(f"{_READ} FROM subject"):
                found = _Row.of(row)
                wrong, tried = found.tried(tenant, {kek.epoch: kek for kek in keks})
                opened += tried
                damaged += [Damaged(found.kind, found.id, column) for column in wrong]
                if found.tenant == tenant and not any(key for _, key in found.keys):
                    destroyed.append((found.kind, found.id))
            broken = [line for (line,) in store.execute("PRAGMA integrity_check") if line != "ok"]
            damaged += [Damaged("", "", "file") for _ in broken[:1]]
    except sqlite3.DatabaseError:
        damaged.append(Damaged("", "", "file"))
    return KeysTried(opened, tuple(destroyed), tuple(damaged))


@dataclass(frozen=True, slots=True)
class _Row:
    tenant: str
    kind: str
    id: str
    epoch: int | None
    keys: tuple[tuple[str, bytes | None], ...]
    """With the column's type as SQLite has it."""

    @classmethod
    def of(cls, row: tuple[object, ...]) -> "_Row":
        names = [
            (value if isinstance(value, bytes) else b"").decode(errors="backslashreplace")
            for value in row[:3]
        ]
        epoch = row[3] if isinstance(row[3], int) else None
        pairs = zip(row[4::2], row[5::2], strict=True)
        keys = [(str(kind), value if isinstance(value, bytes) else None) for kind, value in pairs]
        return cls(names[0], names[1], names[2], epoch, tuple(keys))

    def tried(self, tenant: str, keks: dict[int, Wrapping]) -> tuple[list[str], int]:
        """The columns that are wrong, and how many keys opened."""
        wrong = [
            column
            for column, (kind, _) in zip(COLUMNS, self.keys, strict=True)
            if kind not in {"blob", "null"}
        ]
        here = [(column, key) for column, (_, key) in zip(COLUMNS, self.keys, strict=True) if key is not None]
        if self.tenant != tenant:
            return (["tenant"] if any(self._opens(keks, tenant, *one) for one in here) else []), 0
        if not here:
            return [*wrong, *(["owner"] if self.kind not in KINDS else [])], 0
        open_ = [column for column, key in here if self._opens(keks, tenant, column, key)]
        if not open_:
            return ["epoch" if self.epoch not in keks else "owner"], 0
        shut = [column for column, _ in here if column not in open_]
        # Erasure takes these two together: one of them alone was not destroyed by us.
        there = {*wrong, *(column for column, _ in here)}
        return [*wrong, *shut, *(column for column in ("link", "evid") if column not in there)], len(open_)

    def _opens(self, keks: dict[int, Wrapping], tenant: str, column: str, key: bytes) -> bool:
        kek = keks.get(self.epoch or 0)
        try:
            return kek is not None and bool(kek.unwrap(key, [tenant, self.kind, self.id, column]))
        except KekMismatch:
            return False
