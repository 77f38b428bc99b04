"""Verify an evidence bundle. Needs Python 3.11 and `cryptography`; no network, no database, nothing of ours.

    python verify.py BUNDLE TRUST [VIDEO]

TRUST is your own file, from whom you trust and never from the bundle. One statement a line:

    log <vkey>                                   witness <vkey>            (each of them must have cosigned)
    consentry/export/v1 <kid> <base64>           consentry/countersign/v1 <kid> <base64>
    rp <RP id> <origin>...                       (for whom passkeys sign)
    compromised <kid> from <index>               (nothing it signed from that place of the log on is believed)
    tsa <base64 of a certificate>                (whose time stamps count, or those of whom it certifies)

A line of a key may end in `until <index>`: it was another's turn from there on.

Each claim is proven, not proven, erased or lost in a recovery. Exit code 0: none is not proven; 1: one is;
3: this is no bundle. It reads with the folder `audit` that lies beside it.
"""

import hmac
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit.bundled import MARKS, Entry, in_other_hands, lost_as_told, permit_key, told
from audit.offline import (
    ERASED,
    LIMITS,
    NOT_PROVEN,
    PROVEN,
    WHY,
    ZH,
    Fault,
    Gone,
    Lost,
    Trust,
    as_signed,
    canonical_json,
    ed25519_holds,
    of_base64,
    opened_part,
    plain,
    read_bundle,
    reading,
)
from audit.stamped import stamps

MANIFEST, SIGNATURE = "bundle.json", "bundle.sig"


@dataclass(frozen=True)
class Claim:
    """One thing a bundle says, and whether it shows it."""

    name: str
    verdict: str
    detail: str


