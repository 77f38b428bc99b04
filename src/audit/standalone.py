"""Verify an evidence bundle. Needs Python 3.11 and `cryptography`; no network, no database, nothing of ours.

    python verify.py BUNDLE TRUST [VIDEO]

TRUST is your own file, from whom you trust and never from the bundle. One statement a line:

    log <vkey>                                   witness <vkey>
    quorum <number>                              (so many witnesses must have cosigned; without it, each)
    consentry/export/v1 <kid> <base64>           consentry/countersign/v1 <kid> <base64>
    rp <RP id> <origin>...                       (for whom passkeys sign)
    compromised <kid> from <index>               (nothing it signed from that place of the log on is believed)
    tsa <base64 of a certificate>                (whose time stamps count, or those of whom it certifies)

A line of a key may end in `until <index>`: it was another's turn from there on.

Each claim is proven, not proven, erased or lost in a recovery. Exit code 0: none is not proven; 1: one is;
3: this is no bundle. It reads with the folder `audit` that lies beside it.
"""

import hmac
import sys

if __name__ == "__main__":
    # Nothing compiled that lies beside this is run, and nothing is left beside it.
    sys.pycache_prefix, sys.dont_write_bytecode = "/dev/null", True

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit import answered, consented, matter
from audit.answered import Rests
from audit.bundled import Entry, Held, expect_open, in_other_hands, leaf_of, lost_as_told, permit_key, told
from audit.offline import (
    WHY,
    Fault,
    Gone,
    Lost,
    Trust,
    as_signed,
    canonical_json,
    of_base64,
    opened_part,
    plain,
    read_bundle,
    read_file,
    reading,
)
from audit.stamped import stamps
from audit.verdicts import ERASED, LIMITS, NOT_PROVEN, PROVEN, ZH

MANIFEST, SIGNATURE = "bundle.json", "bundle.sig"


@dataclass(frozen=True)
class Claim:
    """One thing a bundle says, and whether it shows it."""

    name: str
    verdict: str
    detail: str


