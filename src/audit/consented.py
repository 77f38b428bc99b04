"""What a consent was worth where something rested on it: its chain in the log, its marks, who signed what.

Shipped in every bundle beside `verify.py` (`audit.standalone`); runs with it and the files it imports alone.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from audit.bundled import Entry, Held
from audit.offline import Fault, canonical_json, ed25519_holds, of_hex, reading

GRANTED, COSIGNED, RECONFIRMED = "ConsentGranted", "ConsentCosigned", "ConsentReconfirmed"
MARKS = {"ConsentDisputed": (1, "d"), "ConsentDisputeSettled": (0, "d"), "ConsentPaused": (1, "p")}
MARKS |= {"ConsentResumed": (0, "p"), "ConsentWithdrawn": (1, "e"), "ConsentExpired": (1, "e")}
MARKS |= {"ConsentSuspended": (1, "s"), RECONFIRMED: (0, "s"), GRANTED: (0, ""), COSIGNED: (0, "c")}
"""Kind of event: whether it marks its purposes or takes the mark off, and which. Marked is not in force."""
PARTS = ("document.json", "evidence.json", "notice.md", "countersignature.json", "record.jsonld")
"""The files of a consent; beside them each later signature, by the place of its entry (`later`)."""
_YOUTH = "14-17"
"""The age band in which she signs beside her guardian."""


def later(entry: Entry) -> tuple[str, ...]:
    """The files in a consent's folder that show what was signed at a later event."""
    if entry.leaf["t"] == RECONFIRMED:
        return (f"{entry.index}.evidence.json",)
    return (f"{entry.index}.evidence.json", f"{entry.index}.countersignature.json")


# In the log


def chain(held: Held, authorization: str, head: str, before: int) -> list[Entry]:
    """The events of a consent from a head back to the grant, which stands last. Raises `Fault`."""
    found = list[Entry]()
    while not found or found[-1].leaf["t"] != GRANTED:
        if head not in held.entries or held.entries[head].index >= before:
            raise Fault(f"the chain of consent {authorization:.32} is broken before entry {before}")
        found.append(held.entries[head])
        before, head = found[-1].index, (*found[-1].leaf.get("ref", ()), "")[0]
    return found


def stood(held: Held, authorization: str, head: str, before: int) -> set[str]:
    """The purposes that were in force at a chain's head, which was its last before that place.

    Raises `Fault`, or the `gone` of an event that does not open.
    """
    found = chain(held, authorization, head, before)
    inside, given, marks = {one.hash for one in found}, set[str](), set[tuple[str, str]]()
    for one in (*held.of_consents.get(authorization, ()), *held.of_consents.get(head, ())):
        if one.leaf["t"] in MARKS and one.index < before and one.hash not in inside:
            raise Fault(f"entry {before} rests on what consent {authorization:.32} was before")
    for one in reversed(found):
        (on, mark), said = MARKS[one.leaf["t"]], one.says("authorization", "purposes")
        if said["authorization"] != authorization:
            raise Fault(f"entry {one.index} is of another consent")
        # An authority takes off its own order alone, and anybody else the others' disputes.
        mark += "a" if mark == "d" and said.get("by") == "authority" else ""
        given |= set() if mark else set(said["purposes"])
        now = {(purpose, mark) for purpose in said["purposes"] if mark}
        marks = marks | now if on else marks - now
    return given - {purpose for purpose, _ in marks}


def events(held: Held, authorization: str, heads: Collection[str]) -> list[Entry]:
    """All that happened to a consent: in the chains that are cited, or said by what opens. Raises `Fault`."""
    found = {one.hash: one for head in heads for one in chain(held, authorization, head, held.size)}
    found |= {one.hash: one for one in held.of_consents.get(authorization, ()) if one.leaf["t"] in MARKS}
    return sorted(found.values(), key=lambda one: one.index)


# What was signed


def document(held: Held, name: str, granted: Entry) -> dict[str, Any]:
    """The document that a grant logged. Raises `Fault`, or the grant's `gone`."""
    where = f"consent/{name}/document.json"
    with reading(where):
        said, data = granted.says("authorization", "document"), held.file(where)
        found = dict(canonical_json(data))
        if said["document"] != sha256(data).hexdigest():
            raise Fault(f"consent/{name}: its document is not the one that was logged")
        if (said["authorization"], found["id"]) != (name, name):
            raise Fault(f"consent/{name}: its document is of another consent")
    return found


def for_whom(
    held: Held, name: str, head: str, before: int, person: str, when: tuple[datetime, datetime] | None
) -> None:
    """Raise `Fault` unless what was signed is this person's, of that time, and signed by all who had to.

    `when`: the first and the last instant at which the entry may have been written; None where nothing was
    needed of her yet.
    """
    found = chain(held, name, head, before)
    signed = document(held, name, found[-1])
    if signed["person"] != person:
        raise Fault(f"entry {before} rests on consent {name:.32} for somebody whose it is not")
    if when is None:
        return
    start, end = (datetime.fromisoformat(signed["scope"]["term"][one]) for one in ("start", "end"))
    if not start <= when[1] or not when[0] < end:
        raise Fault(f"entry {before} rests on consent {name:.32} outside its term")
    if _of_a_youth(signed) and not any(one.leaf["t"] == COSIGNED for one in found):
        raise Fault(f"entry {before} rests on consent {name:.32} before she signed beside her guardian")


