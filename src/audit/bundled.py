"""What the proven entries of a bundle say of keys, and of withdrawals and complaints.

Shipped in every bundle beside `verify.py` (`audit.standalone`); runs with it and `audit/offline.py` alone.
Nothing here gives trust. An entry that says a key was in other hands takes some away, whoever wrote it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from audit.offline import Fault, Trust, canonical_json, reading
from audit.verdicts import LOST

TOLD = frozenset(
    {
        *("ConsentWithdrawn", "ConsentDisputed", "ConsentDisputeSettled", "ConsentExpired", "ConsentPaused"),
        *("ConsentSuspended", "PermitVoided", "JobEnded", "OutputWithdrawn", "PersonErased"),
        *("TakedownReceived", "TakedownDecided", "InjunctionReceived", "InjunctionLifted"),
        *("AppealReceived", "AppealAnswered"),
    }
)
"""Kinds of entries that `history.json` tells of."""
KEYS = frozenset({"DutyKeyAdopted", "DutyKeyRetired", "DutyKeyCompromised"})


@dataclass
class Entry:
    """One entry of the log, proven to be in it."""

    index: int
    hash: str
    leaf: dict[str, Any]
    parts: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What the opened parts say."""
    gone: type[Exception] = Fault
    """What it is when a part does not open: `Gone` or `Lost` where some part is said to be that."""

    def says(self, *names: str) -> dict[str, Any]:
        """What its first opened part with these fields says. Raises `gone`."""
        for _, one in sorted(self.parts.items()):
            if set(names) <= one.keys():
                return one
        raise self.gone(f"entry {self.index} does not open to {' and '.join(names)}")


@dataclass
class Held:
    """A bundle in a verifier's hands: its files, whom he trusts, and what of its entries is proven so far."""

    files: Mapping[str, bytes]
    trust: Trust
    entries: dict[str, Entry] = field(default_factory=dict)
    """By leaf hash, in order."""
    size: int = 0
    """How many entries the log has."""
    _sorted: tuple[int, dict[str, list[Entry]]] = field(default_factory=lambda: (0, {}))

    def file(self, name: str) -> bytes:
        """One file. Raises `Fault`."""
        if name not in self.files:
            raise Fault(f"{name}: missing")
        return self.files[name]

    @cached_property
    def folders(self) -> Mapping[str, Sequence[str]]:
        """The names of files two folders deep or more, by those two: `policy/<digest>/`."""
        found = dict[str, list[str]]()
        for name in self.files:
            first, second, *rest = (*name.split("/", 2), "")
            if rest[:-1]:
                found.setdefault(f"{first}/{second}/", []).append(name)
        return found

    @cached_property
    def of_consents(self) -> Mapping[str, Sequence[Entry]]:
        """Events of consents by the authorization that they say and by the entries that they refer to.

        To be asked for once all openings were read.
        """
        found = dict[str, list[Entry]]()
        for one in self.entries.values():
            if one.leaf["t"].startswith("Consent"):
                said = [part.get("authorization") for part in one.parts.values()]
                for name in {*(text for text in said if isinstance(text, str)), *one.leaf.get("ref", ())}:
                    found.setdefault(name, []).append(one)
        return found

    def of(self, *kinds: str) -> list[Entry]:
        """The entries of these kinds, in order. Each decision asks: they are sorted once."""
        count, by_kind = self._sorted
        if count != len(self.entries):
            by_kind = {}
            for one in self.entries.values():
                by_kind.setdefault(one.leaf["t"], []).append(one)
            self._sorted = len(self.entries), by_kind
        if len(kinds) == 1:
            return by_kind.get(kinds[0], [])
        found = [one for kind in kinds for one in by_kind.get(kind, ())]
        return sorted(found, key=lambda one: one.index)

    def find(self, kind: str, **wanted: str) -> tuple[Entry, dict[str, Any]]:
        """The first entry of a kind that says this, and what it says. Raises `Fault`."""
        for entry in self.of(kind):
            for one in entry.parts.values():
                if wanted.items() <= one.items():
                    return entry, one
        raise Fault(f"no {kind} here says it")


def leaf_of(data: bytes) -> dict[str, Any]:
    """An entry's own bytes. Raises `ValueError`, `TypeError`, `LookupError`: then it is none."""
    leaf = dict(canonical_json(data))
    texts = [leaf["t"], leaf["ts"], *leaf.get("ref", []), *(part["com"] for part in leaf["parts"])]
    if leaf["v"] != 1 or not all(isinstance(one, str) for one in texts) or not leaf["t"].isascii():
        raise ValueError("not an entry")
    if not all(isinstance(leaf.get(name, []), list) for name in ("ref", "parts")):
        raise TypeError("not lists")
    minute_of(leaf["ts"])
    return leaf


