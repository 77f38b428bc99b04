"""Rows of what was decided on what people consented to, and of the life of permits."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from audit.canonical import canonical
from consent import adoption, docket, permit
from consent.case import Case
from consent.case import parse as parse_case
from consent.objection import Objection, rules_of
from consent.redemption import Fault
from consent.required import needed
from consent.shape import to_json, tuple_from_json
from consent.strict import load
from consent.words import Action
from service.rowcheck.rule import (
    Covered,
    Owed,
    Row,
    as_json,
    decided,
    hashed,
    led,
    may_say,
    says,
)
from service.rowcheck.said import Told


@lru_cache(maxsize=1024)
def _case(stored: bytes) -> Case:
    return parse_case(stored)


def _objections(row: Row, value: str) -> bool:
    """Rules and faults as sealed; the words as the policy of that day has them, or a refused redemption."""
    stored = tuple_from_json(Objection, load(value.encode()), "decision.objections")
    if canonical(to_json(stored)).decode() != value:
        return False
    record = row.said.record
    kept = adoption.of_its_day(row.said.session, record.ledger.tenant, record.policy, row["policy"])
    faults = {str(fault): fault.objection for fault in Fault}
    case = parse_case(row["case"])
    about = {(str(one.role), one.person) for one in case.people}
    for one in stored:
        known = faults[one.rule] if one.rule in faults else None if kept is None else kept.rules[one.rule]
        if known is not None and not _worded(one, known):
            return False
        if one.person is not None and (one.about, one.person) not in about | {("work", one.person)}:
            return False
    details = sorted({one.detail for one in stored if one.detail})
    return list(rules_of(stored)) == row.payload["rules"] and details == row.payload["faults"]


def _worded(stored: Objection, known: Objection) -> bool:
    words = ("citation", "message", "message_zh", "severity", "cure", "cure_zh")
    return all(getattr(stored, word) == getattr(known, word) for word in words)


def _until(row: Row, value: Any) -> bool:
    """Of a hold: so long after it as the deployment's terms were. All holds of one policy have one."""
    if row["answer"] != "hold":
        return value is None
    return bool(value == row["at"] + row.said.record.gate.terms.hold_for)


def _closed(row: Row, value: Any) -> bool:
    follows = row.said.where("decision", follows=row["id"])
    if row["answer"] != "hold":
        return value is None
    if row.said.following("HoldLapsed", row["entry"]):
        return bool(value == "lapsed")
    if not follows:
        return value is None
    late = any("HOLD_LAPSED" in one.values["objections"] for one in follows)
    return bool(value == ("lapsed" if late else "lifted"))


def _of_decision(row: Row) -> Iterator[Owed]:
    """Whom it names, and the permit whose life begins with it."""
    for position in range(len(_case(row["case"]).people)):
        yield Owed("decision_person", {"decision_id": row["id"], "position": position})
    if (row["action"], row["stage"], row["answer"]) == (Action.SWAP, "decide", docket.Answer.PERMIT):
        yield Owed("permit", {"id": row["id"]})


def _appearance(row: Row) -> Any:
    decision = row.said.one("decision", id=row["decision_id"])
    case = _case(decision.values["case"])
    return case, case.people[row["position"]]


def _named(name: str) -> Any:
    return lambda row, value: value == getattr(_appearance(row)[1], name)


def _head(row: Row, value: Any) -> bool:
    heads = dict(cast("list[tuple[str, str]]", row.payload["heads"]))
    return bool(value == heads.get(row["authorization_id"]))


def _purposes(row: Row, value: str) -> bool:
    wanted = [str(one) for one in sorted(needed(*_appearance(row)))]
    return value == canonical(wanted).decode()


def _token(row: Row, value: bytes) -> bool:
    return bool(permit.read(value, row.said.record.permits.trusted)[0].id == row["id"])


def _not_after(row: Row, value: Any) -> bool:
    return bool(value == permit.read(row["token"], row.said.record.permits.trusted)[0].not_after)


def runs(row: Row) -> list[Told]:
    """What the entry of a decision permitted: its runs, in order."""
    return row.said.following("RunStarted", row.entry.leaf_hash)


def _life(row: Row, value: str) -> bool:
    for kind, state in (("PermitVoided", "void"), ("PermitExpired", "expired")):
        if row.said.following(kind, row.entry.leaf_hash):
            return value == state
    begun = runs(row)
    if not begun:
        return value == "issued"
    ended = any(row.said.following("OutputReleased", one.leaf_hash) for one in begun)
    refused = any(row.said.following("JobEnded", one.leaf_hash) for one in begun)
    return value in ({"finished"} if ended else {"finished", "redeemed"} if refused else {"redeemed"})


def _run(key: str) -> Any:
    return lambda row, value: value == (begun[-1].payload[key] if (begun := runs(row)) else None)


def _run_until(row: Row, value: Any) -> bool:
    begun = runs(row)
    return bool(value == (begun[0].at + row.said.record.permits.max_run if begun else None))


DECISIONS = (
    Covered(
        "decision",
        {
            "id": says("decision"),
            "follows": may_say("follows"),
            "action": says("action"),
            "stage": says("stage"),
            "answer": says("answer"),
            "objections": _objections,
            "lifted": as_json("lifted"),
            "policy": says("policy"),
            "proof": says("proof"),
            "case": hashed("case"),
            "at": says("at"),
            "until": _until,
            "closed": _closed,
            "entry": led,
        },
        kinds=frozenset({"Decided"}),
        makes=frozenset({"Decided"}),
        owes=_of_decision,
    ),
    Covered(
        "decision_person",
        {
            "decision_id": says("decision"),
            "position": lambda row, value: 0 <= value < len(_appearance(row)[0].people),
            "person_id": _named("person"),
            "role": _named("role"),
            "authorization_id": _named("authorization"),
            "head": _head,
            "purposes": _purposes,
        },
        entry="decision_id",
        find=decided("decision_id"),
    ),
    Covered(
        "permit",
        {
            "id": says("decision"),
            "token": _token,
            "state": _life,
            "not_after": _not_after,
            "job": _run("job"),
            "attempt": _run("attempt"),
            "run_until": _run_until,
        },
        entry="id",
        find=decided("id"),
    ),
)
