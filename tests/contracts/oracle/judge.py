"""Two C2SP implementations that are not ours say of the same log what ours says. `judge.py DIR`.

For an interpreter of their own (Python 3.12 and later): `make oracle`. Neither is used by anything here.
"""

import json
import logging
import sys
from base64 import b64decode
from collections import Counter
from hashlib import sha256
from pathlib import Path

import aics_tlog as aics
from tlog_scales import signing
from tlog_scales import tlog as scales
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader

AICS, SCALES = "aics", "scales"
LENIENT = {
    "an extension line, signed": {AICS},
    "no end of the last line": {AICS, SCALES},
    "less than no entries, signed": {SCALES},
    "a root of another length, signed": {SCALES},
    "the log's line twice, once spoilt": {SCALES},
    "two spaces": {SCALES},
}
"""Who says yes where ours say no. Extension lines may be ignored; the rest no specification allows."""
STRICTER = {"the log's line twice": {AICS}}
"""Who says no where ours say yes: both lines hold, and no specification forbids the second."""


class Named:
    """Both judges' answers for who knows this log and, perhaps, this witness."""

    def __init__(self, origin: str, log: str, witness: str | None) -> None:
        self.origin, vkeys = origin, [log] if witness is None else [log, witness]
        self.aics_log, *self.aics_witnesses = [aics.parse_vkey(one) for one in vkeys]
        self.scales_keys = [signing.Vkey.from_string(one) for one in vkeys]

    def aics(self, note: str) -> aics.Checkpoint | None:
        try:
            parsed = aics.parse_note(note)
        except ValueError:
            return None
        seen = self.aics_witnesses
        checked = aics.verify_checkpoint(parsed, self.aics_log, seen, len(seen), expected_origin=self.origin)
        return aics.parse_checkpoint(parsed.text) if checked.ok else None

    def scales(self, note: str) -> scales.Checkpoint | None:
        try:
            found = scales.Checkpoint.from_text(note)
            for key in self.scales_keys:
                found.verify(key)
        # It has no error of its own: whatever it does not expect, it falls over.
        except Exception:  # noqa: BLE001
            return None
        return found if found.origin == self.origin else None

    def proves(self, proof: str, index: int, leaf_hash: bytes) -> dict[str, bool]:
        """Whether a tlog-proof puts an entry into the tree. Neither reads one; its three parts they do."""
        head, _, note = proof.partition("\n\n")
        try:
            heading, place, *path = head.split("\n")
            hashes = [aics.note.b64_decode(each) for each in path]
        except ValueError:
            return {AICS: False, SCALES: False}
        if (heading, place) != ("c2sp.org/tlog-proof@v1", f"index {index}"):
            return {AICS: False, SCALES: False}
        one, two = self.aics(note), self.scales(note)
        return {
            AICS: one is not None and aics.verify_inclusion(leaf_hash, index, one.size, hashes, one.root),
            SCALES: two is not None
            and proves(scales.InclusionProof(index, two.size, hashes), leaf_hash, two.root_hash),
        }


