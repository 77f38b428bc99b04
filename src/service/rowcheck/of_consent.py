"""Rows of what people consented to: documents, chains, states, counters, references."""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

from audit import instant
from audit.canonical import digest
from audit.fact import Subject
from consent import chain
from consent.authorization import Authorization
from consent.authorization import parse as parse_authorization
from consent.countersigned import COSIGNED
from consent.enrolment import ADDED
from consent.hearing import SKEW
from consent.portraits import NEEDED
from consent.signature import to_countersign
from consent.strict import load
from consent.words import Purpose, Status
from service.rowcheck.reading import Read
from service.rowcheck.rule import (
    Covered,
    Owed,
    Row,
    hashed,
    led,
    may_say,
    says,
    written,
)
from service.rowcheck.said import Gone, Told

_EVENTS = frozenset(
    {
        *(chain.GRANTED, chain.WITHDRAWN, chain.EXPIRED, chain.SUSPENDED, chain.RECONFIRMED),
        *(chain.DISPUTED, chain.SETTLED, chain.PAUSED, chain.RESUMED, COSIGNED),
    }
)
_MARKED = {"ConsentDisputed", "ConsentDisputeSettled"}
_RESTED = {"ConsentPaused": True, "ConsentResumed": False}


def _whose(row: Row) -> Subject:
    """Whose consent it is: as the authorization's own row says."""
    named = row.said.one("signed_authorization", id=row["authorization_id"])
    return Subject("person", named.values["person_id"])


@lru_cache(maxsize=1024)
def _parsed(document: bytes) -> Authorization:
    return parse_authorization(document)


def _document(row: Row) -> Authorization:
    named = row.said.one("signed_authorization", id=row["authorization_id"])
    return _parsed(row.of(named, "document"))


def _granted(row: Row) -> Told | Gone | None:
    """The entry of the grant of an authorization, by the first event of its chain."""
    event = row.said.one("consent_event", authorization_id=row["id"], number=0)
    return row.said.told(event.values["leaf_hash"], Subject("person", row["person_id"]))


def _grant(row: Row) -> list[str]:
    event = row.said.one("consent_event", authorization_id=row["id"], number=0)
    return [event.values["leaf_hash"]]


def _of_grant(row: Row) -> Iterator[Owed]:
    """A state and a counter for each purpose, and her references while nothing takes them away."""
    for purpose in sorted(_parsed(row["document"]).scope.purposes):
        for table in ("consent_state", "consent_counter"):
            yield Owed(table, {"authorization_id": row["id"], "purpose": str(purpose)})
    latest = instant.exact(row.said.record.clock() + SKEW)
    for told in _added(row, row["id"]):
        if str(told.payload["delete_after"]) > latest and _stays(row, told):
            values = {"authorization_id": row["id"], "added_at": told.at}
            yield Owed("portrait", values, cast(int, told.payload["references"]))


def _added(row: Row, authorization: str) -> list[Told]:
    whose = Subject("person", row["person_id"])
    chained = row.said.where("consent_event", authorization_id=authorization)
    return [told for event in chained for told in row.said.following(ADDED, event.values["leaf_hash"], whose)]


def _stays(row: Row, added: Told) -> bool:
    """Whether neither another set took their place nor anything that they rest on has ended."""
    her, said = row["person_id"], row.said
    states = said.where("consent_state", authorization_id=row["id"])
    valid = {one.values["purpose"] for one in states if Status(one.values["status"]).valid}
    others = said.where("signed_authorization", person_id=her)
    later = [told for one in others for told in _added(row, one.values["id"]) if told.seq > added.seq]
    gone = said.where("erasure", person_id=her) or _died(row, added)
    return valid >= NEEDED and not gone and not any(told.payload["replaced"] for told in later)


def _died(row: Row, added: Told) -> bool:
    """Whether her death was recorded since: an error that is put right brings no reference back."""
    her = Subject("person", row["person_id"])
    last = row.said.sure(row.said.one("person", id=her.id).values["entry"], her)
    return any(told.kind == "PersonDeceased" and told.seq > added.seq for told in row.said.back(last, her))


