"""Prunings as rows, and what goes of the tree's rows. The one module that deletes entries.

What stays in the database of a pruned entry is its hash, 32 bytes in the tile over it: of a leaf with 128
random bits in it nobody guesses anything from that, and with it the whole tree can be hashed again, a witness
that is far behind can be caught up, and an entry that went is told from one that never was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import SelectBase, Table, bindparam, delete, func, insert, select, update
from sqlmodel import Session

from audit.errors import BadInput
from audit.tables import EntryRow, PruningRow, SealedRow, TileRow
from audit.tile import WIDTH

_ENTRY = cast(Table, EntryRow.__table__)  # type: ignore[attr-defined]
_SEALED = cast(Table, SealedRow.__table__)  # type: ignore[attr-defined]
_TILE = cast(Table, TileRow.__table__)  # type: ignore[attr-defined]
_PRUNING = cast(Table, PruningRow.__table__)  # type: ignore[attr-defined]

_PAGE = 500
_CHUNK = 4 * WIDTH
"""Entries that one unit of work deletes: on SQLite nobody else writes meanwhile."""

_LAST = (
    select(_PRUNING).where(_PRUNING.c.tenant_id == bindparam("tenant")).order_by(_PRUNING.c.minimum.desc())
)
_MINIMUM = select(func.max(_PRUNING.c.minimum)).where(
    _PRUNING.c.tenant_id == bindparam("tenant"), _PRUNING.c.shown
)


class EntryPruned(BadInput):
    """The entry was in the log, and went when its retention was over. Its place in the tree stays."""

    code = "ENTRY_PRUNED"
    zh = "该条目已按保存期限从日志中裁剪，内容不再保存。"
    hint = "`consentry log status` says up to where. Receipts and bundles made before still verify."
    hint_zh = "运行 `consentry log status` 可查看裁剪范围；此前出具的回执与证据包仍可验证。"


class TilePruned(BadInput):
    """A tile or bundle of entries that were all pruned."""

    code = "TILE_PRUNED"
    zh = "该日志文件所含条目已按保存期限裁剪。"
    hint = "Ask from the minimum index on; `/log/pruned` proves it. Tiles above level 0 are all there."
    hint_zh = "请从最小索引起请求；`/log/pruned` 可供核验。0 级以上的哈希文件均保留。"


@dataclass(frozen=True, slots=True)
class Pruning:
    """One pruning, and how far it came."""

    minimum: int
    entry: str
    at: datetime
    shown: bool
    """Whether the entry is published, and its receipt beside the checkpoint: from then on things may go."""
    done: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry that is there, as far as pruning asks."""

    index: int
    leaf: bytes
    leaf_hash: str
    at: datetime


def minimum(session: Session, tenant: str) -> int:
    """The first entry that this log keeps: 0 unless a pruning was published."""
    return session.connection().execute(_MINIMUM, {"tenant": tenant}).scalar() or 0


def last(session: Session, tenant: str) -> Pruning | None:
    """The last pruning, finished or not."""
    row = session.connection().execute(_LAST.limit(1), {"tenant": tenant}).mappings().one_or_none()
    return None if row is None else Pruning(**{each: row[each] for each in Pruning.__slots__})


def add(session: Session, tenant: str, pruning: Pruning) -> None:
    """Write down a pruning."""
    values = {each: getattr(pruning, each) for each in Pruning.__slots__}
    session.connection().execute(insert(_PRUNING).values(tenant_id=tenant, **values))


def mark(session: Session, tenant: str, of: Pruning, *, done: bool) -> None:
    """That it is shown, and perhaps done."""
    here = (_PRUNING.c.tenant_id == tenant) & (_PRUNING.c.minimum == of.minimum)
    session.connection().execute(update(_PRUNING).where(here).values(shown=True, done=done))


def pruned(session: Session, tenant: str, leaf_hash: str) -> bool:
    """Whether an entry with this hash stood below the minimum. Reads the tiles there: for an error's sake."""
    begin, end, wanted = 0, minimum(session, tenant) // WIDTH, bytes.fromhex(leaf_hash)
    while begin < end:
        here = (_TILE.c.tenant_id == tenant) & (_TILE.c.level == 0)
        rows = select(_TILE.c.data).where(here, _TILE.c.n >= begin, _TILE.c.n < min(end, begin + _PAGE))
        for data in session.connection().execute(rows).scalars():
            at = bytes(data).find(wanted)
            if at >= 0 and at % len(wanted) == 0:
                return True
        begin += _PAGE
    return False


