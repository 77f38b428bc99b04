"""Rows of what people and parties asked for and granted beside the consent, and of the house's papers."""

from typing import Any

from audit import instant
from audit.canonical import digest
from audit.fact import Subject
from consent.protection import parse as parse_wish
from service.rowcheck.rule import (
    Covered,
    Row,
    back,
    ended,
    hashed,
    led,
    may_say,
    of_person,
    says,
)
from service.rowcheck.said import Gone, Told

_HERS = of_person()

_CLOSED = {
    "ConsentRequested": "requested",
    "ConsentLinkIssued": "requested",
    "ConsentRequestAnswered": "answered",
    "ConsentRefused": "refused",
    "ConsentRequestCancelled": "cancelled",
    "ConsentRequestLapsed": "lapsed",
}

_LINK = "of a link that is open: its token is a secret of hers, and a changed hash opens nothing"


def _asked(row: Row) -> Told:
    return row.first(_HERS(row), "ConsentRequested")


def _as_asked(key: str) -> Any:
    return lambda row, value: (value or "") == _asked(row).payload[key]


def _request_closed(row: Row, value: Any) -> bool:
    return bool(value == (None if _CLOSED[row.entry.kind] == "requested" else row.entry.at))


def _declined(row: Row, value: str) -> bool:
    no = row.payload.get("purposes" if row.entry.kind == "ConsentRefused" else "declined") or []
    return value == ",".join(sorted(no))  # type: ignore[arg-type]


def _refused_whose(row: Row) -> Subject:
    return Subject("person", row["value"]) if row["kind"] == "person" else row.said.tenant


def _refused(row: Row) -> Told | Gone | None:
    """Her own part, or that of who refuses nobody: whichever opens, so that `kind` is held against it."""
    hers = row.said.told(row["entry"], Subject("person", row["value"]))
    found = row.said.told(row["entry"], row.said.tenant) if hers is None else hers
    if found is None and row.said.entry(row["entry"]) is not None:
        raise LookupError("about somebody else")
    return found


def _search_state(row: Row, value: str) -> bool:
    if row.entry.kind == "FaceSearched":
        return value == "clear"
    return value == ("released" if row.said.following("FaceReleased", row["entry"]) else "held")


def _released_by(row: Row, value: Any) -> bool:
    asked = row.said.following("FaceReleaseAsked", row["entry"])
    done = row.said.following("FaceReleased", row["entry"])
    names = [str(one.payload["by"]) for one in (*asked[:1], *done)]
    return bool(value == ("\n".join(names) or None))


def _found(row: Row, value: Any) -> bool:
    if value is None:
        return row.entry.kind == "FaceSearched"
    told = row.said.told(row["entry"], Subject("person", value))
    return isinstance(told, Gone) or (told is not None and told.payload["role"] == "resembled")


def _steps(row: Row) -> list[Told]:
    """What was written down of it, in order of writing."""
    said = row.said
    told = [
        one for kind in ("KeysDestroyed", "ErasureCompleted") for one in said.following(kind, row["entry"])
    ]
    return sorted(told, key=lambda one: one.seq)


def _left(row: Row, value: str) -> bool:
    steps = _steps(row)
    if not steps:
        return value == "all"
    return value == ("none" if steps[-1].payload["keys"] == "evidence" else "evidence")


def _step(row: Row, value: str) -> bool:
    steps = _steps(row)
    if steps and steps[-1].kind == "ErasureCompleted":
        # The evidence keys' turn comes later, and its first step has no entry.
        return value in {"done", "dropped"}
    return value in ({"destroyed"} if steps else {"due", "dropped"})


def _parts(row: Row, value: int) -> bool:
    steps = _steps(row)
    if row["step"] == "dropped":
        return value >= 0
    return value == (steps[-1].payload["parts"] if steps else 0)


def _epoch(row: Row, value: Any) -> bool:
    steps = _steps(row)
    return bool(value == (steps[-1].payload.get("epoch") if steps else None))


def _wished(name: str) -> Any:
    return lambda row, value: value == getattr(parse_wish(row["document"]), name)


def _petition_answer(row: Row) -> Told | None:
    found = row.said.following("PetitionAnswered", row["entry"], _HERS(row))
    return found[-1] if found else None