def _back(row: Row) -> Iterator[Told]:
    """The chain of an authorization, from the row's entry back to the grant."""
    return row.said.back(row.entry, _whose(row))


def _countersigned(row: Row, value: bytes) -> bool:
    key = row.said.record.registry.trusted[row["kid"]]
    message = to_countersign(digest(row["document"]), row["evidence"], row["received_at"])
    key.check(message, value)
    return True


def _cosigned(row: Row, value: bytes) -> bool:
    key = row.said.record.registry.trusted[row["kid"]]
    message = to_countersign(_document(row).digest, row["evidence"], row["received_at"])
    key.check(message, value)
    return True


def _cosigning(row: Row) -> Told | Gone | None:
    events = row.said.where("consent_event", authorization_id=row["authorization_id"], kind=COSIGNED)
    return row.said.told(events[0].values["leaf_hash"], _whose(row)) if events else None


def _cosigned_by(row: Row) -> list[str]:
    events = row.said.where("consent_event", authorization_id=row["authorization_id"], kind=COSIGNED)
    return [event.values["leaf_hash"] for event in events]


def _number(row: Row, value: int) -> bool:
    return value == sum(1 for _ in _back(row)) - 1


def _mark(row: Row, value: Any) -> bool:
    """Whether it was disputed after this: by whom still, the chain says."""
    if row.entry.kind not in _MARKED:
        return value is None
    held: set[str] = set()
    for told in reversed(list(_back(row))):
        if told.kind in _MARKED:
            how = str(told.payload["by"])
            if told.kind == "ConsentDisputed":
                held.add(how)
            else:
                held = held - {"authority"} if how == "authority" else held & {"authority"}
    return bool(value is bool(held))


def _evidence(row: Row, value: bytes | None) -> bool:
    said = row.payload.get("evidence")
    if said is not None:
        return value is not None and sha256(value).hexdigest() == said
    return row.entry.kind == "ConsentReconfirmed" or value is None


def _status(row: Row, value: str) -> bool:
    for told in _back(row):
        if row["purpose"] in told.payload["purposes"] and "status" in told.payload:  # type: ignore[operator]
            return bool(told.payload["status"] == value)
    return False


def _state(kinds: set[str], column: str) -> Any:
    """What the last event of these kinds on this purpose says; before the first, no."""

    def rule(row: Row, value: Any) -> bool:
        for told in _back(row):
            if told.kind in kinds and row["purpose"] in told.payload["purposes"]:  # type: ignore[operator]
                event = row.said.one("consent_event", leaf_hash=told.leaf_hash)
                return bool(event.values[column] is value)
        return value is False

    return rule


def _headed(row: Row, value: str) -> bool:
    events = row.said.where("consent_event", authorization_id=row["authorization_id"])
    return bool(value not in {event.values["prev"] for event in events})


def _limit(row: Row, value: Any) -> bool:
    return bool(value == _document(row).scope.limit(Purpose(row["purpose"])))


def _uses(*states: str) -> Any:
    """How many permits in these states take a use of this purpose."""

    def rule(row: Row, value: int) -> bool:
        named = row.said.where("decision_person", authorization_id=row["authorization_id"])
        wanting = {one.values["decision_id"] for one in named if _wants(one, row["purpose"])}
        found = [one.values for each in wanting for one in row.said.where("permit", id=each)]
        # One that ran and was then ended has used it; one that never ran gave it back.
        return value == sum(
            one["state"] in states and ("issued" in states or one["job"] is not None) for one in found
        )

    return rule


def _wants(named: Read, purpose: str) -> bool:
    return purpose in load(named.values["purposes"].encode())  # type: ignore[operator]


def _portraits(row: Row) -> Told | Gone | None:
    whose = _whose(row)
    chain = row.said.where("consent_event", authorization_id=row["authorization_id"])
    if not chain:
        raise LookupError("no such authorization")
    try:
        added = [
            told for event in chain for told in row.said.following(ADDED, event.values["leaf_hash"], whose)
        ]
    except LookupError:
        # References go in the transaction that says that she was erased: before it they are there, and her
        # key may have gone since; after it none is hers.
        if row.said.erased(whose) and not row.said.where("erasure", person_id=whose.id):
            return Gone.ERASED
        raise
    return next((told for told in added if told.at == row["added_at"]), None)