def consent(held: Held, name: str, heads: Collection[str]) -> str:
    """Hold the consent of this name, granted once, against all that was signed. Raises `Fault`, `Gone`."""
    found = events(held, name, heads)
    grants = [one for one in found if one.leaf["t"] == GRANTED]
    if len(grants) != 1:
        raise Fault(f"consent {name:.32} was granted by {len(grants)} entries")
    granted = grants[0]
    said = granted.says("authorization", "document", "evidence", "notice", "purposes")
    files = [held.file(f"consent/{name}/{part}") for part in PARTS]
    logged = dict(zip(("document", "evidence", "notice"), files, strict=False))
    for part, data in logged.items():
        if said[part] != sha256(data).hexdigest():
            raise Fault(f"consent/{name}: its {part} is not the one that was logged")
    signed, shown, record = document(held, name, granted), canonical_json(files[1]), canonical_json(files[4])
    if record["consentry:proof"]["document_sha256"] != said["document"]:
        raise Fault(f"consent/{name}: its record.jsonld is of another consent")
    if (set(signed["scope"]["purposes"]), signed["notice"]["sha256"]) != (
        set(said["purposes"]),
        said["notice"],
    ):
        raise Fault(f"consent/{name}: she signed for other purposes, or under another notice")
    acting = sorted({one["person"] for one in signed["capacity"].values() if isinstance(one, dict)})
    signers, message = acting or [signed["person"]], sha256(files[0]).digest()
    _hers(held, name, granted, "evidence.json", b"consentry/authorization/v1\0" + message, signers)
    again = [one for one in found if one.leaf["t"] == RECONFIRMED]
    for one in again:
        head = of_hex(one.leaf["ref"][0])
        _hers(held, name, one, later(one)[0], b"consentry/reconfirmation/v1\0" + head + message, signers)
    at = _countersigned(held, name, granted, "evidence.json", "countersignature.json", again)
    words = [f"signed with {shown['method']}", *(f"by {one}, who acts for her" for one in acting)]
    for one in found:
        if one.leaf["t"] == COSIGNED:
            evidence, counter = later(one)
            if one.says("document", "evidence")["evidence"] != sha256(_of(held, name, evidence)).hexdigest():
                raise Fault(f"consent/{name}/{evidence}: not the one that was logged")
            if canonical_json(_of(held, name, evidence))["key"] == shown["key"]:
                raise Fault(f"consent/{name}: one key signed in both places")
            _hers(held, name, one, evidence, b"consentry/co-signature/v1\0" + message, [signed["person"]])
            _countersigned(held, name, one, evidence, counter, again)
            words.append("by herself beside them")
    words += [f"confirmed anew by entry {one.index}" for one in again]
    return ", ".join([*words, f"received {at}"])


def _of_a_youth(signed: Mapping[str, Any]) -> bool:
    return signed["capacity"].get("age_band") == _YOUTH and isinstance(
        signed["capacity"].get("guardian"), dict
    )


def _of(held: Held, name: str, part: str) -> bytes:
    return held.file(f"consent/{name}/{part}")


def _hers(held: Held, name: str, at: Entry, part: str, message: bytes, signers: Collection[str]) -> None:
    """Raise `Fault` unless one of these signed, with a key that was hers where the entry stands."""
    where = f"consent/{name}/{part}"
    with reading(where):
        shown = canonical_json(held.file(where))
        enrolled, key = held.find("KeyEnrolled", key=shown["key"])
        if key["person"] not in signers or enrolled.index >= at.index:
            raise Fault(f"{where}: not by her own key, or that of who acts for her")
        ended = [one for one in held.of("KeyRetired") if one.index < at.index]
        if any(said.get("key") == shown["key"] for one in ended for said in one.parts.values()):
            raise Fault(f"{where}: by a key that had ended")
        held.trust.person(where, shown, message)


def _countersigned(
    held: Held, name: str, at: Entry, evidence: str, counter: str, again: Sequence[Entry]
) -> str:
    """When it came, as the service signed. Raises `Fault`."""
    where = f"consent/{name}/{counter}"
    with reading(where):
        by, digests = canonical_json(held.file(where)), dict[str, str]()
        digests["document"] = sha256(_of(held, name, "document.json")).hexdigest()
        digests["evidence"] = sha256(_of(held, name, evidence)).hexdigest()
        if ("countersign", by["kid"]) not in held.trust.keys:
            raise Fault(f"consent/{name}: countersigned by a key you do not trust, {by['kid']:.16}")
        if held.trust.void(by["kid"], at.index) and not _confirmed(held, by["kid"], again):
            raise Fault(f"consent/{name}: countersigned when key {by['kid']} had ended")
        if by["received_at"][:16] != at.leaf["ts"][:16]:
            raise Fault(f"{where}: of another time than entry {at.index}")
        message = b"consentry/countersign/v1\0" + canonical({**digests, "received_at": by["received_at"]})
        ed25519_holds(held.trust.keys["countersign", by["kid"]], of_hex(by["signature"]), message)
    return str(by["received_at"])


def _confirmed(held: Held, kid: str, again: Sequence[Entry]) -> bool:
    """Whether she confirmed it, by her own signature, after the log said that others had this key."""
    for said in held.of("DutyKeyCompromised"):
        for part in said.parts.values():
            if part.get("kid") == kid and any(one.index > said.index or _since(part, one) for one in again):
                return True
    return False


def _since(said: Mapping[str, Any], confirmed: Entry) -> bool:
    # An entry that was pruned is said again later, and when it was said first.
    at = confirmed.says("at")["at"] if "since" in said else ""
    return bool(at) and datetime.fromisoformat(said["since"]) <= datetime.fromisoformat(at)


def canonical(value: Mapping[str, str]) -> bytes:
    """ASCII names and texts in their one form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
