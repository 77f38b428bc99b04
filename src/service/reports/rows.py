"""One entry of the log as a line of a record of processing (PIPL arts. 55, 56; GDPR art. 30).

What an auditor reads in it: what was done, when, on what ground, by whose leave. Not who: a line counts
people. What the operator did not state, or nothing here says, is left empty; nothing is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from audit.canonical import Json
from consent import docket
from consent.recording import DECIDED
from service.reports import alarms
from service.reports.questions import ARTICLES, Filed, Question, Questions, Signed
from service.reports.seen import Seen
from swap.recipients import HANDED_OVER

OPERATIONS: Mapping[str, str] = {
    "TemplateAdmitted": "COLLECT",
    "PersonEnrolled": "COLLECT",
    "PersonCaptured": "COLLECT",
    "PortraitsAdded": "STORE",
    "PreviewShown": "USE",
    "FaceSearched": "USE",
    "FaceResembled": "USE",
    "TemplateScanned": "PROCESS",
    "TracksMatched": "PROCESS",
    "RunStarted": "PROCESS",
    "RunFinished": "PROCESS",
    "OutputReleased": "PUBLISH",
    "OutputHandedOver": "PROVIDE",
    "OutputWithdrawn": "DELETE",
    "Purged": "DELETE",
    "DonorPhotoDeleted": "DELETE",
    "PortraitsPurged": "DELETE",
    "KeysDestroyed": "DELETE",
    "PersonErased": "DELETE",
    "EvidenceMade": "EXPORT",
    "ProcessingExported": "EXPORT",
    "Decided": "GATE_DECISION",
    "RedemptionRefused": "GATE_DECISION",
    "HoldLapsed": "GATE_DECISION",
    "TakedownReceived": "TAKEDOWN",
    "TakedownDecided": "TAKEDOWN",
    "InjunctionReceived": "TAKEDOWN",
    "InjunctionLifted": "TAKEDOWN",
}
"""What kind of act an entry records, for those that are one of processing; consents have a prefix."""
_FILES: Mapping[str, str] = {"RunFinished": "output", "OutputReleased": "digest"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line. Its fields are the columns of the CSV and the keys of the JSON Lines, in this order."""

    index: int
    entry: str
    minute: str
    kind: str
    operation: str
    opens: str
    parts: int
    parts_gone: int
    action: str = ""
    stage: str = ""
    answer: str = ""
    rules: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    policy: str = ""
    proof: str = ""
    decision: str = ""
    permit: str = ""
    permit_state: str = ""
    job: str = ""
    outcome: str = ""
    template: str = ""
    work: str = ""
    output: str = ""
    file: str = ""
    """SHA-256 of what was made."""
    people: int | None = None
    roles: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    """Kinds of personal data, as the consents it rests on name them."""
    notices: tuple[str, ...] = ()
    """SHA-256 of the notices that were shown to those who signed them."""
    regions: tuple[str, ...] = ()
    """Where they let it be stored."""
    retention: tuple[str, ...] = ()
    """How long they let it be kept: what, and an ISO 8601 period."""
    assessments: tuple[str, ...] = ()
    """SHA-256 of the impact assessments that covered it then."""
    contracts: tuple[str, ...] = ()
    """The same of the contracts with who runs the engine."""
    matching: str = ""
    voice: bool | None = None
    engine: str = ""
    engine_version: str = ""
    platform: str = ""
    recipient: str = ""
    territories: tuple[str, ...] = ()
    mode: str = ""
    asked_by: str = ""
    lifted: tuple[str, ...] = ()
    hands: int = 0
    """Of how many people lifted what stood against it."""
    question: str = ""
    """`as logged`, `differs` or `not kept`: whether the question beside a decision is the one in the log."""
    alarms: tuple[str, ...] = ()

    def json(self) -> dict[str, Json]:
        """As a line of JSON."""
        return {name: _plain(getattr(self, name)) for name in COLUMNS}


COLUMNS = tuple(one.name for one in fields(Row))


