"""Which entries a filter lets through: those that name what it asks for, and what followed from them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlmodel import Session

from audit.errors import BadInput, ConsentryError
from audit.fact import Subject
from consent.case import Case
from service.reports.questions import Question, Questions
from service.reports.seen import Seen
from service.reports.wanted import Wanted
from swap import library

_FOLLOW = frozenset(
    {
        *("Decided", "HoldLapsed", "PermitVoided", "PermitExpired", "RunStarted", "RunFinished", "JobEnded"),
        *("OutputReleased", "OutputHandedOver", "OutputWithdrawn"),
        *("TemplateScanned", "TracksMatched", "PreviewShown"),
    }
)
"""Kinds whose references say what they follow from. Other references are chains of a person's own."""
_BY_JOB = frozenset({"JobEnded", "RunStarted", "RunFinished", "RedemptionRefused"})


class ReportFilterWrong(BadInput):
    """A filter that is another one: a person named as an operator would not be told of the report."""

    code = "REPORT_FILTER_WRONG"
    zh = "筛选条件类别不符：该标识属于某人，而非申请方。"
    hint = "Name a person with the filter for people; she is told that there is a report about her."
    hint_zh = "请使用人员筛选；本人将获知存在涉及其本人的报告。"


@dataclass(slots=True)
class Choosing:
    """Goes through the log in order: what follows comes later. Remembers what it took, by 32 bytes each."""

    session: Session
    wanted: Wanted
    questions: Questions
    _taken: dict[str, set[bytes]] = field(default_factory=dict)
    _received: str | None = None

    def __post_init__(self) -> None:
        self._taken = {kind: set() for kind in self.wanted.filters}
        if self.wanted.template is not None:
            # Raises `NoSuchThing`: an empty report about a slip of the pen would read as "nothing was done".
            tenant = self.questions.record.settings.tenant
            self._received = library.get(self.session, tenant, self.wanted.template).received_digest
        if self.wanted.operator is not None and self.questions.is_person(self.wanted.operator):
            raise ReportFilterWrong("the operator that was named is a person")
        if self.wanted.person is not None:
            self.questions.record.registry.people.get(self.session, self.wanted.person)

    def question(self, seen: Seen) -> Question | None:
        """What the decision behind an entry answered, if there is one."""
        if seen.leaf.t in {"Decided", "HoldLapsed"}:
            return self.questions.of(seen.word("decision"))
        found = self.questions.of(seen.word("permit"))
        if found is None and seen.leaf.t in _BY_JOB:
            found = self.questions.of_job(seen.word("job"))
        return found

    def takes(self, seen: Seen, question: Question | None) -> bool:
        """Whether all filters let it through. Asked of every entry, those before the period too."""
        follows = {bytes.fromhex(one) for one in seen.leaf.ref} if seen.leaf.t in _FOLLOW else set()
        if question is not None:
            follows.add(bytes.fromhex(question.decision.entry))
        passed = True
        for kind, taken in self._taken.items():
            if _MATCHES[kind](self, seen, question) or not taken.isdisjoint(follows):
                taken.add(bytes.fromhex(seen.entry.leaf_hash))
            else:
                passed = False
        return passed

    def _person(self, seen: Seen, question: Question | None) -> bool:
        del question
        ledger, her = self.questions.record.ledger, Subject("person", self.wanted.person or "")
        try:
            return bool(ledger.openings_in(self.session, seen.entry, her))
        except ConsentryError:
            # Hers, and edited: the alarm of the row says so.
            return True

    def _template(self, seen: Seen, question: Question | None) -> bool:
        if seen.word("template") == self.wanted.template:
            return True
        return question is not None and self._about(question.case)

    def _about(self, case: Case) -> bool:
        # The first question about a video comes before there is a template: it names the bytes alone.
        first = case.template is None and case.source is not None and self._received is not None
        return case.template == self.wanted.template or (
            first and case.source is not None and case.source.received_digest == self._received
        )

    def _operator(self, seen: Seen, question: Question | None) -> bool:
        asked = question.case.requester if question is not None else None
        return self.wanted.operator in {seen.word("requester"), seen.word("by"), asked}

    def _rule(self, seen: Seen, question: Question | None) -> bool:
        del question
        return self.wanted.rule in (*seen.words("rules"), *seen.words("lifted"))


_MATCHES: Mapping[str, Callable[[Choosing, Seen, Question | None], bool]] = {
    "person": Choosing._person,
    "template": Choosing._template,
    "operator": Choosing._operator,
    "rule": Choosing._rule,
}