def minute_of(text: str) -> datetime:
    """When the minute of an entry began. Raises `ValueError`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)


def lost_as_told(parts: Mapping[str, str], entries: Iterable[Any]) -> None:
    """Raise `Fault` if more of `parts`, by place and number, are said to be lost than recoveries say.

    Each `Recovered` entry tells in which places of the log parts were lost before it, and how many.
    """
    lost = [int(name.partition(".")[0]) for name, state in parts.items() if state == LOST]
    told = [one for entry in entries if entry.leaf["t"] == "Recovered" for one in entry.parts.values()]
    places = [one.get("lost", [[one["held"], one["held"] + one["read_back"]]]) for one in told]
    inside = [_within(lost, each) for each in places]
    if set(lost) - {at for each in inside for at in each}:
        raise Fault("parts are said to be lost in a recovery that the log does not tell of")
    for each, one in zip(inside, told, strict=True):
        if len(each) > one["parts_lost"]:
            raise Fault(f"{len(each)} parts are said to be lost where a recovery lost {one['parts_lost']}")


def _within(places: list[int], ranges: Iterable[Any]) -> list[int]:
    """Those of some places that lie in half-open ranges, in any order; in time that grows with both."""
    edges = Counter[int]()
    for begin, end in ranges:
        if not 0 <= begin <= end:
            raise ValueError("no range")
        edges[begin] += 1
        edges[end] -= 1
    found, depth, left = list[int](), 0, sorted(edges.items(), reverse=True)
    for at in sorted(places):
        while left and left[-1][0] <= at:
            depth += left.pop()[1]
        found += [at] if depth else []
    return found


def in_other_hands(entries: Iterable[Entry]) -> dict[str, int]:
    """By kid, from which place on nothing holds that a key signed, as far as the log itself says and opens.

    Whoever asks goes on to `expect_open`.
    """
    found: dict[str, int] = {}
    for entry in entries:
        for said in entry.parts.values() if entry.leaf["t"] == "DutyKeyCompromised" else ():
            with reading(f"entry {entry.index}"):
                found[said["kid"]] = min(int(said["from"]), found.get(said["kid"], int(said["from"])))
    return found


def expect_open(entries: Iterable[Entry]) -> None:
    """Raise for an entry that hides whose key was in other hands: `Fault`, or `Lost` in a recovery."""
    for entry in entries:
        if entry.leaf["t"] == "DutyKeyCompromised":
            entry.says("duty", "kid", "from")


def permit_key(trust: Trust, permit: Entry, entries: Iterable[Entry]) -> None:
    """Raise `Fault` unless the key of a permit was the service's alone where the permit stands in the log.

    Entries of before keys had a history do not say which key it was: then any key that may have been a
    permit key and was in other hands speaks against it.
    """
    said = {one["kid"] for one in permit.parts.values() if "kid" in one}
    other = {kid for _, kid in trust.keys} | {trust.log_kid(one) for one in trust.notes[1]}
    other |= {
        one["kid"]
        for entry in entries
        if entry.leaf["t"] in KEYS
        for one in entry.parts.values()
        if one.get("duty") != "permit"
    }
    for kid in sorted(said or trust.until.keys() - other):
        if trust.void(kid, permit.index):
            raise Fault(
                f"permit {permit.index} was signed when others had key {kid}, or does not say by which"
            )


def told(data: bytes, entries: Iterable[Entry]) -> str:
    """Hold `history.json` against the entries: each of its kinds, in order, and when. Raises `Fault`."""
    due = [entry for entry in entries if entry.leaf["t"] in TOLD]
    with reading("history.json"):
        items = canonical_json(data)
        if [(one["entry"], one["kind"]) for one in items] != [(one.index, one.leaf["t"]) for one in due]:
            raise Fault("history.json: tells of other entries than are here")
        first = datetime.fromisoformat(items[0]["at"]) if items else None
        for one, entry in zip(items, due, strict=True):
            passed = int((datetime.fromisoformat(one["at"]) - first).total_seconds()) if first else 0
            known = said_at(entry.leaf["ts"], (part.get("at") for part in entry.parts.values()))
            if one["at"][:16] != entry.leaf["ts"][:16] or one["at"] != (known or one["at"]):
                raise Fault(f"history.json: entry {entry.index} says another time")
            if one.keys() != {"entry", "kind", "at", "seconds_since_first"} or (
                one["seconds_since_first"] != passed
            ):
                raise Fault(f"history.json: entry {entry.index} is reckoned otherwise")
    return f"{len(due)} entries, by the operator's clock"


def said_at(minute: str, times: Iterable[Any]) -> str | None:
    """The exact time that a part of an entry says, if it lies in the entry's own minute."""
    return next((one for one in times if isinstance(one, str) and one[:16] == minute[:16]), None)