def drop(session: Session, tenant: str, below: int) -> int:
    """Delete some of the entries below an index, with what they sealed. How many; 0 once none is left."""
    connection = session.connection()
    lowest = connection.execute(select(func.min(_ENTRY.c.idx)).where(_ENTRY.c.tenant_id == tenant)).scalar()
    if lowest is None or lowest >= below:
        return 0
    # By whole tiles: what is read again meanwhile finds each of them there, or gone.
    end = min(below, (lowest // WIDTH) * WIDTH + _CHUNK)
    here = (_ENTRY.c.tenant_id == tenant) & (_ENTRY.c.idx < end)
    names = select(_ENTRY.c.leaf_hash).where(here)
    connection.execute(delete(_SEALED).where(_SEALED.c.tenant_id == tenant, _SEALED.c.leaf_hash.in_(names)))
    return cast("Any", connection.execute(delete(_ENTRY).where(here))).rowcount or 0


def entries(session: Session, tenant: str, begin: int, end: int | None) -> list[Placed]:
    """A page of the entries at places `[begin, end)`, in their order; to the end of the log without one."""
    here = [_ENTRY.c.tenant_id == tenant, _ENTRY.c.idx >= begin]
    if end is not None:
        here.append(_ENTRY.c.idx < end)
    query = select(_ENTRY.c.idx, _ENTRY.c.leaf, _ENTRY.c.leaf_hash, _ENTRY.c.at).where(*here)
    rows = session.connection().execute(query.order_by(_ENTRY.c.idx).limit(WIDTH))
    return [Placed(index, bytes(leaf), leaf_hash, at) for index, leaf, leaf_hash, at in rows]


def waiting(session: Session, tenant: str) -> list[Placed]:
    """Entries that have no place yet, as if they stood before all others."""
    here = (_ENTRY.c.tenant_id == tenant) & _ENTRY.c.idx.is_(None)
    rows = session.connection().execute(select(_ENTRY.c.leaf, _ENTRY.c.leaf_hash, _ENTRY.c.at).where(here))
    return [Placed(-1, bytes(leaf), leaf_hash, at) for leaf, leaf_hash, at in rows]


def ciphertexts(session: Session, tenant: str, begin: int, end: int) -> int:
    """How many parts of the entries at `[begin, end)` still have what was sealed."""
    joined = (_SEALED.c.tenant_id == _ENTRY.c.tenant_id) & (_SEALED.c.leaf_hash == _ENTRY.c.leaf_hash)
    query = select(func.count()).select_from(_ENTRY.join(_SEALED, joined))
    here = (_ENTRY.c.tenant_id == tenant) & (_ENTRY.c.idx >= begin) & (_ENTRY.c.idx < end)
    return session.connection().execute(query.where(here)).scalar_one()


def first_since(session: Session, tenant: str, at: datetime, begin: int) -> int | None:
    """The first place from `begin` on of an entry that was written at this instant or later."""
    here = (_ENTRY.c.tenant_id == tenant) & (_ENTRY.c.idx >= begin) & (_ENTRY.c.at >= at)
    query = select(_ENTRY.c.idx).where(here).order_by(_ENTRY.c.idx).limit(1)
    return cast("int | None", session.connection().execute(query).scalar())


def among(
    session: Session, tenant: str, names: SelectBase | Sequence[str], begin: int, end: int
) -> list[Placed]:
    """Which of these entries, by leaf hash, stand at places `[begin, end)`; in no order."""
    if not isinstance(names, SelectBase):
        found: list[Placed] = []
        for at in range(0, len(names), _PAGE):
            found += _among(session, tenant, _ENTRY.c.leaf_hash.in_(names[at : at + _PAGE]), begin, end)
        return found
    return _among(session, tenant, _ENTRY.c.leaf_hash.in_(names), begin, end)


def _among(session: Session, tenant: str, which: Any, begin: int, end: int) -> list[Placed]:
    here = (_ENTRY.c.tenant_id == tenant) & (_ENTRY.c.idx >= begin) & (_ENTRY.c.idx < end)
    query = select(_ENTRY.c.idx, _ENTRY.c.leaf, _ENTRY.c.leaf_hash, _ENTRY.c.at).where(here, which)
    rows = session.connection().execute(query)
    return [Placed(index, bytes(leaf), leaf_hash, at) for index, leaf, leaf_hash, at in rows]