def main(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    shown = json.loads((folder / "cases.json").read_text())
    size, root = shown["size"], b64decode(shown["root"])

    # The checkpoint and its cosignature.
    vkeys = [(folder / name).read_text() for name in ("log.vkey", "witness.vkey")]
    named = Named(shown["origin"], *vkeys)
    for name in ("log", "pruned"):
        checkpoint = (folder / name / "checkpoint").read_text()
        one, two = named.aics(checkpoint), named.scales(checkpoint)
        expect("aics: checkpoint and cosignature", one is not None and (one.size, one.root) == (size, root))
        expect("scales: the same", two is not None and (two.size, two.root_hash) == (size, root))
        expect("scales: written again", two is not None and two.serialize() == checkpoint)

    # Every tile and every entry under its root.
    reader = aics.FileSystemTileReader(folder / "log")
    aics.audit_tiles(reader, size, root)
    expect("aics: root from tiles", aics.tree_root_from_tiles(reader, size) == root)
    entries = [aics.read_entry(reader, index, size) for index in range(0, size, 101)]
    expect("aics: entries", all(isinstance(entry, bytes) for entry in entries))
    whole = TilesReader(LocalBackend(folder / "log"))
    expect("scales: the size", whole.get_checkpoint().size == size)
    expect("scales: root from tiles", whole.calculate_root_hash() == root)
    expect("scales: entries", entries == [whole.get_entry(index) for index in range(0, size, 101)])

    # Roots of older sizes, from the tiles of the newest.
    for old, expected in shown["roots"].items():
        found = aics.tree_root_from_tiles(reader, int(old), size)
        expect(f"aics: root at {old}", found == b64decode(expected))

    # Of the same log pruned: roots and proofs from the files that are left. Only one of the two can: the
    # other goes down to the leaves of every subtree on the right, also where a tile above has its hash.
    minimum = shown["minimum"]
    left = TilesReader(LocalBackend(folder / "pruned"))
    left.set_size(size)
    kept = sorted(int(old) for old in shown["roots"] if int(old) >= minimum)
    for old in kept:
        old_root = b64decode(shown["roots"][str(old)])
        expect(f"scales: root at {old} of the pruned log", left.mth(0, old) == old_root)
        left.get_consistency_proof(old, size).check(old_root, root)
    for index in range(minimum, size, 1009):
        entry = left.get_entry(index)
        expect(f"scales: entry {index} of the pruned log", entry == aics.read_entry(reader, index, size))
        left.get_inclusion_proof(index, size).check(sha256(b"\0" + entry).digest(), root)
    pruned = aics.FileSystemTileReader(folder / "pruned")
    for index in range(minimum, size, 101):
        entry = aics.read_entry(pruned, index, size)
        expect(f"aics: entry {index} of the pruned log", entry == aics.read_entry(reader, index, size))
    expect("aics: a pruned entry", not there(pruned, minimum - 1, size))

    # Proofs, those that hold and those that were spoilt.
    refused = 0
    for leaf, index, of, path, top, ours in shown["inclusions"]:
        hashes = [b64decode(each) for each in path]
        theirs = aics.verify_inclusion(b64decode(leaf), index, of, hashes, b64decode(top))
        expect(f"aics: inclusion {index} of {of}", theirs is ours)
        second = proves(scales.InclusionProof(index, of, hashes), b64decode(leaf), b64decode(top))
        expect(f"scales: inclusion {index} of {of}", second is ours)
        refused += not ours
    for old, new, old_root, new_root, path, ours in shown["consistencies"]:
        hashes = [b64decode(each) for each in path]
        theirs = aics.verify_consistency(old, new, b64decode(old_root), b64decode(new_root), hashes)
        expect(f"aics: consistency {old} of {new}", theirs is ours)
        second = proves(scales.ConsistencyProof(old, new, hashes), b64decode(old_root), b64decode(new_root))
        expect(f"scales: consistency {old} of {new}", second is ours)
        refused += not ours
    expect("some were spoilt", refused > 1000)

    # Notes and tlog-proofs, likewise; where they differ, in what is said above and in nothing else.
    refused, met = 0, Counter[str]()
    for how, note, ours in shown["notes"]:
        theirs = {AICS: named.aics(note) is not None, SCALES: named.scales(note) is not None}
        other = {judge for judge, answer in theirs.items() if answer is not ours}
        expect(f"note, {how}: {theirs}", other == (STRICTER if ours else LENIENT).get(how, set()))
        met[how] += bool(other)
        refused += not ours
    expect("each way in which they differ was met", set(+met) == {*LENIENT, *STRICTER})
    proved, leaf = shown["proved"]
    for how, proof, ours in shown["proofs"]:
        theirs = named.proves(proof, proved, b64decode(leaf))
        expect(f"proof, {how}: {theirs}", theirs == {AICS: ours, SCALES: ours})
        refused += not ours
    expect("some notes were spoilt", refused > 200)

    # Every proof of an evidence bundle, under the checkpoint in it.
    bundled = bundle(folder / "bundle", (folder / "bundle.vkey").read_text())
    sys.stdout.write(
        f"{size} entries, {len(shown['inclusions']) + len(shown['consistencies'])} proofs, "
        f"{len(shown['notes'])} notes, {len(shown['proofs'])} tlog-proofs, {bundled} of a bundle: agreed\n"
    )


def bundle(folder: Path, vkey: str) -> int:
    """Read it by its README: `entries.jsonl` has the exact bytes, and `proofs/` one file for each."""
    named, checkpoint = Named(vkey.partition("+")[0], vkey, None), (folder / "log" / "checkpoint").read_text()
    lines = [json.loads(line) for line in (folder / "entries.jsonl").read_text().splitlines()]
    files = {path.name for path in (folder / "proofs").iterdir()}
    expect(
        "a proof for each entry", files == {f"{line['i']}.tlog-proof" for line in lines} and len(files) > 5
    )
    for line in lines:
        proof = (folder / "proofs" / f"{line['i']}.tlog-proof").read_text()
        leaf, index = sha256(b"\0" + b64decode(line["entry"])).digest(), line["i"]
        expect(f"bundle: under its checkpoint, {index}", proof.endswith("\n\n" + checkpoint))
        expect(f"bundle: {index}", set(named.proves(proof, index, leaf).values()) == {True})
        expect(f"bundle: another {index}", set(named.proves(proof, index, bytes(32)).values()) == {False})
    return len(files)


def there(reader: object, index: int, size: int) -> bool:
    try:
        return aics.read_entry(reader, index, size) is not None
    except FileNotFoundError:
        return False


def proves(proof: object, *hashes: bytes) -> bool:
    try:
        proof.check(*hashes)
    except (scales.InclusionProofInvalid, scales.ConsistencyProofInvalid):
        return False
    return True


def expect(what: str, holds: bool) -> None:
    if not holds:
        sys.exit(f"they differ: {what}")


main(Path(sys.argv[1]))
