"""Two C2SP implementations that are not ours say of the same log what ours says. `judge.py DIR`.

For an interpreter of their own (Python 3.12 and later): `make oracle`. Neither is used by anything here.
"""

import json
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import aics_tlog as aics
from tlog_scales import tlog as scales
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader


def main(folder: Path) -> None:
    shown = json.loads((folder / "cases.json").read_text())
    size, root = shown["size"], b64decode(shown["root"])

    # The checkpoint and its cosignature.
    parsed = aics.parse_note((folder / "log" / "checkpoint").read_text())
    log, witness = (aics.parse_vkey((folder / name).read_text()) for name in ("log.vkey", "witness.vkey"))
    checked = aics.verify_checkpoint(parsed, log, [witness], 1)
    expect("aics: checkpoint and cosignature", checked.ok)

    # Every tile and every entry under its root.
    reader = aics.FileSystemTileReader(folder / "log")
    aics.audit_tiles(reader, size, root)
    expect("aics: root from tiles", aics.tree_root_from_tiles(reader, size) == root)
    entries = [aics.read_entry(reader, index, size) for index in range(0, size, 101)]
    expect("aics: entries", all(isinstance(entry, bytes) for entry in entries))

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
    sys.stdout.write(
        f"{size} entries, {len(shown['inclusions']) + len(shown['consistencies'])} proofs: agreed\n"
    )


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
