"""Whether a permit answers its question: what was asked, by which rules, and on whose consent it rested.

Shipped in every bundle beside `verify.py` (`audit.standalone`); runs with it and the files it imports alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from audit.bundled import Entry, Held, minute_of, said_at
from audit.consented import canonical, for_whom, stood
from audit.offline import Fault, canonical_json, reading

_STORED, _TOLD_APART = "REMOTE_STORE_TRANSMIT", "MATCHING"
NEEDED: Mapping[str, frozenset[str]] = {
    "intake": frozenset({_STORED}),
    "preview": frozenset(),
    "scan": frozenset({_STORED, _TOLD_APART}),
    "donor": frozenset({_STORED, _TOLD_APART}),
    "publish": frozenset({"MAKE_TEMPLATE", "PUBLISH_TEMPLATE"}),
    "swap": frozenset(),
    "cure": frozenset(),
    "ask": frozenset(),
}
"""What each action asks of everybody, besides the purpose of the use that publish and swap add."""
SWAPPED_FOR = frozenset({"USER_SWAP", "PREVIEW", "ADVERTISING", "TRAINING"})
"""What a swap can be for."""
_AGREED = ("decision", "action", "stage", "answer", "policy")
"""What all parts of an entry say of one decision."""


@dataclass
class Rests:
    """Consents that a permit rests on for one person, and what for; unknown where her part does not open."""

    heads: list[tuple[str, str]]
    """Authorization and head of its chain."""
    purposes: list[str] | None = field(default=None)


def needed(question: Mapping[str, Any], one: Mapping[str, Any]) -> frozenset[str]:
    """The purposes that somebody must have agreed to: `consent.required.needed`, of a question's own JSON.

    To be asked for something rests on nothing, and neither does being named before one has answered.
    """
    purposes, action = NEEDED[question["action"]], question["action"]
    if action == "intake" and one["authorization"] is None:
        return frozenset()
    if action in {"scan", "donor"} and question.get("matching") == "ASSIGNED":
        return purposes - {_TOLD_APART}
    if action in {"publish", "swap"}:
        wanted = question["use"]["purpose"]
        if not isinstance(wanted, str) or (action == "swap" and wanted not in SWAPPED_FOR):
            raise Fault("the question does not say what a swap was for")
        return purposes | {wanted}
    return purposes


def decision(held: Held, entry: Entry, rests: list[Rests]) -> str:
    """Hold a permit against its question and its rules. Fills `rests`. Raises `Fault`, `Gone`."""
    said, alone = entry.says("case", "policy"), set[tuple[str, str]]()
    for one in entry.parts.values():
        heads = [(_text(consent), _text(head)) for consent, head in one["heads"]]
        alone |= set(heads)
        if "roles" in one and heads:
            rests.append(Rests(heads, [_text(purpose) for purpose in one["purposes"]]))
    # Whose own part does not open here: for what purposes it rested on her is not known.
    seen = {pair for one in rests for pair in one.heads}
    rests += [Rests([pair]) for pair in sorted(alone - seen)]
    if len({tuple(_text(one[name]) for name in _AGREED) for one in entry.parts.values()}) != 1:
        raise Fault(f"entry {entry.index} gives two answers")
    cited = {authorization for authorization, _ in alone}
    if len(cited) != len(alone):
        raise Fault(f"entry {entry.index} rests on one consent at two places of its chain")
    texts(held, _text(said["policy"]), entry.index)
    where, question = f"decision/{said['decision']}.json", _question(held, entry)
    if question["action"] != said["action"]:
        raise Fault(f"{where}: asks for another action than entry {entry.index} answers")
    if {one["authorization"] for one in question["people"]} - {None} != cited:
        raise Fault(f"{where}: names a consent that entry {entry.index} rests on no head of, or another one")
    if not question["people"] and question["action"] != "cure":
        raise Fault(f"{where}: asks about nobody")
    for one in question["people"]:
        if needed(question, one) and one["authorization"] is None:
            raise Fault(f"{where}: names somebody whose consent is needed and not cited")
    _in_use(held, said["policy"], entry)
    return f"{said['action']} {said['stage']}: permit by policy {said['policy']}"


def standing(held: Held, entry: Entry, rests: Rests) -> str:
    """Hold what a permit rests on of one person against her consents. Raises `Fault`, `Gone`."""
    live, needs, question = set[str](), dict[str, set[str]](), _question(held, entry)
    for authorization, head in rests.heads:
        now = stood(held, authorization, head, entry.index)
        hers = [one for one in question["people"] if one["authorization"] == authorization]
        needs[authorization] = {purpose for one in hers for purpose in needed(question, one)}
        if not needs[authorization] <= now:
            raise Fault(f"entry {entry.index} needed a purpose that was not in force")
        live |= now
        for one in hers:
            resting = bool(needs[authorization] or rests.purposes)
            for_whom(held, authorization, head, entry.index, one["person"], _when(entry) if resting else None)
    if rests.purposes is None:
        raise entry.gone(f"entry {entry.index} does not open to what it rested on her for")
    if not set(rests.purposes) <= live:
        raise Fault(f"entry {entry.index} rests on a purpose that was not in force")
    if not set().union(*needs.values()) <= set(rests.purposes):
        raise Fault(f"entry {entry.index} does not say that it rests on all that its question needs")
    what = " ".join(one for one, _ in rests.heads)
    return f"consents {what} for {' '.join(rests.purposes) or 'nothing yet'}, unless an event was left out"


def texts(held: Held, digest: str, index: int) -> None:
    """Raise `Fault` unless the rules of a policy are here, and those alone."""
    folder = f"policy/{digest}/"
    paths = held.folders.get(folder, ())
    found = {path.removeprefix(folder): sha256(held.files[path]).hexdigest() for path in paths}
    if not found or sha256(canonical(found)).hexdigest() != digest:
        raise Fault(f"{folder}: not the texts that entry {index} was decided by")


def _in_use(held: Held, digest: str, entry: Entry) -> None:
    """Raise `Fault` unless a policy was adopted, and not replaced by another one that is here, before."""
    before = [one for one in held.of("PolicyAdopted") if one.index < entry.index]
    these = [any(part.get("digest") == digest for part in one.parts.values()) for one in before]
    if not any(these):
        raise Fault(f"entry {entry.index}: decided by a policy that was not adopted yet")
    for one, same in zip(reversed(before), reversed(these), strict=True):
        if same:
            return
        # Who adopts while another decides may come before that by a moment.
        if one.parts and one.leaf["ts"] < entry.leaf["ts"]:
            raise Fault(f"entry {entry.index}: decided by rules that entry {one.index} had replaced")


def asked(held: Held, entry: Entry, said: Mapping[str, Any]) -> bytes:
    """The question that an entry answers. Raises `Fault`."""
    where = f"decision/{said['decision']}.json"
    data = held.file(where)
    if sha256(data).hexdigest() != said["case"]:
        raise Fault(f"{where}: not what entry {entry.index} answers")
    return data


def _question(held: Held, entry: Entry) -> dict[str, Any]:
    said = entry.says("case", "decision")
    with reading(f"decision/{said['decision']}.json"):
        found = dict(canonical_json(asked(held, entry, said)))
        for one in found["people"]:
            if not isinstance(one["person"], str) or not isinstance(one["authorization"], str | None):
                raise TypeError("people are named by texts")
    return found


def _when(entry: Entry) -> tuple[datetime, datetime]:
    """When it was decided: exactly as its part says, or within its minute."""
    at = said_at(entry.leaf["ts"], (part.get("at") for part in entry.parts.values()))
    if at is not None:
        exact = datetime.fromisoformat(at)
        return exact, exact
    minute = minute_of(entry.leaf["ts"])
    return minute, minute + timedelta(seconds=60, microseconds=-1)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