class Verifier:
    """One bundle before one verifier's trust."""

    def __init__(self, files: Mapping[str, bytes], trust: Trust, video: bytes | None = None) -> None:
        self.files, self.trust, self.video = files, trust, video
        self.about: dict[str, Any] = {}
        """`bundle.json`, once it was found to be signed."""
        self.entries: dict[str, Entry] = {}
        """By leaf hash, in order."""
        self.size, self.root = 0, b""
        self._cited: dict[str, str] = {}

    def claims(self) -> Iterator[Claim]:
        """Every claim, in order. Where one of the first five fails there is nothing to rest others on."""
        first = {"files": self._files, "log": self._log, "proofs": self._proofs, "openings": self._openings}
        first["keys"] = self._keys
        for name, step in first.items():
            claim = _claim(name, step)
            yield claim
            if claim.verdict == NOT_PROVEN:
                return
        for entry in self.entries.values():
            yield from self._of_entry(entry)
        for name in sorted(self._cited):
            yield _claim(f"consent {name}", self._consent, name)
        yield _claim("history", lambda: told(self._file("history.json"), self.entries.values()))
        if self.about.get("about", {}).get("kind") == "output":
            yield _claim("output", self._output, self.about["about"]["id"])
        if self.video is not None:
            yield _claim("video", self._video, self.video)
        for name, step in stamps(self.files, self.trust, self.entries):
            yield _claim(name, step)

    def items(self) -> list[dict[str, Any]]:
        """The eight items of the case as the exporter states them; none before `files` was proven."""
        wanted = {"item": int, "en": str, "zh": str, "state": str}
        found = self.about.get("case", ())
        try:
            return [
                {name: one[name] if kind is int else plain(one[name]) for name, kind in wanted.items()}
                for one in found
                if all(isinstance(one[name], kind) for name, kind in wanted.items())
            ]
        except (LookupError, TypeError, ValueError):
            return []

    def _of_entry(self, entry: Entry) -> Iterator[Claim]:
        kind, place = entry.leaf["t"], str(entry.index)
        if kind == "RunStarted":
            yield _claim(f"run {place}", self._run, entry)
        if kind == "OutputReleased":
            yield _claim(f"release {place}", self._release, entry)
        if kind == "Decided" and any(one.get("answer") == "permit" for one in entry.parts.values()):
            rests_on: list[tuple[list[tuple[str, str]], list[str] | None]] = []
            yield _claim(f"decision {place}", self._decision, entry, rests_on)
            for heads, purposes in rests_on:
                self._cited |= dict(heads)
                yield _claim(f"standing {place}", self._standing, entry, heads, purposes)

    def _file(self, name: str) -> bytes:
        if name not in self.files:
            raise Fault(f"{name}: missing")
        return self.files[name]

    def _files(self) -> str:
        with reading(MANIFEST):
            about = canonical_json(self._file(MANIFEST))
            wanted = dict(about["files"])
        for name in sorted({*wanted, *self.files} - {MANIFEST, SIGNATURE}):
            if sha256(self._file(name)).hexdigest() != wanted.get(name):
                raise Fault(f"{name}: not the file that {MANIFEST} names")
        with reading(SIGNATURE):
            kid, signature = self._file(SIGNATURE).decode().removesuffix("\n").split(" ")
            if ("export", kid) not in self.trust.keys:
                raise Fault(f"{SIGNATURE}: by an export key you do not trust, {kid:.16}")
            message = b"consentry/export/v1\0" + self.files[MANIFEST]
            ed25519_holds(self.trust.keys["export", kid], bytes.fromhex(signature), message)
        self.about = about
        return f"{len(self.files)} files, export key {kid}"

    def _log(self) -> str:
        with reading("log/checkpoint"):
            self.size, self.root = self.trust.checkpoint(self._file("log/checkpoint"))
        return f"{self.size} entries, root {self.root.hex()}"

    def _proofs(self) -> str:
        last = -1
        for number, line in enumerate(self._file("entries.jsonl").splitlines(), start=1):
            with reading(f"entries.jsonl, line {number}"):
                value = canonical_json(line)
                index, data = value["i"], of_base64(value["entry"])
                entry = Entry(index, sha256(b"\0" + data).hexdigest(), canonical_json(data))
                if entry.leaf["v"] != 1 or not last < index < self.size or not entry.leaf["t"].isascii():
                    raise ValueError("not an entry in its order")
            name = f"proofs/{index}.tlog-proof"
            note = self.trust.proof(name, self._file(name), index, entry.hash)
            if note != self.files["log/checkpoint"]:
                raise Fault(f"{name}: under another checkpoint")
            self.entries[entry.hash], last = entry, index
        return f"{len(self.entries)} entries"

    def _openings(self) -> str:
        left, told = dict.fromkeys((*WHY, "sealed"), 0), dict[str, int]()
        for entry in self.entries.values():
            for part, public in enumerate(entry.leaf["parts"]):
                name = f"open/{entry.index}.{part}.json"
                if name in self.files:
                    entry.parts[part] = opened_part(name, self.files[name], public["com"])
                else:
                    state = self.about["parts"][f"{entry.index}.{part}"]
                    left[state], entry.gone = left[state] + 1, WHY.get(state, entry.gone)
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
            self.trust.checkpoint(self._file("log/checkpoint"))
        return f"{len(said)} said by the log to have been in other hands"

    def _decision(self, entry: Entry, rests_on: list[tuple[list[tuple[str, str]], list[str] | None]]) -> str:
        said, alone = entry.says("case", "policy"), set[tuple[str, str]]()
        for one in entry.parts.values():
            heads = [(_text(consent), _text(head)) for consent, head in one["heads"]]
            alone |= set(heads)
            if one["answer"] != "permit":
                raise Fault(f"entry {entry.index} gives two answers")
            if "roles" in one and heads:
                rests_on.append((heads, [_text(purpose) for purpose in one["purposes"]]))
        # Whose own part does not open here: for what purposes it rested on her is not known.
        seen = {pair for heads, _ in rests_on for pair in heads}
        rests_on += [([pair], None) for pair in sorted(alone - seen)]
        folder, question = f"policy/{said['policy']}/", f"decision/{said['decision']}.json"
        texts = {
            path.removeprefix(folder): sha256(data).hexdigest()
            for path, data in self.files.items()
            if path.startswith(folder)
        }
        if sha256(_canonical(texts)).hexdigest() != said["policy"]:
            raise Fault(f"{folder}: not the texts that entry {entry.index} was decided by")
        if sha256(self._file(question)).hexdigest() != said["case"]:
            raise Fault(f"{question}: not what entry {entry.index} answers")
        named = {one["authorization"] for one in canonical_json(self._file(question))["people"]}
        if not named - {None} <= {authorization for authorization, _ in alone}:
            raise Fault(f"{question}: names a consent that entry {entry.index} rests on no head of")
        adopted, _ = self._find("PolicyAdopted", digest=said["policy"])
        if adopted.index >= entry.index:
            raise Fault(f"entry {entry.index}: decided by a policy that was not adopted yet")
        return f"{said['action']} {said['stage']}: permit by policy {said['policy']}"

    def _standing(self, entry: Entry, heads: list[tuple[str, str]], purposes: list[str] | None) -> str:
        live = set[str]()
        for authorization, head in heads:
            after = (one for one in self.entries.values() if one.leaf.get("ref") == [head])
            if any(one.leaf["t"] in MARKS and one.index < entry.index for one in after):
                raise Fault(f"entry {entry.index} rests on what consent {authorization:.32} was before")
            live |= self._in_force(authorization, head, entry.index)
        if purposes is None:
            what = f"entry {entry.index} does not open to what it rested on her for"
            raise entry.gone(what)
        if not set(purposes) <= live:
            raise Fault(f"entry {entry.index} rests on a purpose that was not in force")
        return f"consents {' '.join(one for one, _ in heads)} for {' '.join(purposes) or 'nothing yet'}"

    def _in_force(self, authorization: str, head: str, before: int) -> set[str]:
        """What was in force at a chain's head."""
        given, marks = set[str](), set[tuple[str, str]]()
        for one in reversed(self._chain(authorization, head, before)):
            (on, mark), said = MARKS[one.leaf["t"]], one.says("authorization", "purposes")
            if said["authorization"] != authorization:
                raise Fault(f"entry {one.index} is of another consent")
            given |= set() if mark else set(said["purposes"])
            now = {(purpose, mark) for purpose in said["purposes"] if mark}
            marks = marks | now if on else marks - now
        return given - {purpose for purpose, _ in marks}

    def _chain(self, authorization: str, head: str, before: int) -> list[Entry]:
        """The events of a consent from a head back to the grant, which stands last."""
        chain = list[Entry]()
        while not chain or chain[-1].leaf["t"] != "ConsentGranted":
            if head not in self.entries or self.entries[head].index >= before:
                raise Fault(f"the chain of consent {authorization:.32} is broken before entry {before}")
            chain.append(self.entries[head])
            before, head = chain[-1].index, (*chain[-1].leaf.get("ref", ()), "")[0]
        return chain

    def _run(self, entry: Entry) -> str:
        permit, said = self._find("Decided", decision=entry.says("permit")["permit"], answer="permit")
        name = f"before/{entry.index}.tlog-proof"
        # No witness need have seen this one: its digest stands in an entry under one that they saw.
        note = self.trust.proof(name, self._file(name), permit.index, permit.hash, seen_too=False)
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
        if not by_kind["RunStarted"].index < by_kind["RunFinished"].index < entry.index:
            raise Fault(f"entry {entry.index}: out of order")
        store = self.files.get(f"output/{said['output']}.c2pa", b"")
        named = [("permit", said["permit"]), *(("authorization", one) for one in sorted(said["rests_on"]))]
        for kind, name in named if store else ():
            message = f"consentry/manifest/v1\0{kind}\0{name}".encode()
            if hmac.digest(bytes.fromhex(ran["salt"]), message, "sha256").hex().encode() not in store:
                raise Fault(f"output/{said['output']}.c2pa: the manifest is of another {kind}")
        shown = "names its permit and consents" if store else "is not here"
        return f"output {said['output']}, SHA-256 {said['digest']}; its C2PA manifest {shown}"

    def _output(self, name: str) -> str:
        released, _ = self._find("OutputReleased", output=name)
        return f"output {name} was released by entry {released.index}"

    def _consent(self, name: str) -> str:
        granted = self._chain(name, self._cited[name], self.size)[-1]
        said = granted.says("document", "evidence", "purposes")
        parts = ("document.json", "evidence.json", "notice.md", "countersignature.json", "record.jsonld")
        document, evidence, notice, counter, record = (self._file(f"consent/{name}/{part}") for part in parts)
        texts = {"document": document, "evidence": evidence, "notice": notice}
        digests = {part: sha256(data).hexdigest() for part, data in texts.items()}
        for part, digest in digests.items():
            if said[part] != digest:
                raise Fault(f"consent/{name}: its {part} is not the one that was logged")
        signed, shown, by = canonical_json(document), canonical_json(evidence), canonical_json(counter)
        restated = canonical_json(record)["consentry:proof"]["document_sha256"]
        if (signed["id"], restated) != (name, digests["document"]):
            raise Fault(f"consent/{name}: its document or record.jsonld is of another consent")
        agreed = (set(signed["scope"]["purposes"]), signed["notice"]["sha256"])
        if agreed != (set(said["purposes"]), digests["notice"]):
            raise Fault(f"consent/{name}: she signed for other purposes, or under another notice")
        acting = {one["person"] for one in signed["capacity"].values() if isinstance(one, dict)}
        enrolled, key = self._find("KeyEnrolled", key=shown["key"])
        if key["person"] not in (acting or {signed["person"]}) or enrolled.index >= granted.index:
            raise Fault(f"consent/{name}/evidence.json: not by her own key, or that of who acts for her")
        ended = [one for one in self.entries.values() if one.leaf["t"] == "KeyRetired"]
        if any(
            part.get("key") == shown["key"]
            for one in ended
            if one.index < granted.index
            for part in one.parts.values()
        ):
            raise Fault(f"consent/{name}/evidence.json: by a key that had ended")
        message = b"consentry/authorization/v1\0" + sha256(document).digest()
        self.trust.person(f"consent/{name}/evidence.json", shown, message)
        with reading(f"consent/{name}/countersignature.json"):
            if ("countersign", by["kid"]) not in self.trust.keys:
                raise Fault(f"consent/{name}: countersigned by a key you do not trust, {by['kid']:.16}")
            if self.trust.void(by["kid"], granted.index):
                raise Fault(f"consent/{name}: countersigned when key {by['kid']} had ended")
            body = {**digests, "received_at": by["received_at"]}
            del body["notice"]
            message = b"consentry/countersign/v1\0" + _canonical(body)
            ed25519_holds(self.trust.keys["countersign", by["kid"]], bytes.fromhex(by["signature"]), message)
        return f"signed with {shown['method']}, received {by['received_at']}"

    def _video(self, video: bytes) -> str:
        digest = sha256(video).hexdigest()
        entry, said = self._find("OutputReleased", digest=digest)
        if self.files.get(f"output/{said['output']}.c2pa", b"") not in video:
            raise Fault(f"output/{said['output']}.c2pa: not in the video")
        return f"SHA-256 {digest}, released by entry {entry.index}"

    def _find(self, kind: str, **wanted: str) -> tuple[Entry, dict[str, Any]]:
        """The first entry of a kind that says this, and what it says. Raises `Fault`."""
        for entry in self.entries.values():
            for one in entry.parts.values() if entry.leaf["t"] == kind else ():
                if wanted.items() <= one.items():
                    return entry, one
        raise Fault(f"no {kind} here says it")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value


def _canonical(value: Mapping[str, str]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _claim(name: str, step: Callable[..., str], *args: Any) -> Claim:
    try:
        with reading(name):
            return Claim(plain(name), PROVEN, plain(step(*args)))
    except Gone as gone:
        # Only what a person said of herself is erased: the operator's parts never are. Either can be lost.
        may_be = isinstance(gone, Lost) or name.startswith(("standing", "consent"))
        return Claim(name, gone.verdict if may_be else NOT_PROVEN, plain(str(gone)))
    except Fault as fault:
        return Claim(name, NOT_PROVEN, plain(str(fault)))


def main(bundle: str, trust: str, *video: str) -> int:
    """Print every claim. The exit code."""
    verdicts = set()
    try:
        files = read_bundle(Path(bundle))
        seen = Path(video[0]).read_bytes() if video else None
        verifier = Verifier(files, Trust.parse(Path(trust).read_text("utf-8")), seen)
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
