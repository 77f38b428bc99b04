"""Up to where a log was pruned, for whoever has its files and its key (c2sp.org/tlog-tiles, "Pruning").

The specification has a minimum index and, as of v0.1.0, no place for it. Ours is a file beside the
checkpoint: the receipt of the entry `LogPruned`. So the minimum is as much a part of the signed tree as what
went, and files that are missing below it are pruned; without it they are missing.
"""

from dataclasses import dataclass
from typing import Self

from audit import tree
from audit.errors import ConsentryError, Diverged
from audit.note import NoteVerifier
from audit.receipt import Receipt
from audit.storage import Storage
from audit.tile import WIDTH

PRUNED = "LogPruned"
PATH = "pruned"


class PruningUnproven(Diverged):
    """The file that says up to where a log was pruned is not the receipt of such an entry of this log."""

    code = "PRUNING_UNPROVEN"
    zh = "日志裁剪说明文件（pruned）不是本日志 LogPruned 条目的有效回执。"
    hint = "Take `pruned` from the log again; if its operator has no better one, what is missing is missing."
    hint_zh = "请从日志重新获取 `pruned` 文件；若运营方也没有有效文件，则缺失的内容即为缺失。"


@dataclass(frozen=True, slots=True)
class Totals:
    """What the pruned prefix came to, from entry 0 on: an audit of the rest adds it."""

    missing: int = 0
    """Parts without a ciphertext, which nobody could open when they went."""
    erased: int = 0
    """How many parts the erasures among the pruned entries had counted."""
    lost: int = 0
    """How many the recoveries among them had."""

    def __add__(self, other: Self) -> "Totals":
        return Totals(self.missing + other.missing, self.erased + other.erased, self.lost + other.lost)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a log says of its last pruning."""

    minimum: int
    """The first entry that is kept: a multiple of 256. 0: all are."""
    before: str
    """Only what was written before this instant went."""
    last: str
    """When the last of what went was written."""
    totals: Totals
    index: int
    """Of the entry that says so."""
    entry: str
    """Its leaf hash."""

    @property
    def blocks(self) -> int:
        """How many bundles, and tiles of leaf hashes, are gone."""
        return self.minimum // WIDTH


def published(storage: Storage, verifier: NoteVerifier) -> Pruned | None:
    """What a log's files say; None where nothing was pruned. Raises `PruningUnproven`."""
    data = storage.get(PATH)
    return None if data is None else parse(data, verifier)


def parse(data: bytes, verifier: NoteVerifier) -> Pruned:
    """The pruning that a receipt is of. Raises `PruningUnproven`."""
    try:
        receipt = Receipt.parse(data)
        checked = receipt.check(verifier)
    except ConsentryError as error:
        raise PruningUnproven(f"{PATH}: {error.code}") from None
    said, index = checked.payload, checked.index
    if checked.leaf.t != PRUNED:
        raise PruningUnproven(f"{PATH}: the receipt of another kind of entry")
    minimum, missing, erased, lost = (said.get(name) for name in ("minimum", "missing", "erased", "lost"))
    numbers = (minimum, missing, erased, lost)
    if not all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in numbers):
        raise PruningUnproven(f"{PATH}: without its numbers")
    # Behind what it prunes, or it would be its own witness; whole tiles, or a proof of what stays would go.
    if not isinstance(minimum, int) or minimum % WIDTH or not 0 < minimum <= index:
        raise PruningUnproven(f"{PATH}: no minimum index that a log may have")
    before, last = said.get("before"), said.get("last")
    if not isinstance(before, str) or not isinstance(last, str):
        raise PruningUnproven(f"{PATH}: without its dates")
    totals = Totals(*(each for each in (missing, erased, lost) if isinstance(each, int)))
    return Pruned(minimum, before, last, totals, index, tree.leaf_hash(receipt.leaf).hex())