RIGHTS = (
    Covered(
        "consent_request",
        {
            "id": says("request"),
            "person_id": led,
            "notice": _as_asked("notice"),
            "template": _as_asked("template"),
            "document": lambda row, value: digest(value) == _asked(row).payload["document"],
            "state": lambda row, value: value == _CLOSED[row.entry.kind],
            "asked_by": _as_asked("by"),
            "asked_at": lambda row, value: value == _asked(row).at,
            "until": lambda row, value: instant.exact(value) == _asked(row).payload["until"],
            "authorization_id": may_say("authorization"),
            "extent": may_say("extent"),
            "declined": _declined,
            "closed_at": _request_closed,
            "head": led,
        },
        entry="head",
        kinds=frozenset(_CLOSED),
        person="person_id",
        plain={"link": _LINK, "link_until": _LINK},
        makes=frozenset({"ConsentRequested"}),
        made=back("head"),
    ),
    Covered(
        "consent_reminder",
        {
            "authorization_id": says("authorization"),
            "days": says("days"),
            "person_id": led,
            "until": says("until"),
            "told_at": says("at"),
            "entry": led,
        },
        kinds=frozenset({"ConsentEndsSoon"}),
        person="person_id",
        makes=frozenset({"ConsentEndsSoon"}),
    ),
    Covered(
        "refusal",
        {
            "id": says("refusal"),
            "kind": says("kind"),
            "value": says("value"),
            "by": says("by"),
            "at": says("at"),
            "ended_at": ended("RefusalEnded", whose=_refused_whose),
            "entry": led,
        },
        kinds=frozenset({"RefusalListed"}),
        leads="value",
        find=_refused,
        makes=frozenset({"RefusalListed"}),
    ),
    Covered(
        "protection",
        {
            "id": says("protection"),
            "person_id": _wished("person"),
            "authorization_id": says("authorization"),
            "document": hashed("document"),
            "evidence": hashed("evidence"),
            "received_at": says("at"),
            "ended_at": ended("ProtectionEnded", whose=_HERS),
            "entry": led,
        },
        kinds=frozenset({"ProtectionAsked"}),
        person="person_id",
        makes=frozenset({"ProtectionAsked"}),
    ),
    Covered(
        "face_search",
        {
            "id": says("search"),
            "person_id": led,
            "what": says("what"),
            "compared": says("compared"),
            "found_id": _found,
            "state": _search_state,
            "at": says("at"),
            "released_by": _released_by,
            "entry": led,
        },
        kinds=frozenset({"FaceSearched", "FaceResembled"}),
        person="person_id",
        makes=frozenset({"FaceSearched", "FaceResembled"}),
    ),
    Covered(
        "petition",
        {
            "id": says("petition"),
            "person_id": led,
            "kind": says("kind"),
            "asked_at": says("at"),
            "due_at": says("due"),
            "entry": led,
            "answered_at": ended("PetitionAnswered", whose=_HERS),
            "outcome": lambda row, value: (
                value == (None if (said := _petition_answer(row)) is None else said.payload["outcome"])
            ),
            "answer": lambda row, value: (
                value == (None if (said := _petition_answer(row)) is None else said.leaf_hash)
            ),
        },
        kinds=frozenset({"PetitionAsked"}),
        person="person_id",
        makes=frozenset({"PetitionAsked"}),
    ),
    Covered(
        "erasure",
        {
            "person_id": says("person"),
            "at": says("at"),
            "left": _left,
            "evidence_until": says("evidence_until"),
            "entry": led,
            "step": _step,
            "parts": _parts,
            "epoch": _epoch,
        },
        kinds=frozenset({"PersonErased"}),
        person="person_id",
        makes=frozenset({"PersonErased"}),
    ),
    Covered(
        "legal_hold",
        {
            "id": says("hold"),
            "person_id": says("person"),
            "at": says("at"),
            "ended_at": ended("LegalHoldEnded", whose=_HERS),
            "entry": led,
        },
        kinds=frozenset({"LegalHoldPlaced"}),
        person="person_id",
        unsealable=True,
        makes=frozenset({"LegalHoldPlaced"}),
    ),
)
