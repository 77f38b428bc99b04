"""What the proven entries of a bundle say of keys, and of withdrawals and complaints.

Shipped in every bundle beside `verify.py` (`audit.standalone`); runs with it and `audit/offline.py` alone.
Nothing here gives trust. An entry that says a key was in other hands takes some away, whoever wrote it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.offline import LOST, Fault, Trust, canonical_json, reading

TOLD = frozenset(
    {
        *("ConsentWithdrawn", "ConsentDisputed", "ConsentDisputeSettled", "ConsentExpired", "ConsentPaused"),
        *("ConsentSuspended", "PermitVoided", "JobEnded", "OutputWithdrawn", "PersonErased"),
        *("TakedownReceived", "TakedownDecided", "InjunctionReceived", "InjunctionLifted"),
        *("AppealReceived", "AppealAnswered"),
    }
)
"""Kinds of entries that `history.json` tells of."""
MARKS = {"ConsentDisputed": (1, "d"), "ConsentDisputeSettled": (0, "d"), "ConsentPaused": (1, "p")}
MARKS |= {"ConsentResumed": (0, "p"), "ConsentWithdrawn": (1, "e"), "ConsentExpired": (1, "e")}
MARKS |= {"ConsentSuspended": (1, "s"), "ConsentReconfirmed": (0, "s"), "ConsentGranted": (0, "")}
"""Kind of event: whether it marks its purposes or takes the mark off, and which. Marked is not in force."""
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


def lost_as_told(parts: Mapping[str, str], entries: Iterable[Any]) -> None:
    """Raise `Fault` if more of `parts`, by place and number, are said to be lost than recoveries say.

    Each `Recovered` entry tells in which places of the log parts were lost before it, and how many.
    """
    lost = [int(name.partition(".")[0]) for name, state in parts.items() if state == LOST]
    told = [one for entry in entries if entry.leaf["t"] == "Recovered" for one in entry.parts.values()]
    places = [one.get("lost", [[one["held"], one["held"] + one["read_back"]]]) for one in told]
    inside = [[at for at in lost if any(a <= at < b for a, b in each)] for each in places]
    if set(lost) - {at for each in inside for at in each}:
        raise Fault("parts are said to be lost in a recovery that the log does not tell of")
    for each, one in zip(inside, told, strict=True):
        if len(each) > one["parts_lost"]:
            raise Fault(f"{len(each)} parts are said to be lost where a recovery lost {one['parts_lost']}")


def in_other_hands(entries: Iterable[Entry]) -> dict[str, int]:
    """By kid, from which place on nothing holds that a key signed, as the log says itself.

    Raises `Fault` for such an entry that does not open: the exporter would be hiding which key it is.
    """
    found: dict[str, int] = {}
    for entry in entries:
        if entry.leaf["t"] == "DutyKeyCompromised":
            said = entry.says("duty", "kid", "from")
            with reading(f"entry {entry.index}"):
                found[said["kid"]] = min(int(said["from"]), found.get(said["kid"], int(said["from"])))
    return found


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