class Verifier(Held):
    """One bundle before one verifier's trust."""

    def __init__(self, files: Mapping[str, bytes], trust: Trust, video: bytes | None = None) -> None:
        super().__init__(files, trust)
        self.video = video
        self.about: dict[str, Any] = {}
        """`bundle.json`, once it was found to be signed."""
        self.root = b""
        self._cited: dict[str, set[str]] = {}
        """By authorization, every head that something rests on."""

    def claims(self) -> Iterator[Claim]:
        """Every claim, in order. Where one of the first five fails there is nothing to rest others on."""
        first = {"files": self._files, "log": self._log, "proofs": self._proofs, "openings": self._openings}
        first["keys"] = self._keys
        for name, step in first.items():
            claim = _claim(name, step)
            yield claim
            if claim.verdict == NOT_PROVEN:
                return
        yield _claim("about", matter.shown, self, self.about)
        for entry in self.entries.values():
            yield from self._of_entry(entry)
        for name in sorted(self._consents()):
            yield _claim(f"consent {name}", consented.consent, self, name, self._cited.get(name, ()))
        yield _claim("history", lambda: told(self.file("history.json"), self.entries.values()))
        yield _claim("case", matter.case, self, self.about)
        yield _claim("rest", matter.rest, self)
        yield from self._released()
        if self.video is not None:
            yield _claim("video", self._video, self.video)
        for name, step in stamps(self.files, self.trust, self.entries):
            yield _claim(name, step)

    def items(self) -> list[dict[str, Any]]:
        """The eight items of the case, `present` where entries show it; none before `files` was proven."""
        try:
            with reading(MANIFEST):
                return matter.items(self, self.about)
        except Fault:
            return []

    def _of_entry(self, entry: Entry) -> Iterator[Claim]:
        kind, place = entry.leaf["t"], str(entry.index)
        if kind == "RunStarted":
            yield _claim(f"run {place}", self._run, entry)
        if kind == "OutputReleased":
            yield _claim(f"release {place}", self._release, entry)
        if kind == "Decided" and any(one.get("answer") == "permit" for one in entry.parts.values()):
            found: list[Rests] = []
            yield _claim(f"decision {place}", answered.decision, self, entry, found)
            for one in found:
                for authorization, head in one.heads:
                    self._cited.setdefault(authorization, set()).add(head)
                yield _claim(f"standing {place}", answered.standing, self, entry, one)

    def _consents(self) -> set[str]:
        """Those that something rests on, that were granted, and that lie here."""
        said = [one for entry in self.of(consented.GRANTED) for one in entry.parts.values()]
        granted = {str(one["authorization"]) for one in said if "authorization" in one}
        here = {name.split("/")[1] for name in self.files if name.startswith("consent/")}
        return granted | here | set(self._cited)

    def _released(self) -> Iterator[Claim]:
        try:
            with reading(MANIFEST):
                kind, name = matter.about(self.about)
        except Fault:
            return
        if kind == "output":
            yield _claim("output", self._output, name)

    def _files(self) -> str:
        with reading(MANIFEST):
            about = canonical_json(self.file(MANIFEST))
            wanted = dict(about["files"])
            if about["v"] != 1:
                raise Fault(f"{MANIFEST}: of a later version than this verifier")
        for name in sorted({*wanted, *self.files} - {MANIFEST, SIGNATURE}):
            if sha256(self.file(name)).hexdigest() != wanted.get(name):
                raise Fault(f"{name}: not the file that {MANIFEST} names")
        kid = self.trust.exporter(SIGNATURE, self.file(SIGNATURE), self.files[MANIFEST])
        self.about = about
        return f"{len(self.files)} files, export key {kid}"

    def _log(self) -> str:
        with reading("log/checkpoint"):
            self.size, self.root = self.trust.checkpoint(self.file("log/checkpoint"))
        return f"{self.size} entries, root {self.root.hex()}"

    def _proofs(self) -> str:
        last = -1
        for number, line in enumerate(self.file("entries.jsonl").splitlines(), start=1):
            with reading(f"entries.jsonl, line {number}"):
                value = canonical_json(line)
                index, data = value["i"], of_base64(value["entry"])
                entry = Entry(index, sha256(b"\0" + data).hexdigest(), leaf_of(data))
                if not last < index < self.size or entry.hash in self.entries:
                    raise ValueError("not an entry in its order, once")
            name = f"proofs/{index}.tlog-proof"
            note = self.trust.proof(name, self.file(name), index, entry.hash)
            if note != self.files["log/checkpoint"]:
                raise Fault(f"{name}: under another checkpoint")
            self.entries[entry.hash], last = entry, index
        return f"{len(self.entries)} entries"

    def _openings(self) -> str:
        left, told = dict.fromkeys((*WHY, "sealed"), 0), dict[str, int]()
        for entry in self.entries.values():
            states = list[str]()
            for part, public in enumerate(entry.leaf["parts"]):
                name = f"open/{entry.index}.{part}.json"
                if name in self.files:
                    entry.parts[part] = opened_part(name, self.files[name], public["com"])
                else:
                    states.append(self.about["parts"][f"{entry.index}.{part}"])
                    left[states[-1]] += 1
            # What was merely kept back is not gone because of another's part.
            if "sealed" not in states:
                entry.gone = next((WHY[one] for one in states), Fault)
            if entry.leaf["t"] in {"KeysDestroyed", "ErasureCompleted"}:
                for one in entry.parts.values():
                    told[entry.leaf["ref"][0] + one["keys"]] = one["parts"]
        if left[ERASED] > sum(told.values()):
            raise Fault(f"{left[ERASED]} parts are said to be erased; the log tells of {sum(told.values())}")
        lost_as_told(self.about["parts"], self.entries.values())
        opened = sum(len(one.parts) for one in self.entries.values())
        return ", ".join([f"{opened} parts open", *(f"{count} {state}" for state, count in left.items())])

    def _keys(self) -> str:
        """Again with less trust: now it is proven what the log says of its own keys."""
        said = in_other_hands(self.entries.values())
        self.trust = self.trust.less(said)
        kid = self.files[SIGNATURE].decode().split(" ")[0]
        if self.trust.void(kid, self.size - 1):
            raise Fault(f"{SIGNATURE}: export key {kid} had ended before there were {self.size} entries")
        with reading("log/checkpoint"):
            self.trust.checkpoint(self.file("log/checkpoint"))
        # Last: what does not open takes nothing from what the others say.
        expect_open(self.entries.values())
        return f"{len(said)} said by the log to have been in other hands, unless that was left out"

    def _run(self, entry: Entry) -> str:
        permit, said = self.find("Decided", decision=entry.says("permit")["permit"], answer="permit")
        if permit.hash not in entry.leaf["ref"]:
            raise Fault(f"entry {entry.index} refers to another permit than it names")
        name = f"before/{entry.index}.tlog-proof"
        # No witness need have seen this one: its digest stands in an entry under one that they saw.
        note = self.trust.proof(name, self.file(name), permit.index, permit.hash, seen_too=False)
        if sha256(as_signed(note)).hexdigest() != entry.leaf["cp"] or said["action"] != "swap":
            raise Fault(f"{name}: not the checkpoint that entry {entry.index} names, or another permit")
        permit_key(self.trust, permit, self.entries.values())
        return f"permit {permit.index} is under the checkpoint that run {entry.index} names"

    def _release(self, entry: Entry) -> str:
        said, refs = entry.says("permit", "job"), [self.entries[one] for one in entry.leaf["ref"]]
        by_kind = {one.leaf["t"]: one for one in refs}
        begun, ran = by_kind["RunStarted"].says("permit", "job"), by_kind["RunFinished"].says("output", "job")
        rightly = by_kind["Decided"].says("answer", "follows")
        if (ran["output"], ran["job"], begun["job"]) != (said["digest"], said["job"], said["job"]):
            raise Fault(f"entry {entry.index}: another run made another file")
        if {begun["permit"], rightly["follows"]} != {said["permit"]} or rightly["answer"] != "permit":
            raise Fault(f"entry {entry.index}: released under another permit")
        permit, _ = self.find("Decided", decision=said["permit"], answer="permit")
        for one in (permit, by_kind["Decided"]):
            heads = {consent for part in one.parts.values() for consent, _ in part["heads"]}
            if heads != set(said["rests_on"]):
                raise Fault(f"entry {entry.index}: rests on other consents than entry {one.index}")
        if not by_kind["RunStarted"].index < by_kind["RunFinished"].index < entry.index:
            raise Fault(f"entry {entry.index}: out of order")
        store = self.files.get(f"output/{said['output']}.c2pa", b"")
        if not store and self.video is not None and sha256(self.video).hexdigest() == said["digest"]:
            store = self.video
        named = [("permit", said["permit"]), *(("authorization", one) for one in sorted(said["rests_on"]))]
        for kind, name in named if store else ():
            message = f"consentry/manifest/v1\0{kind}\0{name}".encode()
            if hmac.digest(bytes.fromhex(ran["salt"]), message, "sha256").hex().encode() not in store:
                raise Fault(f"output/{said['output']}.c2pa: the manifest is of another {kind}")
        shown = "names its permit and consents" if store else "is not here"
        return f"output {said['output']}, SHA-256 {said['digest']}; its C2PA manifest {shown}"

    def _output(self, name: str) -> str:
        released, _ = self.find("OutputReleased", output=name)
        return f"output {name} was released by entry {released.index}"

    def _video(self, video: bytes) -> str:
        digest = sha256(video).hexdigest()
        entry, said = self.find("OutputReleased", digest=digest)
        if self.files.get(f"output/{said['output']}.c2pa", b"") not in video:
            raise Fault(f"output/{said['output']}.c2pa: not in the video")
        return f"SHA-256 {digest}, released by entry {entry.index}"


