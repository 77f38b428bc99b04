"""Checkpoints, cosignatures and proofs: a few that hold, many that were spoilt, and our verdict on each.

Each is named by how it was made. Two readers of ours judge, that of receipts and that in every bundle, and
have to agree before a judge from outside is asked.
"""

import random
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass

from audit import offline
from audit.checkpoint import Checkpoint
from audit.cosignature import Witness, cosign
from audit.errors import ConsentryError
from audit.keys import Duty, SigningKey
from audit.note import NoteSignature, NoteVerifier
from audit.proof import Proof
from audit.quorum import Trust

NOW = 1_700_000_000
WITNESS = "witness.example/w"
Case = tuple[str, str]
"""How it was made, and its text."""


@dataclass(frozen=True)
class Hand:
    """Who holds the keys of a log and of its witness, and can sign whatever is to be refused."""

    origin: str
    log: SigningKey
    witness: SigningKey

    @property
    def vkeys(self) -> tuple[str, str]:
        log = NoteVerifier(self.origin, self.log.verifying).text
        return log, Witness(WITNESS, self.witness.verifying).text

    def note(self, body: str) -> str:
        """Signed by both, whatever it says."""
        blob = self.log.sign_note(body.encode())
        line = NoteSignature(self.origin, NoteVerifier(self.origin, self.log.verifying).key_id, blob).line
        seen = cosign(body if body.endswith("\n") else body + "\n", WITNESS, self.witness, NOW).line
        return f"{body}\n{line}{seen}"


class Judges:
    """Our two, for whoever asks for the log and its one witness."""

    def __init__(self, hand: Hand) -> None:
        self.verifier = NoteVerifier.parse(hand.vkeys[0])
        self.trust = Trust.parse("log {}\nwitness w {}\nquorum w\n".format(*hand.vkeys))
        self.bundled = offline.Trust.parse("log {}\nwitness {}\nquorum 1\n".format(*hand.vkeys))

    def note(self, text: str) -> bool:
        try:
            self.trust.check(text, self.verifier.name)
            ours = True
        except ConsentryError:
            ours = False
        try:
            with offline.reading("it"):
                self.bundled.checkpoint(text.encode())
            return _same(text, ours, bundled=True)
        except offline.Fault:
            return _same(text, ours, bundled=False)

    def proof(self, text: str, index: int, leaf: bytes, leaf_hash: str) -> bool:
        try:
            proof = Proof.parse(text)
            self.trust.check(proof.checkpoint, self.verifier.name)
            proof.check(leaf, self.verifier)
            ours = proof.index == index
        except ConsentryError:
            ours = False
        try:
            self.bundled.proof("it", text.encode(), index, leaf_hash)
            return _same(text, ours, bundled=True)
        except offline.Fault:
            return _same(text, ours, bundled=False)


def _same(text: str, ours: bool, *, bundled: bool) -> bool:
    if ours is not bundled:
        raise SystemExit(f"our two readers differ: {ours}, and {bundled} in a bundle\n{text}")
    return ours


