"""What the judges are shown, as the product makes it; and proofs and notes that were spoilt. `make.py DIR`.

`log/` is a log of `audit.appender`, published and exported; `pruned/` the same log exported after a pruning;
`bundle/` an evidence bundle made from a shell, unpacked.
"""

import json
import random
import sqlite3
import sys
from base64 import b64encode
from pathlib import Path

import spoilt

from audit import note, sealing, tree
from audit.appender import Appender
from audit.cosignature import cosign
from audit.export import export
from audit.files import CHECKPOINT_PATH
from audit.head import HeadFile
from audit.keys import Duty, SigningKey
from audit.leaf import Leaf
from audit.pruned import PATH, PRUNED
from audit.receipt import Receipt
from audit.storage import PosixStorage
from audit.tree import ProofInvalid
from audit.treefile import TreeFile
from shell import enrolled, founded
from stranger import unpacked

ORIGIN, SIZE, PROOFS = "log.example/oracle", 70_000, 3000
MINIMUM = 160 * 256
"""Where the same log begins once it is pruned."""
SAYS_SO = SIZE - 100
"""The entry that says that it was."""
PUBLISHED = (1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE)
"""Sizes at which there was a checkpoint; entries come in between in pieces of 1,000 at most."""


def text(data: bytes) -> str:
    return b64encode(data).decode()


def verdict(check: object, *case: object) -> bool:
    try:
        check(*case)  # type: ignore[operator]
    except ProofInvalid:
        return False
    return True


def changed(chance: random.Random, path: list[bytes]) -> list[bytes]:
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


def pruning(chance: random.Random) -> tuple[Leaf, sealing.Opening]:
    """The entry that says up to where the log was pruned, and what opens it."""
    said = {"minimum": MINIMUM, "missing": 0, "erased": 0, "lost": 0, "before": "2026", "last": "2025"}
    eid = chance.randbytes(16).hex()
    sealed = sealing.seal(said, link=bytes(32), key=bytes(32), eid=eid, t=PRUNED, entropy=chance.randbytes)
    opening = sealing.unseal(sealed.ciphertext, sealed.part, key=bytes(32), eid=eid, t=PRUNED)
    return Leaf(t=PRUNED, ts="2026-11-28T12:00Z", eid=eid, parts=(sealed.part,)), opening


def main(folder: Path) -> None:
    chance = random.Random(11)
    entries = [chance.randbytes(chance.randrange(0, 300)) for _ in range(SIZE)]
    said, opening = pruning(chance)
    entries[SAYS_SO] = said.data
    hashes = [tree.leaf_hash(entry) for entry in entries]
    hand = spoilt.Hand(
        ORIGIN, *(SigningKey.generate(duty, chance.randbytes) for duty in (Duty.LOG, Duty.WITNESS))
    )

    # The log, as somebody keeps one by himself, and its files as he hands them out.
    folder.mkdir(parents=True)
    public, kept, left = (PosixStorage(folder / name) for name in ("public", "log", "pruned"))
    appender = Appender(folder / "log.sqlite", ORIGIN, hand.log, HeadFile(folder / "head"))
    roots, at = dict[int, bytes](), 0
    for size in PUBLISHED:
        while at < size:
            at = appender.append_many(entries[at : min(at + 1000, size)]).stop
        shown = appender.publish(public)
        roots[size] = bytes.fromhex(shown.root)
    assert export(public, kept, appender.verifier) == shown
    receipt = Receipt(said.data, 0, opening, appender.proof(SAYS_SO))
    public.put(PATH, receipt.data)
    assert export(public, left, appender.verifier) == shown
    line = cosign(note.parse(shown.text).text, spoilt.WITNESS, hand.witness, spoilt.NOW)
    for each in (kept, left):
        each.replace(CHECKPOINT_PATH, (shown.text + line.line).encode())
    for name, vkey in zip(("log.vkey", "witness.vkey"), hand.vkeys, strict=True):
        (folder / name).write_text(vkey)

    # Proofs from the same file, at sizes that had a checkpoint and at others.
    file = TreeFile(sqlite3.connect(folder / "log.sqlite"), appender.verifier)
    roots |= {size: file.edge(size).root() for size in range(997, SIZE, 997)}
    nodes, sizes = file.nodes(), sorted(roots)
    inclusions, consistencies = [], []
    for number in range(PROOFS):
        size = chance.choice(sizes)
        index = chance.randrange(size)
        path = tree.inclusion_path(nodes, index, size)
        path = changed(chance, path) if number % 3 == 0 else path
        ours = verdict(tree.check_inclusion, hashes[index], index, size, path, roots[size])
        inclusions.append(
            [text(hashes[index]), index, size, [text(p) for p in path], text(roots[size]), ours]
        )
        old = chance.choice([each for each in sizes if each <= size])
        path = tree.consistency_path(nodes, old, size)
        path = changed(chance, path) if number % 3 == 0 else path
        ours = verdict(tree.check_consistency, old, size, path, roots[old], roots[size])
        consistencies.append([old, size, text(roots[old]), text(roots[size]), [text(p) for p in path], ours])

    # Notes and tlog-proofs, each with our verdict.
    judges, index = spoilt.Judges(hand), 4711
    notes = [[how, it, judges.note(it)] for how, it in spoilt.notes(hand, shown, chance)]
    proofs = [
        [how, it, judges.proof(it, index, entries[index], hashes[index].hex())]
        for how, it in spoilt.proofs(hand, appender.proof(index), chance)
    ]
    appender.close()

    cases = {
        "origin": ORIGIN,
        "size": SIZE,
        "minimum": MINIMUM,
        "root": text(roots[SIZE]),
        "roots": {str(size): text(root) for size, root in roots.items()},
        "inclusions": inclusions,
        "consistencies": consistencies,
        "notes": notes,
        "proofs": proofs,
        "proved": [index, text(hashes[index])],
    }
    (folder / "cases.json").write_text(json.dumps(cases))
    evidence(folder)


def evidence(folder: Path) -> None:
    """A bundle of all that is in a service's log, and the service's vkey as its operator hands it out."""
    shell = founded(folder, "log.example/bundled", None)
    enrolled(shell, "her")
    enrolled(shell, "him")
    shell("evidence", "period", "2020-01-01T00:00:00Z/2120-01-01T00:00:00Z", "--to", folder / "bundle.zip")
    unpacked(folder / "bundle.zip")
    (folder / "bundle.vkey").write_text((shell.data / "keys" / "log.vkey").read_text().strip())


main(Path(sys.argv[1]))
