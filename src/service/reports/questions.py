"""What decisions answered: their cases, as the log says they were asked; the bases people signed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, cast

from sqlmodel import Session

from audit.errors import ConsentryError
from audit.keystore import KeysErased
from audit.remembered import Remembered
from audit.spelling import is_hex
from consent import assessment, docket, recording
from consent.case import Case, parse
from consent.errors import PersonUnknown
from consent.papers import Cabinet, PaperKind, Registered
from consent.required import needed
from consent.strict import decode
from consent.words import Action
from service.wiring import Record
from swap import orders

ARTICLES: Mapping[str, str] = {
    "cn-pipl:A29-SeparateConsent": "PIPL arts. 13(1)(1), 29",
    "eu-gdpr:A6-1-a-explicit-consent": "GDPR art. 6(1)(a)",
    "eu-gdpr:A9-2-a": "GDPR art. 9(2)(a)",
}
"""The article behind each word that signed records use for a lawful basis. Others name no article."""
_REMEMBERED = 1024
PERSON = "person"
"""Instead of a label, where somebody asked about herself."""


@dataclass(frozen=True, slots=True)
class Question:
    """A decision, and what it answered."""

    decision: docket.Recorded
    case: Case
    as_logged: bool
    """Whether the log says that this very question was answered. Of another nothing is to be believed."""

    @property
    def people(self) -> int:
        """How many people it names."""
        return len({one.person for one in self.case.people})

    @property
    def purposes(self) -> tuple[str, ...]:
        """What for: those that people had to have agreed to, and that of the use."""
        case = self.case
        found = {str(purpose) for one in case.people for purpose in needed(case, one)}
        if case.use is not None and case.use.purpose is not None:
            found.add(str(case.use.purpose))
        return tuple(sorted(found))

    @property
    def roles(self) -> tuple[str, ...]:
        """As what people appear: the categories of data subjects."""
        return tuple(sorted({str(one.role) for one in self.case.people}))


@dataclass(frozen=True, slots=True)
class Signed:
    """What the records that people signed say, in their own words (DPV, ISO/IEC TS 27560); each once."""

    bases: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    """Kinds of personal data."""
    notices: tuple[str, ...] = ()
    """SHA-256 of the notices they were shown."""
    regions: tuple[str, ...] = ()
    """Where it may be stored."""
    retention: tuple[str, ...] = ()
    """How long what may be kept: `SOURCE P30D`."""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Signed":
        """What one record says."""
        return cls(
            bases=_each({base for one in record["purposes"] for base in one["lawful_basis"]}),
            data=_each({one["pii_type"] for one in record["pii_information"]}),
            notices=_each({record["privacy_notice"].removeprefix("sha256:")}),
            regions=_each(record["storage_locations"]),
            retention=_each({f"{kind} {days}" for kind, days in record["retention_period"].items()}),
        )

    @classmethod
    def all_of(cls, found: Sequence["Signed"]) -> "Signed":
        """What several say together."""
        names = [one.name for one in fields(cls)]
        return cls(*(_each({word for one in found for word in getattr(one, name)}) for name in names))


@dataclass(frozen=True, slots=True)
class Filed:
    """The operator's papers that covered what was permitted, at that moment: SHA-256 of each document."""

    assessments: tuple[str, ...] = ()
    contracts: tuple[str, ...] = ()
    """With who runs the engine."""


@dataclass
class Questions:
    """Finds them in one session. Remembers a bounded number."""

    session: Session
    record: Record
    _people: Remembered[bool] = field(default_factory=lambda: Remembered(_REMEMBERED))
    _known: Remembered[Question] = field(default_factory=lambda: Remembered(_REMEMBERED))
    _documents: Remembered[Signed] = field(default_factory=lambda: Remembered(_REMEMBERED))

    def of(self, decision: str) -> Question | None:
        """The question of a decision; None where it is not kept, or can't be read."""
        return self._known.of(decision, lambda: self._find(decision)) if decision else None

    def of_job(self, job: str) -> Question | None:
        """That of the permit that a job had."""
        try:
            return self.of(orders.job(self.session, self.record.settings.tenant, job).permit) if job else None
        except ConsentryError:
            return None

    def signed(self, question: Question) -> Signed:
        """What was signed by those whose consents it cites."""
        return Signed.all_of([self._signed(one) for one in question.case.authorizations])

    def filed(self, question: Question) -> Filed:
        """Which papers covered what was asked, each whole, as `consent.ground` asks for them."""
        at, case = question.decision.at, question.case
        engines = [case.use.engine] if case.use is not None and case.use.engine else []
        run = {"engines": engines} if case.action in {Action.PUBLISH, Action.SWAP} else {}
        purposes = {str(purpose) for one in case.people for purpose in needed(case, one)}
        region = [self.record.gate.bench.place.region]
        held = [one.paper for one in self._papers if one.at <= at < (one.ended_at or one.paper.until)]
        files = [Cabinet((paper,)) for paper in held if paper.since <= at < paper.until]
        assessed = [
            one
            for one in files
            if one.has(PaperKind.IMPACT_ASSESSMENT, purposes=purposes, regions=region, **run)
        ]
        contracted = [one for one in files if one.has(PaperKind.PROCESSOR_CONTRACT, engines=engines)]
        return Filed(
            *(_each(paper.digest for one in some for paper in one.papers) for some in (assessed, contracted))
        )

    def label(self, asked_by: str) -> str:
        """Who asked, as a report may say it: a person who asked for herself is none of its labels."""
        return PERSON if self.is_person(asked_by) else asked_by

    def is_person(self, label: str) -> bool:
        """Whether a label is the id of somebody enrolled: who looks at her own preview asks as herself."""
        return is_hex(label, 16) and bool(self._people.of(label, lambda: self._enrolled(label)))

    @cached_property
    def _papers(self) -> Sequence[Registered]:
        return self.record.papers.every(self.session)

    def _enrolled(self, person: str) -> bool:
        try:
            self.record.registry.people.get(self.session, person)
        except PersonUnknown:
            return False
        return True

    def _find(self, decision: str) -> Question | None:
        bench = self.record.gate.bench
        kept = docket.find(self.session, self.record.settings.tenant, decision)
        try:
            case = None if kept is None else parse(kept.case)
        except ConsentryError:
            return None
        if kept is None or case is None:
            return None
        return Question(kept, case, recording.remembered_as_logged(self.session, bench, kept, case))

    def _signed(self, authorization: str) -> Signed:
        return self._documents.of(authorization, lambda: self._document(authorization)) or Signed()

    def _document(self, authorization: str) -> Signed | None:
        try:
            kept = assessment.stored(self.session, self.record.ledger, authorization)
        except KeysErased:
            return None
        if kept is None:
            return None
        return Signed.of(cast("dict[str, Any]", decode(kept.document))["record"])


def _each(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))
