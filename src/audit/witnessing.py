"""A log and its witnesses: which checkpoints a quorum saw, and whether one has seen more than we have.

What a stored line is worth is decided at each reading, by the policy of now: rows are no proof, signatures
are.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from audit import note
from audit.checkpoint import Checkpoint, CheckpointMalformed
from audit.cosignature import Witness
from audit.cosignrows import CosignRows
from audit.keys import BadSignature
from audit.marks import Mark, Marks
from audit.note import NoteMalformed, NoteSignature
from audit.quorum import QuorumMissing, Trust
from audit.treerows import TreeRows
from audit.witnessed import WitnessAhead


@dataclass(frozen=True, slots=True)
class Witnessing:
    """How one log uses its witnesses."""

    trust: Trust
    """Names our log, and the witnesses with their URLs."""
    strict: bool
    """Nothing is acted on, shown or proved under a checkpoint that no quorum saw."""
    marks: Marks

    def cosigned(self, rows: TreeRows, checkpoint: Checkpoint) -> Checkpoint | None:
        """The checkpoint with its witnesses' lines, in the policy's order; None while they are no quorum."""
        parsed = note.parse(checkpoint.plain)
        held = CosignRows(rows.tenant, rows.session).lines(checkpoint.size)
        lines = [
            held[name].line
            for name, (witness, _) in self.trust.witnesses.items()
            if name in held and _holds(witness, parsed.text, held[name])
        ]
        full = checkpoint.plain + "".join(lines)
        try:
            self.trust.check(full, rows.verifier.name)
        except QuorumMissing:
            return None
        return Checkpoint.parse(full, rows.verifier)

    def first(self, rows: TreeRows, index: int, most: int) -> Checkpoint | None:
        """The first checkpoint over the entry at `index` that a quorum saw, not larger than `most`."""
        if not self.trust.least:
            found = rows.covering(index, most)
            return None if found is None else self.cosigned(rows, found)
        store = CosignRows(rows.tenant, rows.session)
        return self._of(
            rows, store.sizes(list(self.trust.witnesses), self.trust.least, above=index, most=most)
        )

    def newest(self, rows: TreeRows, most: int) -> Checkpoint | None:
        """The last checkpoint that a quorum saw, not larger than `most`."""
        if not self.trust.least:
            found = rows.latest(most)
            return None if found is None else self.cosigned(rows, found)
        store = CosignRows(rows.tenant, rows.session)
        return self._of(rows, store.newest(list(self.trust.witnesses), self.trust.least, most=most))

    def public(self, rows: TreeRows, latest: Checkpoint) -> Checkpoint | None:
        """What others are shown when `latest` is the last: it, with lines if they are a quorum.

        In strict mode the last that a quorum saw.
        """
        return self.newest(rows, latest.size) if self.strict else self.cosigned(rows, latest) or latest

    def halt(self) -> None:
        """Raise `WitnessAhead` where nothing more may be signed, which is in strict mode alone.

        Once another tree is proved, or while those that claim one leave no quorum. A claim alone is an alarm:
        anybody can name a size, and the others have seen all of ours. A witness that the policy names no more
        stops nobody.
        """
        if not self.strict:
            return
        marked = self._marked()
        for name, mark in marked.items():
            if mark.proof:
                raise WitnessAhead(f"{name}: {mark.detail}, and shows what our key signed")
        if marked and not self.trust.enough(self.trust.witnesses.keys() - marked.keys()):
            said = "; ".join(f"{name}: {mark.detail}" for name, mark in marked.items())
            raise WitnessAhead(f"without these there is no quorum: {said}")

    def ahead(self) -> dict[str, str]:
        """Witnesses of the policy that claim more than we have, or another tree, and what was found."""
        return {name: mark.detail for name, mark in self._marked().items()}

    def foreign(self, rows: TreeRows, text: str) -> Checkpoint | None:
        """The checkpoint of a note, if our log's key signed it and it is not of our tree: that is proof.

        None: it is of our tree, or it proves nothing.
        """
        try:
            checkpoint = Checkpoint.parse(text, rows.verifier)
        except (NoteMalformed, CheckpointMalformed, BadSignature):
            return None
        latest = rows.latest()
        if latest is None or checkpoint.size > latest.size:
            return checkpoint if checkpoint.size else None
        ours = rows.edge(checkpoint.size).root().hex()
        return None if checkpoint.root == ours else checkpoint

    def settled(self, rows: TreeRows, name: str) -> None:
        """A witness has cosigned what we have: its claim is over, unless what it proved still holds."""
        mark = self._marked().get(name)
        if mark is None or not mark.proof or self.foreign(rows, mark.proof) is None:
            self.marks.drop(name)

    def _marked(self) -> dict[str, Mark]:
        return {name: mark for name, mark in self.marks.marked().items() if name in self.trust.witnesses}

    def _of(self, rows: TreeRows, sizes: Iterable[int]) -> Checkpoint | None:
        for size in sizes:
            checkpoint = rows.of_size(size)
            found = None if checkpoint is None else self.cosigned(rows, checkpoint)
            if found is not None:
                return found
        return None


def _holds(witness: Witness, text: str, line: NoteSignature) -> bool:
    try:
        witness.check(text, line)
    except BadSignature:
        return False
    return True