def row(seen: Seen, question: Question | None, questions: Questions) -> Row:
    """The line of an entry that has a place. `question` is what the decision behind it answered."""
    kind, said = seen.leaf.t, seen.said
    stands = question is not None and question.as_logged
    permit = _permit(seen, question)
    tenant = questions.record.settings.tenant
    life = docket.life(questions.session, tenant, permit, lock=False) if permit else None
    hands = said.get("lifted_by")
    return Row(
        index=seen.index if seen.index is not None else -1,
        entry=seen.entry.leaf_hash,
        minute=seen.leaf.ts,
        kind=kind,
        operation=operation(kind),
        opens=str(seen.opens),
        parts=len(seen.leaf.parts),
        parts_gone=seen.gone,
        action=seen.word("action"),
        stage=seen.word("stage"),
        answer=seen.word("answer"),
        rules=seen.words("rules"),
        faults=seen.words("faults"),
        policy=seen.word("policy"),
        proof=seen.word("proof"),
        decision=seen.word("decision"),
        permit=permit,
        permit_state="" if life is None else str(life.state),
        job=seen.word("job"),
        outcome=seen.word("ended") or seen.word("error") or ("released" if kind == "OutputReleased" else ""),
        lifted=seen.words("lifted"),
        hands=len(hands) if isinstance(hands, list | tuple) else 0,
        output="" if kind == "RunFinished" else seen.word("output"),
        file=seen.word(_FILES[kind]) if kind in _FILES else "",
        question=_stands(kind, question),
        alarms=tuple(alarms.ringing(seen)),
        **(_asked(seen, question, questions) if question is not None and stands else _alone(seen, questions)),
    )


def operation(kind: str) -> str:
    """What sort of act a kind of entry records."""
    return OPERATIONS.get(kind, "CONSENT_EVENT" if kind.startswith("Consent") else "RECORD")


def _asked(seen: Seen, question: Question, questions: Questions) -> dict[str, Any]:
    case, use = question.case, question.case.use
    permitted = question.decision.answer is docket.Answer.PERMIT
    signed = questions.signed(question) if permitted else Signed()
    filed = questions.filed(question) if permitted else Filed()
    return {
        "template": seen.word("template") or case.template or "",
        "work": case.work or "",
        "people": question.people,
        "roles": question.roles,
        "purposes": question.purposes,
        "bases": signed.bases,
        "articles": tuple(sorted({ARTICLES[base] for base in signed.bases if base in ARTICLES})),
        "data": signed.data,
        "notices": signed.notices,
        "regions": signed.regions,
        "retention": signed.retention,
        "assessments": filed.assessments,
        "contracts": filed.contracts,
        "matching": str(case.matching or ""),
        "voice": None if use is None else use.voice_kept,
        "engine": seen.word("engine") or (use.engine if use and use.engine else ""),
        "engine_version": seen.word("version") or case.engine_version or "",
        "platform": use.platform or "" if use else "",
        "recipient": use.recipient or "" if use else "",
        "territories": tuple(sorted(use.territories)) if use else (),
        "mode": str(case.mode),
        "asked_by": questions.label(_asker(seen) or case.requester),
    }


def _alone(seen: Seen, questions: Questions) -> dict[str, Any]:
    return {
        "template": seen.word("template"),
        "engine": seen.word("engine"),
        "recipient": questions.label(seen.word("to")) if seen.leaf.t == HANDED_OVER else "",
        "asked_by": questions.label(_asker(seen)),
    }


def _asker(seen: Seen) -> str:
    return seen.word("requester") or seen.word("by")


def _permit(seen: Seen, question: Question | None) -> str:
    """Of a permit's own decision, and of all that was done under one."""
    if seen.word("permit"):
        return seen.word("permit")
    if question is None or seen.leaf.t in {"TemplateScanned", "TracksMatched", "PreviewShown"}:
        return ""
    first = question.decision
    swapped = first.action == "swap" and first.answer is docket.Answer.PERMIT
    if seen.leaf.t == DECIDED and first.stage == "release":
        return first.follows or ""
    return first.id if swapped else ""


def _stands(kind: str, question: Question | None) -> str:
    if question is not None:
        return "as logged" if question.as_logged else "differs"
    return "not kept" if kind == DECIDED else ""


def _plain(value: object) -> Json:
    if isinstance(value, tuple):
        return [str(one) for one in value]
    return value if isinstance(value, bool | int | str) or value is None else str(value)
