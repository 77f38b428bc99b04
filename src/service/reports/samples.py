"""A sample of a log as files: what was drawn, each entry with its proof and what the operator's part says."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlmodel import Session

from audit import instant, prunerows, tree
from audit.canonical import Json, canonical
from audit.checkpoint import Checkpoint
from audit.leaf import Leaf
from audit.ledger import Placed
from audit.proof import Proof
from audit.spelling import to_base64
from audit.treerows import TreeRows
from service.reports import sealing
from service.reports.choosing import Choosing
from service.reports.processing import published
from service.reports.questions import Questions
from service.reports.rows import Row, row
from service.reports.sampling import ALGORITHM, SampleImpossible, draw
from service.reports.seen import see
from service.reports.wanted import Wanted
from service.wiring import Record

REPORT = "sample"


@dataclass(frozen=True, slots=True)
class Asked:
    """What to draw."""

    seed: str
    """The auditor's, named after she has the checkpoint."""
    count: int
    kind: str | None = None
    """Entries of this kind alone; kinds are public."""
    size: int | None = None
    """Of the checkpoint; the last that others can see when left out."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn."""

    asked: Asked
    checkpoint: Checkpoint
    minimum: int
    """The first entry that the log keeps: from here on places are eligible."""
    eligible: int
    drawn: Sequence[int]
    """Places in the tree, in the order drawn."""
    rows: Sequence[Row]
    """In the same order."""
    manifest: str = ""
    """SHA-256 of the manifest; empty while it is made, as `entry` is."""
    entry: str = ""
    """Leaf hash of `ProcessingExported`."""

    def json(self) -> dict[str, Json]:
        """What a stranger needs to draw it again."""
        return {
            "algorithm": ALGORITHM,
            "seed": self.asked.seed,
            "kind": self.asked.kind,
            "root": self.checkpoint.root,
            "size": self.checkpoint.size,
            "minimum": self.minimum,
            "eligible": self.eligible,
            "drawn": list(self.drawn),
        }


def sample(record: Record, asked: Asked, to: Path, *, by: str) -> Sample:
    """Draw, and write it into a new folder `to`. Raises as `draw`; `EntryUnpublished`, `DiskFull`."""
    record.log.publish(now=record.clock())
    with sealing.folder(to) as there:
        with record.database.read() as session:
            made = _draw(session, record, asked, there)
        sealing.put(there, "sample.json", canonical(made.json()))
        sealing.put(there, "log/checkpoint", made.checkpoint.text.encode())
        said: dict[str, Json] = {"report": REPORT, "asked": made.json(), "by": by}
        said["created"] = instant.exact(record.clock())
        manifest = sealing.listed(there, said, made.checkpoint, record)
        entry = sealing.written_down(record, REPORT, manifest, Wanted(), made.checkpoint.size, by=by)
        sealing.keep(there, to)
    return replace(made, manifest=manifest, entry=entry)


def _draw(session: Session, record: Record, asked: Asked, there: Path) -> Sample:
    checkpoint = _checkpoint(session, record, asked.size)
    places = _eligible(session, record, asked.kind, checkpoint.size)
    drawn = [places[one] for one in draw(asked.seed, checkpoint.root, len(places), asked.count)]
    wanted = set(drawn)
    found = {one.index: one for one in record.ledger.placed(session, checkpoint.size) if one.index in wanted}
    questions = Questions(session, record)
    choosing = Choosing(session, Wanted(), questions)
    nodes, rows = TreeRows(record.settings.tenant, record.log.verifier, session).nodes(), []
    entries = list[bytes]()
    for place in drawn:
        placed = found[place]
        proof = Proof.make(place, tree.inclusion_path(nodes, place, checkpoint.size), checkpoint)
        # Rather none than one that does not hold: raises `audit.tree.ProofInvalid`.
        proof.check(placed.entry.leaf, record.log.verifier)
        sealing.put(there, f"proofs/{place}.tlog-proof", proof.text.encode())
        entries.append(canonical({"entry": to_base64(placed.entry.leaf), "i": place}) + b"\n")
        rows.append(_opened(session, record, placed, choosing, there))
    sealing.put(there, "entries.jsonl", b"".join(entries))
    sealing.put(there, "processing.jsonl", b"".join(canonical(one.json()) + b"\n" for one in rows))
    begin = prunerows.minimum(session, record.settings.tenant)
    return Sample(asked, checkpoint, begin, len(places), drawn, rows)


def _opened(session: Session, record: Record, placed: Placed, choosing: Choosing, there: Path) -> Row:
    seen = see(session, record.ledger, placed.entry, index=placed.index, kept=placed.kept)
    for part, opening in seen.opened.items():
        value: dict[str, Json] = {"payload": opening.payload, "salt": opening.salt.hex()}
        sealing.put(there, f"open/{placed.index}.{part}.json", canonical(value))
    return row(seen, choosing.question(seen), choosing.questions)


def _checkpoint(session: Session, record: Record, size: int | None) -> Checkpoint:
    last = published(session, record)
    if size is None or size == last.size:
        return last
    found = TreeRows(record.settings.tenant, record.log.verifier, session).of_size(size)
    if found is None or size > last.size:
        raise SampleImpossible(f"no published checkpoint of {size} entries")
    return found


def _eligible(session: Session, record: Record, kind: str | None, size: int) -> Sequence[int]:
    # What was pruned can't be shown: the places begin where the log does.
    begin = prunerows.minimum(session, record.settings.tenant)
    if kind is None:
        return range(begin, size)
    placed = (one for one in record.ledger.placed(session, size) if one.index >= begin)
    return array("q", (one.index for one in placed if Leaf.parse(one.entry.leaf).t == kind))
