"""The log of one tenant: sequence, then publish. Why it may be killed anywhere:

1. One commit gives entries their `idx` and stores full tiles and the signed checkpoint
   (`audit.sequencer`). Before it, nothing happened: entries wait. After it, rows know it all.
2. Tiles and bundles are written once, from rows, and synced. Half of them are as good as none:
   nobody looks at them before the checkpoint says so, and writing them again is the same.
3. The head beside the deny journal moves by compare-and-swap. From here on a database without
   these entries is refused; before, nothing was handed out that they could miss from.
4. `checkpoint` is renamed into place. An old one is stale, never wrong; nobody waits for it. Where
   witnesses are asked, it is put there again once a quorum saw it, with their lines; in strict mode
   only then.

Whoever publishes or starts next does what is left of 2 to 4. Nothing is handed out by `covered` or
`proof` before 3.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlmodel import Session

from audit import files, guard, lease, tree
from audit.checkpoint import Checkpoint
from audit.durable import DiskFailed
from audit.errors import BadInput, Unready
from audit.head import Head, TreeHead
from audit.keys import SigningKey
from audit.lease import Lease, SequencerBusy
from audit.note import NoteVerifier
from audit.ownhead import OwnHead
from audit.proof import Proof
from audit.replay import Replay, replay
from audit.rounds import Rounds
from audit.sequencer import sequence
from audit.sessions import Sessions
from audit.storage import FileDiverged, Storage
from audit.treerows import TreeRows
from audit.witnessing import Witnessing

BATCH = 1024
"""Entries a transaction: enough to amortise a commit, few enough not to hold up writers (SQLite has one)."""

_REMEMBERED = 8 * BATCH
_LEASE = timedelta(seconds=10)
_PATIENCE = timedelta(seconds=30)
_PAUSE = timedelta(milliseconds=20)


class EntryUnknown(BadInput):
    """This tenant's log has no such entry, as far as this session sees."""

    code = "ENTRY_UNKNOWN"
    zh = "日志中没有该条目。"
    hint = "Use the leaf hash of an entry of this tenant, after its transaction has committed."
    hint_zh = "请使用本租户、且事务已提交的条目的叶哈希。"


class EntryUnpublished(Unready):
    """The entry is there, and no published checkpoint covers it yet."""

    code = "ENTRY_UNPUBLISHED"
    zh = "条目尚未被已发布的检查点覆盖。"
    hint = "Ask again in a moment: a worker publishes what waits, and so does `consentry log publish`."
    hint_zh = "请稍后重试：工作进程会发布待处理条目，也可执行 `consentry log publish`。"


