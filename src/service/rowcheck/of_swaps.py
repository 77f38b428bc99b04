"""Rows of videos, donors and runs."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from audit.canonical import canonical
from consent.case import Case
from consent.case import parse as parse_case
from consent.strict import load
from consent.words import Match
from service.rowcheck.of_decisions import runs
from service.rowcheck.reading import Read
from service.rowcheck.rule import Covered, Owed, Row, Rule, decided, known, led, of_person, says, written
from service.rowcheck.said import Gone, Told
from swap import cases
from swap.assignments import binding_of
from swap.entering import MATCHED
from swap.library import State as TemplateState
from swap.orders import Progress

DATE = "when it may go: the purge deletes a little early or late, and writes down what it deleted"


def words(known: Any) -> Rule:
    """One of these words. No bit turns one into another; which of them it is, its storekeeper knows."""
    return lambda _row, value: value in set(known)


def _template(row: Row) -> Read:
    return row.said.one("template", source_id=row["id"])


def _admitted(row: Row) -> Told | None:
    found = row.said.of("TemplateAdmitted", _template(row).values["id"])
    return found[-1] if found else None


def _admissions(row: Row) -> list[str]:
    return [one.leaf_hash for one in row.said.of("TemplateAdmitted", row["id"])]


def _intake(row: Row, template: str) -> Sequence[Case]:
    """Cases about a template that were decided, each as the log has it."""
    return row.said.cases.get(template, ())


def _source(key: str) -> Rule:
    """As admitted; before that, as decided when it was announced."""

    def rule(row: Row, value: Any) -> bool:
        told = _admitted(row)
        if told is not None:
            return bool(told.payload[key] == (canonical(value) if value is None else value))
        stated = [case.source for case in _intake(row, _template(row).values["id"]) if case.source]
        return value is None or any(value == one.received_digest for one in stated) or not stated

    return rule


def _record(row: Row, value: bytes) -> bool:
    told = _admitted(row)
    return value == canonical(told.payload["source"]) if told else bool(canonical(_announced(value)))


def _announced(value: bytes) -> Any:
    """The record of a source that is not admitted yet, read strictly."""
    read = load(value)
    if canonical(read) != value:
        raise ValueError("another spelling")
    return read


def _begun(row: Row, template: Read) -> bool:
    """Whether its first decision is there, so that what followed must be too. Raises `Unasked`.

    A pruning took it only of a template that is over: any other holds all its entries.
    """
    over = template.values["state"] in {TemplateState.REFUSED, TemplateState.PURGED}
    if over and template.values["taken_in_by"] is not None:
        decision = row.said.one("decision", id=template.values["taken_in_by"])
        row.said.sure(decision.values["entry"], row.said.tenant)
    return True


def _announced_as(row: Row, value: str) -> bool:
    spoken_of = _intake(row, value) or row.said.of("TemplateAdmitted", value)
    return bool(spoken_of) or (_begun(row, row.read) and row["state"] == TemplateState.ANNOUNCED)


def _scan_of(row: Row) -> list[Told]:
    return row.said.of("TemplateScanned", row["id"])


def _scanned_as(row: Row, value: Any) -> bool:
    found = _scan_of(row)
    return value is None or any(one.payload["scan"] == value for one in found) or not _begun(row, row.read)


def _taken_in_by(row: Row, value: Any) -> bool:
    if value is None:
        return True
    decision = row.said.one("decision", id=value)
    return bool(decision.values["action"] == "intake" and decision.values["answer"] == "permit")


def _published_by(row: Row, value: Any) -> bool:
    if value is None:
        return bool(row["state"] != TemplateState.PUBLISHED)
    decision = row.said.one("decision", id=value)
    return bool(decision.values["action"] == "publish" and decision.values["answer"] == "permit")


def _matching(row: Row, value: str) -> bool:
    stated = {str(case.matching) for case in _intake(row, row["id"]) if case.matching is not None}
    return value in stated if stated else value in {"CLOSED_SET", "ASSIGNED"}


def _cast(row: Row) -> set[tuple[Any, ...]]:
    template = row.said.one("template", id=row["template_id"])
    source = row.said.one("source", id=template.values["source_id"])
    # A cast is decided on before it is a template's: what was asked then names the bytes alone.
    asked = row.said.cases.get(source.values["received_digest"], ())
    return {
        (one.person, str(one.role), one.authorization)
        for case in (*_intake(row, row["template_id"]), *asked)
        for one in case.people
    }


def _in_cast(row: Row, _value: Any) -> bool:
    found = (row["person_id"], row["role"], row["authorization_id"]) in _cast(row)
    return found or not _begun(row, row.said.one("template", id=row["template_id"]))


def _scan(row: Row) -> Told | Gone | None:
    found = row.said.of("TemplateScanned", row["template_id"])
    if not found:
        _begun(row, row.said.one("template", id=row["template_id"]))
    return found[0] if found else None


def _verdicts(row: Row, value: bytes | None) -> bool:
    if value is None:
        return True
    mine = [case for case in _intake(row, row["template_id"]) if case.tracks_digest is not None]
    found = cases.verdicts_of(value)
    if canonical(cases.verdicts_json(found)) != value:
        return False
    assigned = row.said.where("assignment", template_id=row["template_id"])
    if assigned:
        return bool(assigned[0].values["binding"] == binding_of(str(row.payload["scan"]), found))
    matched = row.said.of(MATCHED, row["template_id"])
    if matched:
        return bool(matched[-1].payload["tracks"] == cases.tracks_digest(found))
    # Of before this was sealed, and nobody has decided on it yet: the decision that rests on it will seal it.
    return not mine or any(case.tracks_digest == cases.tracks_digest(found) for case in mine)


def _donor(row: Row) -> Any:
    decision = row.said.one("decision", id=row["decided_by"])
    told = row.said.sure(decision.values["entry"], row.said.tenant)
    case = parse_case(decision.values["case"])
    if told.payload["case"] != case.digest:
        raise LookupError("another case")
    return case


def _handed(name: str) -> Rule:
    return lambda row, value: value == getattr(_donor(row).donor, name)


def _she(name: str) -> Rule:
    return lambda row, value: value == getattr(_donor(row).people[0], name)


def _starts(row: Row) -> list[str]:
    decision = row.said.one("decision", id=row["permit_id"])
    return [one.leaf_hash for one in row.said.following("RunStarted", decision.values["entry"])]


def _job_id(row: Row, value: str) -> bool:
    permits = row.said.where("permit", id=row["permit_id"])
    return all(one.payload["job"] == value for one in runs(row)) and len(permits) == 1


def _permitted(row: Row) -> Any:
    return parse_case(row.said.one("decision", id=row["permit_id"]).values["case"])


def _ended(row: Row) -> list[Told]:
    return [one for run in runs(row) for one in row.said.following("JobEnded", run.leaf_hash)]


def _progress(row: Row, value: str) -> bool:
    if row.said.where("output", job_id=row["id"]):
        return value == Progress.RELEASED
    ends = _ended(row)
    if ends:
        return bool(value == ends[-1].payload["ended"])
    return value in (
        {Progress.RUNNING} if runs(row) else {Progress.QUEUED, Progress.REFUSED, Progress.FAILED}
    )


def _outcome(row: Row, value: bytes | None) -> bool:
    released = row.said.where("output", job_id=row["id"])
    if released:
        return value == canonical({"output": released[0].values["id"]})
    ends = _ended(row)
    if not ends:
        return value is None or not runs(row)
    less = {name: one for name, one in ends[-1].payload.items() if name not in {"job", "ended", "at"}}
    return value == canonical(less)


def _donor_of_job(row: Row, value: str) -> bool:
    donor = row.said.one("donor", id=value)
    case = _permitted(row)
    return bool(case.donor is not None and donor.values["photo_digest"] == case.donor.digest)


SWAPS = (
    Covered(
        "source",
        {
            "record": _record,
            "received_digest": _source("received"),
            "media_digest": _source("media"),
            "marked": _source("marked"),
            "id": lambda row, _value: bool(_template(row)),
        },
        alone=True,
        plain={
            "announced_at": "for the list of what is waiting; the decision of its intake has its own instant",
            "delete_after": DATE,
            "retention": "which date applies; the words are far apart, and an unknown one stops the purge",
        },
    ),
    Covered(
        "template",
        {
            "id": _announced_as,
            "source_id": known("source"),
            "state": words(TemplateState),
            "scan_digest": _scanned_as,
            "published_by": _published_by,
            "taken_in_by": _taken_in_by,
            "matching": _matching,
        },
        alone=True,
        plain={
            "frozen": "follows withdrawals and claims; each use asks for the consents themselves again",
            "changed_at": "for the order of a list",
        },
        makes=frozenset({"TemplateAdmitted"}),
        made=_admissions,
        owes=lambda row: [Owed("source", {"id": row["source_id"]})],
    ),
    Covered(
        "cast_member",
        {
            "template_id": _in_cast,
            "person_id": _in_cast,
            "role": _in_cast,
            "authorization_id": _in_cast,
        },
        alone=True,
    ),
    Covered(
        "scan",
        {
            "template_id": says("template"),
            "digest": says("scan"),
            "body": lambda row, value: sha256(value).hexdigest() == row.payload["scan"],
            "verdicts": _verdicts,
            "scanned_at": says("at"),
        },
        entry="template_id",
        find=_scan,
    ),
    Covered(
        "donor",
        {
            "person_id": _she("person"),
            "authorization_id": _she("authorization"),
            "photo_digest": _handed("digest"),
            "is_self": _handed("is_self"),
            "faces": _handed("faces"),
            "decided_by": says("decision"),
            "match": words(Match),
        },
        entry="decided_by",
        find=decided("decided_by"),
        plain={
            "id": "a random name; a job that says another one is found at the job",
            "received_at": "the moment after the decision, which has an instant: deletion has its own date",
            "delete_after": DATE,
            "deleted": "whether the photo went: the file is there or is not",
        },
    ),
    Covered(
        "job",
        {
            "id": _job_id,
            "template_id": lambda row, value: value == _permitted(row).template,
            "donor_id": _donor_of_job,
            "permit_id": says("decision"),
            "state": _progress,
            "attempt": lambda row, value: (
                value == (begun[-1].payload["attempt"] if (begun := runs(row)) else 0)
            ),
            "outcome": _outcome,
            "started": lambda row, value: value == (begun[-1].leaf_hash if (begun := runs(row)) else None),
            "asked_at": written,
        },
        entry="permit_id",
        find=decided("permit_id"),
        plain={
            "cancelled": "a request to stop: set, the job ends; not set, the release asks everything again",
            "done": "a progress bar",
            "total": "a progress bar",
            "changed_at": "for the order of a list, and for how long nothing was heard",
        },
        makes=frozenset({"RunStarted"}),
        made=_starts,
        owes=lambda row: [Owed("donor", {"id": row["donor_id"]})],
    ),
    Covered(
        "assignment",
        {
            "template_id": says("template"),
            "id": says("assignment"),
            "binding": says("binding"),
            "by": says("by"),
            "at": says("at"),
            "entry": led,
        },
        kinds=frozenset({"TracksAssigned"}),
    ),
    Covered(
        "confirmation",
        {
            "about": says("about"),
            "by": says("by"),
            "person_id": lambda row, value: (value is None) is (row.payload["as"] == "reviewer"),
            "binding": says("binding"),
            "at": says("at"),
            "entry": led,
        },
        kinds=frozenset({"WhoIsWhoConfirmed"}),
        leads="person_id",
        whose=of_person(),
    ),
)
