"""Rows of claims and appeals about what is here, and of who may call."""

from typing import Any

from audit.canonical import digest
from service.apikeys import OVERLAP
from service.rowcheck.of_swaps import DATE
from service.rowcheck.rule import Covered, Row, Rule, back, known, led, may_say, plain, says
from service.rowcheck.said import Gone, Told
from swap.appeals import State as AppealState
from swap.claim import State as ClaimState


def _received(row: Row) -> Told:
    return row.first(row.said.tenant, "TakedownReceived", "InjunctionReceived")


def _at_first(key: str) -> Rule:
    return lambda row, value: (plain(value) or "") == _received(row).payload[key]


def _answer(key: str) -> Rule:
    return lambda row, value: plain(value) == (row.payload[key] if row.entry is not _received(row) else None)


def _reason(row: Row, value: str | None) -> bool:
    if row.entry.kind in {"TakedownReceived", "InjunctionReceived"}:
        return value is None
    return value is not None and digest(value.encode()) == row.payload["reason"]


def _claim_state(row: Row, value: str) -> bool:
    return value == row.payload.get("state", ClaimState.OPEN)


def _freezes(row: Row, value: Any) -> bool:
    return value is bool(_received(row).payload["freezes"] or row.payload.get("state") == "confirmed")


def _kind_of_claim(row: Row, value: str) -> bool:
    return value == {"TakedownReceived": "takedown", "InjunctionReceived": "injunction"}[_received(row).kind]


def _sealed(row: Row, value: bytes) -> bool:
    keys, tenant = row.said.record.keystore, row.said.tenant
    return bool(keys.decrypt(tenant, f"claim-contact/{row['claim_id']}", value))


def _blocked_at(row: Row, value: Any) -> bool:
    claim = row.said.one("claim", id=row["claim_id"])
    return bool(value == row.said.sure(claim.values["entry"], row.said.tenant).at)


def _blocked(row: Row, value: str) -> bool:
    outputs = row.said.where("output", digest=value)
    taken = [*row.said.where("source", received_digest=value), *row.said.where("source", media_digest=value)]
    return bool(outputs or taken)


def _by_id(row: Row, *kinds: str, over: bool) -> Told | Gone | None:
    """The entry about its id; without one that which the row names, which says so, or is pruned.

    Only of what is `over`: all else holds its entry, and a row that comes back to life has none.
    """
    found: Told | Gone | None = next((one for kind in kinds for one in row.said.of(kind, row["id"])), None)
    if found is None and row["entry"] is not None:
        found = row.said.told(row["entry"], row.said.tenant)
    return None if found is Gone.PRUNED and not over else found


def _names_its_entry(row: Row, value: str | None) -> bool:
    # Rows of before there was this column have none.
    return value in {None, row.entry.leaf_hash}


def _key_entry(row: Row) -> Told | Gone | None:
    over = row["revoked_at"] is not None or row["expires_at"] <= row.said.record.clock()
    return _by_id(row, "ApiKeyIssued", "ApiKeyRotated", over=over)


def _appeal(row: Row) -> Told | Gone | None:
    return _by_id(row, "AppealReceived", over=row["state"] != AppealState.OPEN)


def _lodged(row: Row) -> list[str]:
    return [one.leaf_hash for one in row.said.of("AppealReceived", row["id"])]


def _appealed(row: Row) -> Told | None:
    found = row.said.of("AppealAnswered", row["id"])
    return found[-1] if found else None


def _appeal_state(row: Row, value: str) -> bool:
    answered = _appealed(row)
    return value == ("open" if answered is None else answered.payload["state"])


def _answered_at(row: Row, value: Any) -> bool:
    answered = _appealed(row)
    return bool(value == (None if answered is None else answered.at))


def _excluded(row: Row, value: str) -> bool:
    names = value.split("\n")
    # Appeals of before this was sealed too have nothing more to hold it against.
    return row["appellant"] in names and names == row.payload.get("excluded", sorted(set(names)))