def notes(hand: Hand, good: Checkpoint, chance: random.Random) -> Iterator[Case]:
    """Of a checkpoint that its log signed: with a witness's line, and in every way that is none."""
    body, _, _ = good.text.partition("\n\n")
    body += "\n"
    origin, size, root = body.splitlines()
    whole = hand.note(body)
    _, _, signed, seen = whole.partition("\n\n")[0], "", *whole.partition("\n\n")[2].splitlines(keepends=True)
    yield "as it is", whole
    yield "lines the other way round", f"{body}\n{seen}{signed}"
    other = SigningKey.generate(Duty.WITNESS, chance.randbytes)
    beside = cosign(body, "witness.example/other", other, NOW).line
    yield "a line by somebody else", whole + beside
    yield "another tree, rightly signed", hand.note(f"{origin}\n{int(size) + 1}\n{root}\n")
    yield "no witness", f"{body}\n{signed}"
    yield "no log", f"{body}\n{seen}"
    yield "somebody else's line alone", f"{body}\n{beside}"
    for wrong in (f"{int(size) + 1}", f"{int(size) - 1}", "1", f"{size}0"):
        yield "another size, not signed", whole.replace(f"\n{size}\n", f"\n{wrong}\n", 1)
    yield "another origin, not signed", whole.replace(origin, origin + "2", 1)
    yield "another origin, signed", hand.note(f"{origin}2\n{size}\n{root}\n")
    for wrong in (
        f"0{size}",
        f"+{size}",
        f" {size}",
        f"{size} ",
        f"{size[0]}_{size[1:]}",
        f"{size}.0",
        "",
        "x",
        "٧",
    ):
        yield "a size in another spelling, signed", hand.note(f"{origin}\n{wrong}\n{root}\n")
    yield "less than no entries, signed", hand.note(f"{origin}\n-1\n{root}\n")
    short, long = (b64encode(b64decode(root)[:31]), b64encode(b64decode(root) + b"\0"))
    for wrong in (short.decode(), long.decode()):
        yield "a root of another length, signed", hand.note(f"{origin}\n{size}\n{wrong}\n")
    for wrong in (
        root.rstrip("="),
        f"{root[:-2]}{chr(ord(root[-2]) + 1)}=",
        f"{root}=",
        f"{root[:4]} {root[4:]}",
    ):
        yield "a root in another spelling, signed", hand.note(f"{origin}\n{size}\n{wrong}\n")
    yield "a line left out, signed", hand.note(f"{origin}\n{size}\n")
    yield "an empty line in it, signed", hand.note(f"{origin}\n\n{size}\n{root}\n")
    yield "an extension line, signed", hand.note(f"{body}extension\n")
    yield "carriage returns, signed", hand.note(body.replace("\n", "\r\n"))
    yield "no end of the text's last line, signed", hand.note(body.removesuffix("\n"))
    yield "no end of the last line", whole.removesuffix("\n")
    yield "an empty line at the end", whole + "\n"
    yield "an empty line more between", f"{body}\n\n{signed}{seen}"
    yield "no empty line between", f"{body}{signed}{seen}"
    yield "no signature", f"{body}\n"
    yield "the log's line twice", f"{whole}{signed}"
    yield "the log's line twice, once spoilt", f"{whole}{_blob(signed, _flipped(chance, _bytes(signed), 4))}"
    yield "two spaces", whole.replace(f"— {origin} ", f"— {origin}  ", 1)
    yield "another dash", whole.replace("— ", "- ", 1)
    yield "a space at the end", whole.replace("\n", " \n", 1)
    for line, many in ((signed, 30), (seen, 30)):
        who = "log" if line == signed else "witness"
        for _ in range(many):
            yield (
                f"a bit of the {who}'s signature",
                whole.replace(line, _blob(line, _flipped(chance, _bytes(line), 4))),
            )
        for _ in range(4):
            changed = _flipped(chance, _bytes(line)[:4], 0) + _bytes(line)[4:]
            yield f"a bit of the {who}'s key id", whole.replace(line, _blob(line, changed))
        yield f"a byte too few of the {who}", whole.replace(line, _blob(line, _bytes(line)[:-1]))
        yield f"a byte too many of the {who}", whole.replace(line, _blob(line, _bytes(line) + b"\0"))
        yield f"a key id alone of the {who}", whole.replace(line, _blob(line, _bytes(line)[:4]))
        yield f"base64 of the {who} without its end", whole.replace(line, line.rstrip("=\n") + "\n")
        yield f"another name of the {who}", whole.replace(f"— {line.split()[1]} ", "— example ")
    later = (NOW + 1).to_bytes(8) + _bytes(seen)[12:]
    yield "another time of the witness", whole.replace(seen, _blob(seen, _bytes(seen)[:4] + later))
    before = hand.note(f"{origin}\n{int(size) - 1}\n{root}\n").splitlines(keepends=True)[-1]
    yield "a witness's line of another tree", whole.replace(seen, before)
    for _ in range(40):
        data = _flipped(chance, body.encode(), 0)
        yield "a bit of the text", data.decode("latin-1") + whole[len(body) :]
    for _ in range(20):
        yield "cut off", whole[: chance.randrange(1, len(whole) - 1)]


def proofs(hand: Hand, good: str, chance: random.Random) -> Iterator[Case]:
    """Of a proof under a checkpoint of the log alone: cosigned, and spoilt in each of its lines."""
    head, _, plain = good.partition("\n\n")
    whole = hand.note(plain.partition("\n\n")[0] + "\n")
    heading, place, *path = head.split("\n")

    def proof(*lines: str, under: str = whole) -> str:
        return "\n".join(lines) + "\n\n" + under

    yield "as it is", proof(heading, place, *path)
    yield "under a checkpoint that no witness saw", proof(heading, place, *path, under=plain)
    yield "another heading", proof(heading.replace("v1", "v2"), place, *path)
    yield "no heading", proof(place, *path)
    for wrong in (
        place + "0",
        place.replace("index ", "index 0"),
        place.replace("index ", "leaf "),
        "index -1",
    ):
        yield "another place", proof(heading, wrong, *path)
    yield "no path", proof(heading, place)
    yield "a hash too many", proof(heading, place, *path, b64encode(bytes(32)).decode())
    yield "a hash too few", proof(heading, place, *path[:-1])
    yield "two the other way round", proof(heading, place, path[1], path[0], *path[2:])
    yield "a hash of 31 bytes", proof(heading, place, b64encode(bytes(31)).decode(), *path[1:])
    yield "a hash in another spelling", proof(heading, place, path[0].rstrip("="), *path[1:])
    yield "carriage returns", proof(heading, place, *path).replace("\n", "\r\n")
    for _ in range(30):
        at = chance.randrange(len(path))
        wrong = b64encode(_flipped(chance, b64decode(path[at]), 0)).decode()
        yield "a bit of the path", proof(heading, place, *path[:at], wrong, *path[at + 1 :])
    for _ in range(10):
        cut = proof(heading, place, *path)
        yield "cut off", cut[: chance.randrange(1, len(cut) - 1)]


def _bytes(line: str) -> bytes:
    return b64decode(line.split()[2])


def _blob(line: str, blob: bytes) -> str:
    return f"— {line.split()[1]} {b64encode(blob).decode()}\n"


def _flipped(chance: random.Random, data: bytes, since: int) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(since, len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)
