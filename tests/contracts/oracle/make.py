"""What the judges are shown: a log of ours as files, proofs of it, the same proofs spoilt. `make.py DIR`."""

import json
import random
import sys
from base64 import b64encode
from pathlib import Path

from audit import note, tree
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.edge import Edge
from audit.keys import Duty, SigningKey
from audit.note import NoteVerifier
from audit.storage import PosixStorage
from audit.tile import WIDTH, encode_bundle, grown
from audit.tree import ProofInvalid

ORIGIN, SIZE, PROOFS = "log.example/oracle", 70_000, 3000
MINIMUM = 160 * 256
"""Where the same log begins once it is pruned."""
NOW = 1_700_000_000


def text(data: bytes) -> str:
    return b64encode(data).decode()


def verdict(check: object, *case: object) -> bool:
    try:
        check(*case)  # type: ignore[operator]
    except ProofInvalid:
        return False
    return True


def spoilt(chance: random.Random, path: list[bytes]) -> list[bytes]:
    """A path with a bit flipped, a hash too many, one too few, or two the other way round."""
    how = chance.randrange(4)
    if how == 0 and path:
        at = chance.randrange(len(path))
        hashed = bytearray(path[at])
        hashed[chance.randrange(32)] ^= 1 << chance.randrange(8)
        return [*path[:at], bytes(hashed), *path[at + 1 :]]
    if how == 1 and path:
        return path[:-1]
    if how == 2 and len(path) > 1:
        return [path[1], path[0], *path[2:]]
    return [*path, bytes(32)]


def main(folder: Path) -> None:
    chance = random.Random(11)
    entries = [chance.randbytes(chance.randrange(0, 300)) for _ in range(SIZE)]
    hashes = [tree.leaf_hash(entry) for entry in entries]
    edge, roots = Edge.empty(), {}
    for number, leaf in enumerate(hashes, start=1):
        edge.append(leaf)
        if number in {1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE} or number % 997 == 0:
            roots[number] = edge.root()
    levels = [hashes]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = zip(below[::2], below[1::2], strict=False)
        levels.append([tree.node_hash(left, right) for left, right in pairs])

    def nodes(height: int, position: int) -> bytes:
        return levels[height][position]

    storage = PosixStorage(folder / "log")
    left = PosixStorage(folder / "pruned")
    for tile in grown(0, SIZE):
        kept = [storage] if not tile.level and tile.n < MINIMUM // WIDTH else [storage, left]
        for each in kept:
            if not tile.level:
                each.put(tile.bundle_path, encode_bundle(entries[tile.n * WIDTH :][: tile.width]))
            each.put(tile.path, b"".join(levels[8 * tile.level][tile.n * WIDTH :][: tile.width]))
    key = SigningKey.generate(Duty.LOG, chance.randbytes)
    witness_key = SigningKey.generate(Duty.WITNESS, chance.randbytes)
    checkpoint = Checkpoint.sign(ORIGIN, SIZE, roots[SIZE], key)
    line = cosign(note.parse(checkpoint.text).text, "witness.example/w", witness_key, NOW)
    storage.put("checkpoint", (checkpoint.text + line.line).encode())
    (folder / "log.vkey").write_text(NoteVerifier(ORIGIN, key.verifying).text)
    (folder / "witness.vkey").write_text(Witness("witness.example/w", witness_key.verifying).text)

    sizes = sorted(roots)
    inclusions, consistencies = [], []
    for number in range(PROOFS):
        size = chance.choice(sizes)
        index = chance.randrange(size)
        path = tree.inclusion_path(nodes, index, size)
        path = spoilt(chance, path) if number % 3 == 0 else path
        ours = verdict(tree.check_inclusion, hashes[index], index, size, path, roots[size])
        inclusions.append(
            [text(hashes[index]), index, size, [text(p) for p in path], text(roots[size]), ours]
        )
        old = chance.choice([each for each in sizes if each <= size])
        path = tree.consistency_path(nodes, old, size)
        path = spoilt(chance, path) if number % 3 == 0 else path
        ours = verdict(tree.check_consistency, old, size, path, roots[old], roots[size])
        consistencies.append([old, size, text(roots[old]), text(roots[size]), [text(p) for p in path], ours])
    shown = {
        "size": SIZE,
        "minimum": MINIMUM,
        "root": text(roots[SIZE]),
        "roots": {str(size): text(root) for size, root in roots.items()},
        "inclusions": inclusions,
        "consistencies": consistencies,
        "now": NOW,
    }
    (folder / "cases.json").write_text(json.dumps(shown))


main(Path(sys.argv[1]))
