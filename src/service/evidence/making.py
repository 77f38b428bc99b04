"""Making a bundle: gathered in one read, sealed with the export key, written down before it is handed out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from sqlmodel import Session

from audit import bundle, instant, keyhistory
from audit.canonical import Json, canonical, digest
from audit.fact import Fact, Part, Subject
from audit.keys import Duty, load_private
from audit.log import EntryUnpublished
from audit.proof import Proof
from audit.spelling import to_base64
from audit.verdicts import LOST
from consent import seals
from service.evidence import texts
from service.evidence.about import About
from service.evidence.gathering import Found, Gathering
from service.evidence.items import Item, history, items
from service.evidence.reach import Reach, reach
from service.evidence.readme import README
from service.evidence.times import times
from service.stamping import Stamper
from service.wiring import Record

MADE = "EvidenceMade"
_PARTS = 200
"""So many people fit beside the tenant into one entry; of more there are more entries."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A bundle that was made."""

    data: bytes
    digest: str
    """SHA-256 of the zip."""
    about: About
    entries: int
    items: Sequence[Item]
    entry: str
    """Leaf hash of `EvidenceMade`."""


def make(record: Record, about: About, *, by: str, at_most: int | None = None) -> Evidence:
    """Make a bundle for an auditor, who may read what it opens; making it is an entry, told to its people.

    Raises what `reach` raises, `DutyKeyEnded`, `EntryPruned` where the log lacks it by now, and `SealBroken`,
    `KeptPolicyDiffers` or `KeptBytesDiffer` of a record that was edited. `EvidenceTooLarge` also for a bundle
    of more than `at_most` bytes, which is not made.
    """
    # What was just decided too: only what is under a checkpoint can be proved.
    record.log.publish(now=record.clock())
    if (stamper := Stamper.of(record)) is not None:
        # Now, so that all of it has a date. An authority that is away costs its time-out and the date alone.
        stamper.round()
    key = load_private(record.layout.key(Duty.EXPORT), Duty.EXPORT)
    with record.database.read() as session:
        keyhistory.expect(session, record.settings.tenant, key.kid)
        matter = reach(session, record, about)
        found, extra, policies = _gathered(session, record, about, matter)
        checkpoint, proofs = record.log.proofs(session, [one.entry.leaf_hash for one in found])
        found = sorted(
            (one for one in found if one.entry.leaf_hash in proofs),
            key=lambda one: proofs[one.entry.leaf_hash].index,
        )
        places = {one: proof.index for one, proof in proofs.items()}
        files = {
            "README.txt": README.encode(),
            "trust/keys.txt": texts.trusted(record),
            "log/checkpoint": checkpoint.text.encode(),
            "history.json": canonical(history(found, places)),
            **bundle.programs(),
            **_entries(found, proofs),
            **_before(session, record, found, places),
            **times(session, record, found, places),
            **texts.consents(session, record, matter.authorizations, checkpoint.digest, places),
            **extra,
            **texts.rules(session, record, policies),
            **texts.manifests(record, matter.outputs),
        }
    eight = items(found, matter, files)
    states: dict[str, Json] = {
        f"{places[one.entry.leaf_hash]}.{part}": state for one in found for part, state in one.states.items()
    }
    data = bundle.seal(
        files,
        {
            "about": {"kind": str(about.kind), "id": about.id},
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "created": instant.exact(record.clock()),
            "tool": f"consentry {version('consentry')}",
            "parts": states,
            "case": [one.json(places) for one in eight],
        },
        key,
    )
    if at_most is not None and len(data) > at_most:
        # Before its entry: nobody has it, so nothing is told.
        raise bundle.EvidenceTooLarge(f"{len(data)} bytes; here a bundle has at most {at_most}")
    entry = _written_down(record, about, data, sorted(matter.people), by)
    return Evidence(data, digest(data), about, len(found), eight, entry)


def _gathered(
    session: Session, record: Record, about: About, matter: Reach
) -> tuple[Sequence[Found], Mapping[str, bytes], set[str]]:
    """Entries, the questions that decisions among them answer, and the policies they were made by."""
    gathering = Gathering(session, record, about, matter)
    found = gathering.all()
    files, policies = texts.questions(session, record, found)
    return gathering.adopted(policies), files, policies


def _entries(found: Sequence[Found], proofs: Mapping[str, Proof]) -> dict[str, bytes]:
    files, lines = dict[str, bytes](), []
    for one in found:
        proof = proofs[one.entry.leaf_hash]
        lines.append(canonical({"entry": to_base64(one.entry.leaf), "i": proof.index}) + b"\n")
        files[f"proofs/{proof.index}.tlog-proof"] = proof.text.encode()
        for part, opening in one.opened.items():
            opened: dict[str, Json] = {"payload": opening.payload, "salt": opening.salt.hex()}
            files[f"open/{proof.index}.{part}.json"] = canonical(opened)
    return {"entries.jsonl": b"".join(lines), **files}


def _before(
    session: Session, record: Record, found: Sequence[Found], places: Mapping[str, int]
) -> dict[str, bytes]:
    """For each run, that its permit is under the checkpoint the run names."""
    files = dict[str, bytes]()
    for one in found:
        if one.leaf.t == "RunStarted":
            for permit in one.leaf.ref:
                try:
                    proof = record.log.proof(session, permit, under=one.leaf.cp)
                except EntryUnpublished:
                    # The checkpoint was lost with what the run says of itself, in the same recovery.
                    if LOST not in one.states.values():
                        raise
                    continue
                files[f"before/{places[one.entry.leaf_hash]}.tlog-proof"] = proof.encode()
    return files


def _written_down(record: Record, about: About, data: bytes, people: Sequence[str], by: str) -> str:
    """Before the bundle leaves: who has one must be found when what is in it is erased (GDPR art. 19)."""
    now, tenant = record.clock(), record.settings.tenant
    said: dict[str, Json] = {
        "bundle": digest(data),
        "about": str(about.kind),
        "id": about.id,
        "by": by,
        "at": instant.exact(now),
    }
    hers = {name: said[name] for name in ("bundle", "about", "by", "at")}
    told = [Subject("person", one) for one in people if not texts.erased(record, one)]
    entry = ""
    with record.database.write() as session:
        for begin in range(0, max(1, len(told)), _PARTS):
            group = told[begin : begin + _PARTS]
            parts = (Part.of_tenant(tenant, said), *(seals.part(MADE, one, hers) for one in group))
            entry = record.ledger.append(session, Fact(MADE, parts), now).leaf_hash
    record.log.publish(entry, now=record.clock())
    return entry
