"""One sequencing transaction: entries get their places, the tree grows, the new root is signed.

All of it in one commit. If the process dies before, nothing happened; if it dies after, the
database knows everything that the files still lack.
"""

from dataclasses import dataclass
from datetime import datetime

from audit import guard, keyhistory, tree
from audit.checkpoint import Checkpoint
from audit.guard import LogEdited
from audit.head import TreeHead
from audit.keyhistory import DutyKeyEnded
from audit.keys import SigningKey
from audit.treerows import TreeRows


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did."""

    checkpoint: Checkpoint
    leaf_hashes: tuple[str, ...]
    more: bool
    """Whether entries may be left, because the batch was full."""
    closed: str = ""
    """The kid of the log's key, once the log says that it was in other hands: nothing more is signed."""

    def expect_open(self) -> None:
        """Raise `audit.keyhistory.DutyKeyEnded` of a log that is closed."""
        if self.closed:
            raise DutyKeyEnded(f"the log says that others had its own key, {self.closed}")


def sequence(rows: TreeRows, head: TreeHead | None, key: SigningKey, now: datetime, limit: int) -> Batch:
    """Place up to `limit` waiting entries and sign the tree. The caller holds the lease, and commits.

    Raises what `guard.check` raises, before anything is signed: the database may have been
    restored or edited under a running process. `LogEdited` also for an entry that was changed
    while it waited.
    """
    latest, edge = guard.check(rows, head)
    closed = keyhistory.closed(rows.session, rows.tenant, rows.verifier.key.kid)
    waiting = rows.waiting(0 if closed else limit)
    if latest and not waiting:
        return Batch(latest, (), more=False, closed=rows.verifier.key.kid if closed else "")
    begin = edge.size
    hashes = tree.leaf_hashes(entry.leaf for entry in waiting)
    for entry, leaf_hash in zip(waiting, hashes, strict=True):
        if leaf_hash.hex() != entry.leaf_hash:
            raise LogEdited(f"the entry written as {entry.leaf_hash} has other bytes now")
    tiles = edge.extend(hashes)
    checkpoint = Checkpoint.sign(rows.verifier.name, edge.size, edge.root(), key)
    if waiting:
        rows.place([entry.seq for entry in waiting], begin)
        rows.add_tiles(tiles)
    rows.add_checkpoint(checkpoint, now)
    return Batch(checkpoint, tuple(entry.leaf_hash for entry in waiting), more=len(waiting) == limit)
