"""What a period comes to: counts, overrides and alarms, gathered line by line."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from audit.canonical import Json
from consent.docket import Answer
from service.reports.rows import Row

SHOWN = 500
"""So many lines, overrides and alarms are kept for the printed report; the files have all of them."""


@dataclass(slots=True)
class Totals:
    """Of the lines that were written. Its memory does not grow with them."""

    rows: int = 0
    gone: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By action, stage and answer."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By rule: how often it stood against something. One refusal may count under several."""
    alarms: Counter[str] = field(default_factory=Counter)
    lifts: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By rule, and by how many people lifted it."""
    purposes: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    recipients: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    territories: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    data: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    questions: Counter[str] = field(default_factory=Counter)
    lines: list[Row] = field(default_factory=list)
    overridden: list[Row] = field(default_factory=list)
    alarmed: list[Row] = field(default_factory=list)

    def see(self, row: Row) -> None:
        """Count a line."""
        self.rows += 1
        self.gone += row.parts_gone
        self.kinds[row.kind] += 1
        self.operations[row.operation] += 1
        if row.answer:
            self.answers[row.action, row.stage, row.answer] += 1
        if row.answer == Answer.REFUSAL or row.kind == "RedemptionRefused":
            self.refusals.update(row.rules)
        self.alarms.update(row.alarms)
        if row.hands:
            self.lifts.update((rule, row.hands) for rule in row.lifted)
        if row.kind == "Decided" and row.answer == Answer.PERMIT:
            self._permitted(row)
        if row.question:
            self.questions[row.question] += 1
        _keep(self.lines, row)
        if row.hands:
            _keep(self.overridden, row)
        if row.alarms:
            _keep(self.alarmed, row)

    def _permitted(self, row: Row) -> None:
        # Only what was permitted was processed: a refused use has no recipients.
        self.purposes.update(row.purposes)
        self.roles.update(row.roles)
        self.recipients.update({row.platform, row.recipient} - {""})
        self.engines.update({f"{row.engine} {row.engine_version}".strip()} - {""})
        self.territories.update(row.territories)
        self.bases.update(row.bases)
        self.data.update(row.data)
        self.modes.update({row.mode} - {""})

    def json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "rows": self.rows,
            "parts_gone": self.gone,
            "kinds": _counts(self.kinds),
            "operations": _counts(self.operations),
            "answers": [
                {"action": action, "stage": stage, "answer": answer, "count": count}
                for (action, stage, answer), count in sorted(self.answers.items())
            ],
            "refusals_by_rule": _counts(self.refusals),
            "overrides": [
                {"rule": rule, "hands": hands, "count": count}
                for (rule, hands), count in sorted(self.lifts.items())
            ],
            "alarms": _counts(self.alarms),
            "purposes": _counts(self.purposes),
            "roles": _counts(self.roles),
            "recipients": _counts(self.recipients),
            "engines": _counts(self.engines),
            "territories": _counts(self.territories),
            "bases": _counts(self.bases),
            "data": _counts(self.data),
            "modes": _counts(self.modes),
            "questions": _counts(self.questions),
        }


def _counts(counter: Counter[str]) -> dict[str, Json]:
    return dict(sorted(counter.items()))


def _keep(lines: list[Row], row: Row) -> None:
    if len(lines) < SHOWN:
        lines.append(row)


def capped(shown: Sequence[Row], whole: int) -> int:
    """How many of `whole` are not shown."""
    return whole - len(shown)