def _claim(name: str, step: Callable[..., str], *args: Any) -> Claim:
    try:
        with reading(name):
            return Claim(plain(name), PROVEN, plain(step(*args)))
    except Gone as gone:
        # Only what a person said of herself is erased: the operator's parts never are. Either can be lost.
        may_be = isinstance(gone, Lost) or name.startswith(("standing", "consent"))
        return Claim(plain(name), gone.verdict if may_be else NOT_PROVEN, plain(str(gone)))
    except Fault as fault:
        return Claim(plain(name), NOT_PROVEN, plain(str(fault)))


def main(bundle: str, trust: str, *video: str) -> int:
    """Print every claim. The exit code."""
    verdicts = set()
    try:
        files = read_bundle(Path(bundle))
        seen = read_file(Path(video[0])) if video else None
        verifier = Verifier(files, Trust.parse(read_file(Path(trust)).decode()), seen)
    except (Fault, OSError, ValueError) as error:
        sys.stdout.write(f"no bundle 不是证据包: {error}\n")
        return 3
    for one in verifier.claims():
        verdicts.add(one.verdict)
        zh = ZH[one.name.partition(" ")[0]]
        sys.stdout.write(f"{one.verdict} {ZH[one.verdict]}  {one.name} {zh}: {one.detail}\n")
    for item in verifier.items():
        sys.stdout.write(f"{item['state']}  {item['item']} {item['en']} {item['zh']}\n")
    sys.stdout.write(LIMITS)
    return int(NOT_PROVEN in verdicts)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) in {3, 4} else __doc__)