def _in_answer(row: Row, key: str, value: Any) -> bool:
    found = row.said.of("AppealAnswered", row["appeal_id"])
    if not found:
        return True  # the first of two answers: sealed with the second
    return value in found[-1].payload[key]  # type: ignore[operator]


def _keyed(row: Row) -> list[str]:
    found = [*row.said.of("ApiKeyIssued", row["id"]), *row.said.of("ApiKeyRotated", row["id"])]
    return [one.leaf_hash for one in found]


def _expires(row: Row, value: Any) -> bool:
    """As issued, or sooner: when it was rotated, so that both last for a while."""
    if plain(value) == row.payload["until"]:
        return True
    later = row.said.where("api_key", follows=row["id"])
    return any(value == one.values["issued_at"] + OVERLAP for one in later)


def _revoked(row: Row, value: Any) -> bool:
    found = row.said.of("ApiKeyRevoked", row["id"])
    return bool(value == found[-1].at) if found else value is None


def _kept_for(row: Row, value: Any) -> bool:
    return value is None or bool(row.said.where("person", id=value))


CLAIMS = (
    Covered(
        "claim",
        {
            "id": says("claim"),
            "kind": _kind_of_claim,
            "target_kind": says("target_kind"),
            "target": says("target"),
            "document": _at_first("document"),
            "state": _claim_state,
            "freezes": _freezes,
            "received_at": lambda row, value: value == _received(row).at,
            "due_at": _at_first("due_at"),
            "received_by": _at_first("by"),
            "decided_by": _answer("by"),
            "decided_at": _answer("at"),
            "reason": _reason,
            "entry": led,
        },
        kinds=frozenset({"TakedownReceived", "InjunctionReceived", "TakedownDecided", "InjunctionLifted"}),
        makes=frozenset({"TakedownReceived", "InjunctionReceived"}),
        made=back(),
    ),
    Covered(
        "claim_contact",
        {"claim_id": known("claim"), "sealed": _sealed},
        alone=True,
        plain={"delete_after": DATE},
    ),
    Covered(
        "blocked_file",
        {
            "digest": _blocked,
            "claim_id": known("claim"),
            "at": _blocked_at,
        },
        alone=True,
    ),
    Covered(
        "appeal",
        {
            "id": says("appeal"),
            "about": says("about"),
            "subject": says("target"),
            "ground": says("ground"),
            "appellant": says("by"),
            "excluded": _excluded,
            "state": _appeal_state,
            "received_at": says("at"),
            "due_at": says("due_at"),
            "answered_at": _answered_at,
            "entry": _names_its_entry,
        },
        kinds=frozenset({"AppealReceived"}),
        find=_appeal,
        makes=frozenset({"AppealReceived"}),
        made=_lodged,
    ),
    Covered(
        "appeal_answer",
        {
            "appeal_id": known("appeal"),
            "operator": lambda row, value: _in_answer(row, "by", value),
            "reason": lambda row, value: _in_answer(row, "reasons", digest(value.encode())),
        },
        alone=True,
        plain={
            "granted": "sealed as the outcome of both answers together, in the appeal's row",
            "at": "sealed for the answer that closes the appeal, in the appeal's row",
        },
    ),
    Covered(
        "api_key",
        {
            "id": says("key"),
            "role": says("role"),
            "person_id": _kept_for,
            "issued_at": says("at"),
            "expires_at": _expires,
            "revoked_at": _revoked,
            "follows": may_say("follows"),
            "entry": _names_its_entry,
        },
        kinds=frozenset({"ApiKeyIssued", "ApiKeyRotated"}),
        find=_key_entry,
        plain={
            "secret": "the hash of a secret that only its holder has: changed, it lets nobody in",
            "name": "a label in the operator's words; decisions seal it as the requester of theirs",
            "used_at": "when it was last seen, to the minute or so",
        },
        makes=frozenset({"ApiKeyIssued", "ApiKeyRotated"}),
        made=_keyed,
    ),
)
