"""What a record of processing, or a sample, shows to who has its folder and keys he trusts, and no database.

The signature says that these files are what was exported. That a line stands for an entry of the log is shown
by a copy of the log's public files, by a sample's own proofs, or by the lines themselves where they are all
entries there are; what only a copy would show is `not looked at` without one. Of what a line says, kind and
minute are the entry's; the rest is the exporter's word, and of a sample the openings show whence he has it.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from audit import tree
from audit.bundled import leaf_of
from audit.edge import Edge
from audit.offline import (
    Fault,
    Trust,
    as_signed,
    canonical_json,
    of_base64,
    opened_part,
    plain,
    read_file,
    reading,
    usable,
)
from audit.standalone import Claim
from audit.tile import WIDTH
from audit.tilefiles import TileFiles
from audit.verdicts import NOT_PROVEN, PROVEN
from service.reports.sampling import ALGORITHM, SampleImpossible, draw

MANIFEST, SIGNATURE, CHECKPOINT = "manifest.json", "manifest.sig", "log/checkpoint"
LINES, ENTRIES = "processing.jsonl", "entries.jsonl"
NOT_LOOKED_AT = "not looked at"
ZH: Mapping[str, str] = {
    NOT_LOOKED_AT: "未查验",
    "tree": "日志副本即同一日志",
    "drawn": "样本按种子抽取",
    "lines": "各行即日志条目",
}
"""Beside those of `audit.verdicts`."""
_OPEN = ".."
_WITHOUT = "a copy of the log's files would show: --log DIR"


class _NotLookedAt(Exception):
    """What was given does not show it, nor the contrary."""


@dataclass
class Report:
    """An exported folder before one verifier's trust, and the copy of the log that he has, if any."""

    folder: Path
    trust: Trust
    copy: TileFiles | None = None
    about: dict[str, Any] = field(default_factory=dict)
    """`manifest.json`, once it was found to be signed."""
    root: bytes = b""
    kid: str = ""

    @property
    def size(self) -> int:
        """Entries of the log, as signed."""
        return int(self.about["size"])

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for."""
        return dict(self.about["asked"])

    def claims(self) -> Iterator[Claim]:
        """Every claim, in order. Where one of the first three fails there is nothing to rest others on."""
        for name, step in {"files": self._files, "log": self._log, "keys": self._keys}.items():
            claim = _claim(name, step)
            yield claim
            if claim.verdict != PROVEN:
                return
        if (copy := self.copy) is not None:
            claim = _claim("tree", lambda: self._tree(copy))
            yield claim
            if claim.verdict != PROVEN:
                return
        if self.about["report"] == "sample":
            yield _claim("proofs", self._proofs)
            yield _claim("openings", self._openings)
            yield _claim("drawn", self._drawn)
        yield _claim("lines", self._lines)

    def _files(self) -> str:
        here = self._here()
        listed = self._bytes(MANIFEST)
        with reading(MANIFEST):
            about = canonical_json(listed)
            wanted = dict(about["files"])
            if about["v"] != 1 or about["report"] not in {"processing", "sample"}:
                raise Fault(f"{MANIFEST}: of another kind or a later version than this verifier knows")
        self.kid = self.trust.exporter(SIGNATURE, self._bytes(SIGNATURE), listed)
        for name in sorted({*wanted, *here} - {MANIFEST, SIGNATURE}):
            if name not in here:
                raise Fault(f"{name}: missing")
            with here[name].open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted.get(name):
                    raise Fault(f"{name}: not the file that {MANIFEST} names")
        self.about = about
        return f"{len(here)} files, export key {self.kid}"

    def _log(self) -> str:
        note = self._bytes(CHECKPOINT)
        with reading(CHECKPOINT):
            size, self.root = self.trust.checkpoint(note)
            signed = as_signed(note)
            about = (signed.decode().split("\n")[0], size, self.root.hex(), sha256(signed).hexdigest())
        if about != tuple(self.about.get(name) for name in ("origin", "size", "root", "checkpoint")):
            raise Fault(f"{MANIFEST}: of another checkpoint than {CHECKPOINT}")
        return f"{size} entries, root {self.root.hex()}"

    def _keys(self) -> str:
        if self.trust.void(self.kid, self.size - 1):
            raise Fault(f"{SIGNATURE}: export key {self.kid} had ended before there were {self.size} entries")
        return f"export key {self.kid} had not ended, as far as your trust file says"

    def _tree(self, copy: TileFiles) -> str:
        if copy.placed() < self.size:
            raise Fault(f"the copy has {copy.placed()} entries, the report is of {self.size}")
        if tree.range_root(copy.nodes(), 0, self.size) != self.root:
            raise Fault("the copy is of another log: its root differs")
        return f"the first {self.size} of {copy.placed()} entries have the report's root"

    # What the lines stand for

    def _lines(self) -> str:
        if self.about["report"] == "sample":
            return self._of_sample()
        filters, (since, until) = self.asked["filters"], self.asked["period"].split("/")
        if self.copy is not None:
            return self._of_copy(self.copy, lambda minute: _within(minute, since, until), whole=not filters)
        if filters or (since, until) != (_OPEN, _OPEN):
            raise _NotLookedAt(_WITHOUT)
        return self._of_themselves()

    def _of_copy(self, copy: TileFiles, asked: Callable[[str], bool], *, whole: bool) -> str:
        """Each line is the entry at its place; and without a filter, each entry asked for has a line."""
        lines, count, older = self._read(), 0, 0
        line = next(lines, None)
        while line is not None and line["index"] < copy.minimum():
            line, older = next(lines, None), older + 1
        for index, data in self._kept(copy):
            leaf = leaf_of(data)
            if line is not None and line["index"] == index:
                _same(line, tree.leaf_hash(data).hex(), leaf)
                if not asked(leaf["ts"]):
                    raise Fault(f"{LINES}: entry {index} is of another period")
                line, count = next(lines, None), count + 1
            elif whole and asked(leaf["ts"]):
                raise Fault(f"{LINES}: entry {index} of the period has no line in its place")
        if line is not None:
            raise Fault(f"{LINES}: the line of entry {line['index']} is not in its order")
        if older or (whole and self._pruned_since(copy)):
            # Whether what is gone had a line, and its own, nobody can tell.
            raise _NotLookedAt(f"the copy was pruned since, below {copy.minimum()}; {count} lines fit")
        return f"{count} lines; {'no entry of the period is missing' if whole else 'a filter chose them'}"

    def _pruned_since(self, copy: TileFiles) -> bool:
        return copy.pruned is not None and copy.pruned.index >= self.size

    def _kept(self, copy: TileFiles) -> Iterator[tuple[int, bytes]]:
        for begin in range(copy.minimum(), self.size, WIDTH):
            entries = copy.entries(begin, min(begin + WIDTH, self.size))
            yield from enumerate(entries, begin)

    def _of_themselves(self) -> str:
        """All entries there are: their hashes have the signed root."""
        edge = Edge.empty()
        for line in self._read():
            if not edge.size and line["index"] and not line["index"] % WIDTH:
                # As of a log that was pruned below it.
                raise _NotLookedAt(_WITHOUT)
            if line["index"] != edge.size:
                raise Fault(f"{LINES}: the line of entry {edge.size} is not in its place")
            with reading(LINES):
                edge.append(bytes.fromhex(line["entry"]))
        if (edge.size, edge.root()) != (self.size, self.root):
            raise Fault(f"{LINES}: {edge.size} lines have another root than the log's {self.size} entries")
        return f"{edge.size} lines have the hashes of all entries; kind and minute {_WITHOUT}"

    def _of_sample(self) -> str:
        lines = list(self._read())
        if [line["index"] for line in lines] != list(self._entries):
            raise Fault(f"{LINES}: other entries than were drawn")
        for line in lines:
            data = self._entries[line["index"]]
            _same(line, tree.leaf_hash(data).hex(), leaf_of(data))
        return f"{len(lines)} lines"

    def _read(self) -> Iterator[dict[str, Any]]:
        with (self.folder / LINES).open("rb") as file:
            for number, data in enumerate(file, start=1):
                with reading(f"{LINES}, line {number}"):
                    line = dict(canonical_json(data.removesuffix(b"\n")))
                    if not isinstance(line["index"], int) or not 0 <= line["index"] < self.size:
                        raise ValueError("no place in the tree")
                yield line

    # A sample's own

    def _proofs(self) -> str:
        note = self._bytes(CHECKPOINT)
        for index, data in self._entries.items():
            name = f"proofs/{index}.tlog-proof"
            if self.trust.proof(name, self._bytes(name), index, tree.leaf_hash(data).hex()) != note:
                raise Fault(f"{name}: under another checkpoint")
        return f"{len(self._entries)} entries"

    def _openings(self) -> str:
        opened = list[int]()
        for path in sorted((self.folder / "open").glob("*.json")):
            name = f"open/{path.name}"
            with reading(name):
                index, part = (int(each) for each in path.name.removesuffix(".json").split("."))
                commitment = leaf_of(self._entries[index])["parts"][part]["com"]
            opened_part(name, self._bytes(name), commitment)
            opened.append(index)
        for line in self._read():
            if line["opens"] == "open" and line["index"] not in opened:
                raise Fault(f"open/{line['index']}: missing, and the line of the entry says that it opens")
        return f"{len(opened)} parts open"

    def _drawn(self) -> str:
        with reading("sample.json"):
            said = canonical_json(self._bytes("sample.json"))
            if said != self.asked or (said["root"], said["size"]) != (self.root.hex(), self.size):
                raise Fault(f"sample.json: of another sample than {MANIFEST}")
            if said["drawn"] != list(self._entries) or said["algorithm"] != ALGORITHM:
                raise Fault("sample.json: other entries than lie here, or drawn in another way")
            places = self._eligible(said["kind"], said["minimum"])
            try:
                drawn = draw(said["seed"], said["root"], len(places), len(said["drawn"]))
            except SampleImpossible as error:
                raise Fault(f"sample.json: {error}") from None
        if said["eligible"] != len(places) or said["drawn"] != [places[one] for one in drawn]:
            raise Fault("sample.json: the seed draws others")
        return f"{len(drawn)} of {len(places)}, as the seed draws them"

    def _eligible(self, kind: str | None, minimum: int) -> Sequence[int]:
        copy = self.copy
        if copy is None:
            # A minimum that nobody shows would leave out what the exporter likes.
            if kind is not None or minimum:
                raise _NotLookedAt(_WITHOUT)
            return range(self.size)
        if self._pruned_since(copy) and (minimum or kind is not None):
            raise _NotLookedAt(f"the copy was pruned since, below {copy.minimum()}")
        if not self._pruned_since(copy) and minimum != copy.minimum():
            raise Fault(f"sample.json: from entry {minimum} on, and the log began at {copy.minimum()}")
        if kind is None:
            return range(minimum, self.size)
        return [index for index, data in self._kept(copy) if leaf_of(data)["t"] == kind]

    @cached_property
    def _entries(self) -> Mapping[int, bytes]:
        """Leaf bytes of a sample by place, in the order drawn."""
        found = dict[int, bytes]()
        for number, line in enumerate(self._bytes(ENTRIES).splitlines(), start=1):
            with reading(f"{ENTRIES}, line {number}"):
                value = canonical_json(line)
                data = of_base64(value["entry"])
                leaf_of(data)
                if not 0 <= value["i"] < self.size or value["i"] in found:
                    raise ValueError("not an entry, once")
                found[value["i"]] = data
        return found

    def _here(self) -> Mapping[str, Path]:
        found = dict[str, Path]()
        for path in sorted(one for one in self.folder.rglob("*") if one.is_symlink() or not one.is_dir()):
            name = path.relative_to(self.folder).as_posix()
            if path.is_symlink() or not path.is_file() or not usable(name):
                raise Fault(f"{name!a}: not a file that a report has")
            found[name] = path
        return found

    def _bytes(self, name: str) -> bytes:
        try:
            return read_file(self.folder / name)
        except OSError:
            raise Fault(f"{name}: missing, or can't be read") from None


def _same(line: Mapping[str, Any], entry: str, leaf: Mapping[str, Any]) -> None:
    if (line.get("entry"), line.get("kind"), line.get("minute")) != (entry, leaf["t"], leaf["ts"]):
        raise Fault(f"{LINES}: the line of entry {line['index']} says another entry, kind or minute")


def _within(minute: str, since: str, until: str) -> bool:
    # Of one length and form, so that they sort as instants do.
    return (since == _OPEN or since <= minute) and (until == _OPEN or minute < until)


def _claim(name: str, step: Callable[[], str]) -> Claim:
    try:
        with reading(name):
            return Claim(name, PROVEN, plain(step()))
    except _NotLookedAt as error:
        return Claim(name, NOT_LOOKED_AT, str(error))
    except Fault as fault:
        return Claim(name, NOT_PROVEN, plain(str(fault)))
