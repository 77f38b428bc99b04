"""Prune a log: first it is said, by an entry that everybody sees; then rows go, then files.

It may be killed anywhere:

1. One commit has the entry `LogPruned` and its row. Nothing is gone.
2. The entry is published; in strict mode a quorum of witnesses saw it.
3. Its receipt is put beside the checkpoint, durably, and the row is marked. From here on what is missing
   below the minimum is pruned, and no start writes it again.
4. Entries and what they sealed go, a few tiles at a time, each a commit of its own.
5. Bundles and tiles of leaf hashes go. Tiles above stay: every proof of what is left needs them.
6. The row is marked done.

Whoever calls `finish` next does what is left of 2 to 6. The tree is never touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from audit import files, instant, lease, prunerows
from audit.canonical import Json
from audit.checkpoint import Checkpoint
from audit.errors import Unready
from audit.fact import Fact, Part, Subject
from audit.ledger import Ledger
from audit.log import EntryUnpublished, Log
from audit.proof import Proof
from audit.pruned import PATH, PRUNED, Pruned, PruningUnproven, Totals, parse, published
from audit.pruneplan import Need, Plan, again
from audit.prunerows import Pruning
from audit.receipt import Receipt
from audit.sessions import Sessions
from audit.storage import Storage
from audit.tile import WIDTH, Tile

_AT_ONCE = 4 * WIDTH


class PruningUnderWay(Unready):
    """The last pruning is not finished, or another process began one a moment ago."""

    code = "PRUNING_UNDER_WAY"
    zh = "上一次日志裁剪尚未完成，或其他进程刚刚开始裁剪。"
    hint = "Run `consentry log prune` again; it goes on with what was begun. A worker does so by itself."
    hint_zh = "请再次运行 `consentry log prune` 以继续；工作进程也会自动继续。"


@dataclass(frozen=True, slots=True)
class Pruner:
    """Prunes one tenant's log."""

    sessions: Sessions
    ledger: Ledger
    log: Log
    storage: Storage

    def begin(
        self,
        session: Session,
        made: Plan,
        needs: Sequence[Need],
        counted: Totals,
        last: datetime,
        *,
        now: datetime,
    ) -> Pruning | None:
        """Say that a plan is carried out, in the caller's transaction. None: something holds part of it now.

        `counted` is what the plan's own entries came to. Raises `PruningUnderWay`, `PruningUnproven`.
        """
        tenant = self.ledger.tenant
        lease.lock(session, tenant)
        before = prunerows.last(session, tenant)
        if (before is not None and not before.done) or prunerows.minimum(session, tenant) != made.minimum:
            raise PruningUnderWay("another pruning came first")
        sure = again(session, tenant, made, needs)
        if sure.goal != made.goal:
            # What was counted is of other entries than may go now. The next plan is a smaller one.
            return None
        said = published(self.storage, self.log.verifier)
        if (said.minimum if said else 0) != made.minimum:
            raise PruningUnproven(f"{PATH}: not what the database says of the pruning before")
        whole = counted + (said.totals if said else Totals())
        payload: dict[str, Json] = {
            "minimum": made.goal,
            "from": made.minimum,
            "before": instant.exact(made.before),
            "last": instant.exact(last),
            "missing": whole.missing,
            "erased": whole.erased,
            "lost": whole.lost,
            "at": instant.exact(now),
        }
        part = Part.of_tenant(tenant, payload)
        # No reference to the one before: it would be held by this one, and hold the next pruning.
        entry = self.ledger.append(session, Fact(PRUNED, (part,)), now)
        pruning = Pruning(made.goal, entry.leaf_hash, now, shown=False, done=False)
        prunerows.add(session, tenant, pruning)
        return pruning

    def finish(self, now: datetime) -> Pruned | None:
        """Carry out what was begun and is not done; None if there is nothing. Repeating it is harmless.

        Of one that is done the receipt is put back where it was lost.

        Raises what `Log.publish` raises; in strict mode `EntryUnpublished` until a quorum saw the entry, and
        nothing is gone. `PruningUnproven` where the receipt was lost with what the entry sealed.
        """
        tenant = self.ledger.tenant
        with self.sessions.read() as session:
            pruning = prunerows.last(session, tenant)
        if pruning is None:
            return None
        said = self._show(pruning, now)
        if pruning.done:
            return None
        if not pruning.shown:
            self._mark(pruning, done=False)
        while True:
            with self.sessions.write() as session:
                if not prunerows.drop(session, tenant, pruning.minimum):
                    break
        for begin in range(0, pruning.minimum // WIDTH, _AT_ONCE):
            self._discard(range(begin, min(pruning.minimum // WIDTH, begin + _AT_ONCE)))
        self._mark(pruning, done=True)
        return said

    def _show(self, pruning: Pruning, now: datetime) -> Pruned:
        """Steps 2 and 3."""
        try:
            there = published(self.storage, self.log.verifier)
        except PruningUnproven:
            there = None
        if there is not None and there.entry == pruning.entry:
            return there
        if not pruning.shown:
            self.log.publish(pruning.entry, now=now)
        with self.sessions.read() as session:
            data = self._receipt(session, pruning)
        shown = files.current(self.storage, self.log.verifier)
        said = parse(data, self.log.verifier)
        if shown is None or shown.size <= said.index:
            raise EntryUnpublished(f"the checkpoint that is shown does not cover entry {pruning.entry}")
        self.storage.replace(PATH, data, lasting=True)
        return said

    def _receipt(self, session: Session, pruning: Pruning) -> bytes:
        if self.log.vouched(session, pruning.entry) is None:
            raise EntryUnpublished(f"no quorum of witnesses saw entry {pruning.entry}")
        entry = self.ledger.find(session, pruning.entry)
        parts = self.ledger.openings(session, pruning.entry, Subject("tenant", self.ledger.tenant))
        if entry is None or not parts:
            raise PruningUnproven(f"entry {pruning.entry} does not open any more")
        proof = Proof.parse(self.log.proof(session, pruning.entry))
        # Its log's line alone: whoever reads this brings the log's key, and perhaps no list of witnesses.
        under = Checkpoint.parse(proof.checkpoint, self.log.verifier).plain
        plain = Proof(proof.index, proof.path, under).text
        return Receipt(entry.leaf, parts[0].part, parts[0].opening, plain).data

    def _mark(self, pruning: Pruning, *, done: bool) -> None:
        with self.sessions.write() as session:
            prunerows.mark(session, self.ledger.tenant, pruning, done=done)

    def _discard(self, blocks: range) -> None:
        places = [Tile(0, n) for n in blocks]
        self.storage.remove(path for place in places for path in (place.bundle_path, place.path))
        for place in places:
            for directory in place.partials:
                self.storage.discard(directory)