class Log:
    """Sequences and publishes one tenant's entries. For many threads; any process may have one.

    `holder` names this process among those that share the database; `pause` waits, in seconds.
    """

    def __init__(
        self,
        tenant: str,
        origin: str,
        key: SigningKey,
        storage: Storage,
        head: Head,
        sessions: Sessions,
        holder: str,
        *,
        witnesses: Witnessing | None = None,
        batch: int = BATCH,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.tenant = tenant
        self.verifier = NoteVerifier(origin, key.verifying)
        self._key = key
        self._storage = storage
        self._head = head
        self._sessions = sessions
        self._own = OwnHead(head, sessions, self._rows)
        self._holder = holder
        self._witnesses = witnesses
        self._batch = batch
        self._pause = pause
        self._rounds: Rounds[Checkpoint] = Rounds()
        self._recent: OrderedDict[str, Checkpoint] = OrderedDict()
        # Kept: to start threads for each round costs more than to put its files.
        self._writers = ThreadPoolExecutor(files.AT_ONCE, thread_name_prefix="log")

    def close(self) -> None:
        """End the threads that put files, once they have; without it a process may never end."""
        # At exit Python also joins one whose start Ctrl-C broke off, and which its pool never told to go.
        self._writers.shutdown()

    @property
    def strict(self) -> bool:
        """Whether what an entry permits has to wait for a quorum of witnesses."""
        return self._witnesses is not None and self._witnesses.strict

    def start(self) -> Checkpoint | None:
        """Check the database against head and files, then do what a crash has left undone.

        Raises `guard.LogBehind`, `LogForked`, `LogEdited`, `AnotherLog`, `HeadMissing`, or
        `storage.FileDiverged` for a file that says otherwise than the rows. Repeating it is harmless.
        """
        head = self._head.read()
        with self._sessions.write() as session:
            # Under the lease's lock, so that nobody places entries between one look and the next.
            lease.lock(session, self.tenant)
            rows = self._rows(session)
            latest, _ = guard.check(rows, head)
            guard.check_public(latest, rows, self._storage)
        if head is None:
            # Before the first entry is placed: from now on a log without a head is one that lost it.
            files.advance(self._head, TreeHead(0, tree.EMPTY_ROOT.hex()))
        if latest is None:
            return None
        latest, begin = self._write_files(since=0)
        self._show(latest, begin)
        return latest

    def publish(self, upto: str | None = None, *, now: datetime) -> Checkpoint:
        """Sequence and publish what waits; returns a checkpoint that covers the entry `upto`.

        Call it after the entry's commit, outside any transaction. Callers of one process share a
        round; between processes the loser finds its entry placed, and writes what files are still missing.
        Raises `EntryUnknown`, `SequencerBusy`, `StaleSequencer`, what `start` raises, `DiskFull` (it is safe,
        and published later); in strict mode `WitnessAhead`: nothing is signed until somebody has looked;
        `keyhistory.DutyKeyEnded`, for good, once the log has said that others had its own key.
        """
        if self._witnesses is not None:
            self._witnesses.halt()
        later: list[Callable[[], None]] = []
        done = self._rounds.join(lambda: self._round(upto, now, later), lambda: self._recent.get(upto or ""))
        for step in later:
            step()
        if upto is None or upto in self._recent:
            return done
        # Not placed by us: by another process, then, or it was never committed.
        with self._sessions.read() as session:
            if self.covered(session, upto) is None:
                raise EntryUnpublished(f"entry {upto:.64} came after this round began")
        return done

    def latest(self, session: Session) -> Checkpoint | None:
        """The last published checkpoint; None before the first. Raises `guard.LogBehind`, `LogForked`."""
        head = self._own.read(session)
        return self._rows(session).latest(head.size) if head else None

    def covered(self, session: Session, leaf_hash: str) -> str | None:
        """Digest of the first published checkpoint over an entry, None while there is none.

        An entry that embeds it proves that it came later.
        """
        found = self._first(self._rows(session), self._own.read(session), leaf_hash)
        return found[1].digest if found else None

    def vouched(self, session: Session, leaf_hash: str) -> str | None:
        """The same, under which what an entry permits may be done: in strict mode one that a quorum saw."""
        if not self.strict:
            return self.covered(session, leaf_hash)
        found = self._found(session, leaf_hash)
        return found[1].digest if found else None

    def proof(self, session: Session, leaf_hash: str, *, under: str | None = None) -> str:
        """The tlog-proof of an entry, under the first published checkpoint over it: the same text each time.

        Where witnesses are asked, under the first that a quorum saw, with their lines, once there is one;
        in strict mode under no other. `under`: the one of this digest. Raises `EntryUnknown`,
        `EntryUnpublished`, or `guard.LogEdited` rather than hand out a proof that does not hold.
        """
        found = self._found(session, leaf_hash, under)
        if found is None:
            waits = "a published" if self.covered(session, leaf_hash) is None else "a witnessed"
            raise EntryUnpublished(f"entry {leaf_hash:.64} is not under {waits} checkpoint")
        index, checkpoint = found
        path = tree.inclusion_path(self._rows(session).nodes(), index, checkpoint.size)
        root = bytes.fromhex(checkpoint.root)
        try:
            tree.check_inclusion(bytes.fromhex(leaf_hash), index, checkpoint.size, path, root)
        except tree.ProofInvalid:
            raise guard.LogEdited(f"the rows no longer prove entry {index}") from None
        return Proof.make(index, path, checkpoint).text

    def proofs(self, session: Session, leaf_hashes: Iterable[str]) -> tuple[Checkpoint, Mapping[str, Proof]]:
        """The last public checkpoint (the last witnessed one if it covers as much), and proofs under it.

        By leaf hash, in order of the tree; what it does not cover yet is left out. Raises `EntryUnknown`,
        `EntryUnpublished` without any.
        """
        latest, seen, rows = self.public(session), self.witnessed(session), self._rows(session)
        if latest is None:
            raise EntryUnpublished("nothing is published yet")
        found = {self._place(rows, one): one for one in leaf_hashes}
        places = {index: one for index, one in found.items() if index is not None and index < latest.size}
        if seen is not None and max(places, default=0) < seen.size:
            latest = seen
        nodes = rows.nodes()
        return latest, {
            one: Proof.make(index, tree.inclusion_path(nodes, index, latest.size), latest)
            for index, one in sorted(places.items())
        }

    def public(self, session: Session) -> Checkpoint | None:
        """The checkpoint for others to see: the last one, in strict mode the last that a quorum saw."""
        latest = self.latest(session)
        return None if latest is None else self._public(session, latest)

    def witnessed(self, session: Session) -> Checkpoint | None:
        """The last published checkpoint that a quorum saw, with their lines; None where none is, or was."""
        head = self._own.read(session)
        if head is None or self._witnesses is None:
            return None
        return self._witnesses.newest(self._rows(session), head.size)

    def show(self) -> None:
        """Put the checkpoint in its place that belongs there, as after a cosignature has come."""
        if (latest := self._current()) is not None:
            self._show(latest, latest.size)

    def audit(self, session: Session) -> Replay:
        """Read everything again and name what was edited, in a session that has looked at nothing yet."""
        return replay(self._rows(session), self._storage, self._head.read())

    def _rows(self, session: Session) -> TreeRows:
        return TreeRows(self.tenant, self.verifier, session)

    def _found(
        self, session: Session, leaf_hash: str, under: str | None = None
    ) -> tuple[int, Checkpoint] | None:
        """As `_first`; witnessed if it is, and in strict mode not otherwise. `under`: that one, as it is."""
        head, rows = self._own.read(session), self._rows(session)
        found = self._first(rows, head, leaf_hash)
        if found is None or head is None or (under is None and self._witnesses is None):
            return found
        index, first = found
        if under is not None:
            named = rows.of_digest(under)
            if named is None or not index < named.size <= head.size:
                return None
            return index, (self._witnesses and self._witnesses.cosigned(rows, named)) or named
        seen = self._witnesses.first(rows, index, head.size) if self._witnesses else None
        return (index, seen) if seen else None if self.strict else (index, first)

    def _first(self, rows: TreeRows, head: TreeHead | None, leaf_hash: str) -> tuple[int, Checkpoint] | None:
        index = self._place(rows, leaf_hash)
        checkpoint = None if index is None or head is None else rows.covering(index, head.size)
        return None if index is None or checkpoint is None else (index, checkpoint)

    def _place(self, rows: TreeRows, leaf_hash: str) -> int | None:
        try:
            return rows.index(leaf_hash)
        except LookupError:
            raise EntryUnknown(f"no entry {leaf_hash:.64}") from None

    def _round(self, upto: str | None, now: datetime, later: list[Callable[[], None]]) -> Checkpoint:
        waited = timedelta()
        while True:
            # A steady worker must not take the write lock to learn that there is nothing to do, nor
            # must one that waits for another process to finish.
            if (upto is None or waited) and (latest := self._finished()):
                return latest
            done = self._sequence(now + waited, later)
            if done:
                return done
            if waited >= _PATIENCE:
                raise SequencerBusy(f"another process has held the lease for {_PATIENCE.seconds} s")
            self._pause(_PAUSE.total_seconds())
            waited += _PAUSE

    def _sequence(self, now: datetime, later: list[Callable[[], None]]) -> Checkpoint | None:
        placed, more = list[str](), True
        held: Lease | None = None
        while more:
            # Read before the transaction looks: see guard.check.
            head = self._head.read()
            with self._sessions.write() as session:
                if held is None:
                    held = lease.take(session, self.tenant, self._holder, now, now + _LEASE)
                    if held is None:
                        return None
                else:
                    lease.hold(session, held, now + _LEASE)
                batch = sequence(self._rows(session), head, self._key, now, self._batch)
                if not batch.more:
                    # With the commit. What is left is the same whoever does it: nobody need wait for us.
                    lease.release(session, held)
            placed.extend(batch.leaf_hashes)
            more = batch.more
        if not placed:
            # Others placed what we came for, and are writing it: to write it as well costs as many fsyncs.
            self._pause(_PAUSE.total_seconds())
        checkpoint, begin = self._write_files()
        self._remember(placed, checkpoint)
        batch.expect_open()  # after the files of what was signed before
        # What nobody has to wait for. Not done after a failure: then the next one shows what is there.
        later.append(lambda: self._show(checkpoint, begin))
        return checkpoint

    def _write_files(self, since: int | None = None) -> tuple[Checkpoint, int]:
        """Steps 2 and 3, from what the head says is there; from `since` on, what is missing."""
        while True:
            head = self._head.read()
            begin = since if since is not None else head.size if head else 0
            with self._sessions.read() as session:
                rows = self._rows(session)
                latest = rows.latest()
                if latest is None or (head and latest.size < head.size):
                    raise guard.LogBehind("the database went back while its files were written")
                try:
                    files.write(
                        rows, self._storage, begin, latest.size, self._writers, missing_only=since is not None
                    )
                except (DiskFailed, FileDiverged):
                    # Nobody waits for us here: another process may have gone past, and be clearing the
                    # partial tiles that we put. Then it has written all that we have to, and more.
                    now = self._head.read()
                    if now is None or now.size <= latest.size:
                        raise
                    continue
            self._own.advance(TreeHead(latest.size, latest.root))
            return latest, begin

    def _show(self, checkpoint: Checkpoint, begin: int) -> None:
        """Step 4."""
        if self._witnesses is not None:
            self._show_witnessed(begin)
            return
        while True:
            files.show(self._storage, checkpoint)
            files.clear(self._storage, begin, checkpoint.size)
            # Somebody may have moved on, shown a newer one, and we have just put ours over it:
            # then show the newer one again.
            head = self._head.read()
            if head is None or head.size <= checkpoint.size:
                return
            with self._sessions.read() as session:
                newer = self.latest(session)
            if newer is None or newer.size <= checkpoint.size:
                return
            checkpoint = newer

    def _show_witnessed(self, begin: int) -> None:
        while True:
            public = self._current()
            if public is None or self._is_shown(public):
                return
            before = files.current(self._storage, self.verifier)
            files.show(self._storage, public)
            # From what was shown before: in strict mode that may lie many publications back.
            files.clear(self._storage, min(begin, before.size if before else 0), public.size)
            # And again: another process may have moved on, or stored a line, and we put ours over its.

    def _current(self) -> Checkpoint | None:
        with self._sessions.read() as session:
            return self.public(session)

    def _public(self, session: Session, latest: Checkpoint) -> Checkpoint | None:
        return self._witnesses.public(self._rows(session), latest) if self._witnesses else latest

    def _is_shown(self, public: Checkpoint) -> bool:
        """Whether it is, or one that was shown before strict mode was switched on: nothing goes back."""
        shown = files.shown(self._storage, public)
        if shown or self._witnesses is None:
            return shown
        before = files.current(self._storage, self.verifier)
        return before is not None and before.size > public.size

    def _remember(self, placed: Sequence[str], checkpoint: Checkpoint) -> None:
        """Published is published, whoever holds the lease now: safe to answer from memory."""
        self._recent.update(dict.fromkeys(placed, checkpoint))
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)

    def _finished(self) -> Checkpoint | None:
        """The last checkpoint, if nothing waits and steps 2 to 4 are done."""
        with self._sessions.read() as session:
            rows = self._rows(session)
            # In this order: if nothing waits, the checkpoint read after covers everything.
            latest = None if rows.waits() else rows.latest()
            public = None if latest is None else self._public(session, latest)
        if latest is None or self._head.read() != TreeHead(latest.size, latest.root):
            return None
        return latest if public is None or self._is_shown(public) else None