def _decrypts(row: Row, value: bytes) -> bool:
    keys = row.said.record.keystore
    return bool(keys.decrypt(Subject("person", row["person_id"]), "reference", value))


def _delete_after(row: Row, value: Any) -> bool:
    """As stated when it was added, or the end of a protection that it was kept for alone."""
    protections = row.said.where("protection", person_id=row["person_id"])
    ends = {one.values["ended_at"] for one in protections}
    return instant.exact(value) == row.payload["delete_after"] or value in ends


CONSENT = (
    Covered(
        "notice",
        {
            "sha256": says("sha256"),
            "id": says("id"),
            "version": says("version"),
            "language": says("language"),
            "text": hashed("sha256"),
            "published_at": written,
            "entry": led,
        },
        kinds=frozenset({"NoticePublished"}),
        makes=frozenset({"NoticePublished"}),
    ),
    Covered(
        "signed_authorization",
        {
            "id": says("authorization"),
            "person_id": led,
            "supersedes": may_say("supersedes"),
            "notice": says("notice"),
            "document": hashed("document"),
            "evidence": hashed("evidence"),
            "received_at": says("at"),
            "kid": says("countersigned_by"),
            "countersignature": _countersigned,
            # Grants of before this was sealed too have nothing to hold it against.
            "recovery": lambda row, value: value == row.payload.get("recovery", value),
        },
        entry="person_id",
        leads="id",
        kinds=frozenset({"ConsentGranted"}),
        find=_granted,
        person="person_id",
        makes=frozenset({"ConsentGranted"}),
        made=_grant,
        owes=_of_grant,
    ),
    Covered(
        "cosignature",
        {
            "authorization_id": says("authorization"),
            "evidence": hashed("evidence"),
            "received_at": says("at"),
            "kid": says("countersigned_by"),
            "countersignature": _cosigned,
        },
        entry="authorization_id",
        find=_cosigning,
        whose=_whose,
        makes=frozenset({"ConsentCosigned"}),
        made=_cosigned_by,
    ),
    Covered(
        "consent_event",
        {
            "authorization_id": says("authorization"),
            "number": _number,
            "kind": lambda row, value: value == row.entry.kind,
            "purposes": lambda row, value: value == ",".join(row.payload["purposes"]),  # type: ignore[arg-type]
            "status": may_say("status"),
            "disputed": _mark,
            "paused": lambda row, value: value is _RESTED.get(row.entry.kind),
            "how": says("by"),
            "actor": says("actor"),
            "at": says("at"),
            "evidence": _evidence,
            "leaf_hash": led,
            "prev": lambda row, value: value == next(iter(row.entry.refs), None),
        },
        entry="leaf_hash",
        leads="authorization_id",
        whose=_whose,
        makes=_EVENTS,
    ),
    Covered(
        "consent_state",
        {
            "authorization_id": says("authorization"),
            "purpose": lambda row, value: value in _document(row).scope.purposes,
            "status": _status,
            "disputed": _state(_MARKED, "disputed"),
            "paused": _state(set(_RESTED), "paused"),
            "until": lambda row, value: value == _document(row).scope.term.end,
            "head": _headed,
        },
        entry="head",
        leads="authorization_id",
        whose=_whose,
    ),
    Covered(
        "consent_counter",
        {
            "authorization_id": lambda row, _value: bool(_document(row)),
            "purpose": lambda row, value: value in _document(row).scope.purposes,
            "most": _limit,
            "reserved": _uses("issued"),
            "spent": _uses("redeemed", "finished", "void", "expired"),
        },
        alone=True,
    ),
    Covered(
        "portrait",
        {
            "person_id": lambda row, value: value == _whose(row).id,
            "authorization_id": says("authorization"),
            "model": says("model"),
            "ciphertext": _decrypts,
            "added_at": says("at"),
            "delete_after": _delete_after,
        },
        entry="added_at",
        leads="authorization_id",
        find=_portraits,
        whose=_whose,
        plain={"id": "a random name that nothing refers to"},
    ),
)
