"""A statement of uses: what was made with her consent in a period, and what is owed for it.

Reckoned, not stored: from released outputs and from the terms she signed. Sums are whole numbers of a
currency's smallest unit and are never mixed. Where the terms don't give a sum, there is none: pay that is
only in words, and a share of takings nobody has stated, are listed as open, not as nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from audit import instant
from audit.canonical import Json
from consent.authorization import Authorization
from consent.payment import WHOLE, Basis, Payment
from consent.words import Purpose


class Open(StrEnum):
    """Why a line has no sum."""

    TAKINGS_NOT_STATED = "TAKINGS_NOT_STATED"
    IN_WORDS_ONLY = "IN_WORDS_ONLY"
    NO_TERMS = "NO_TERMS"


@dataclass(frozen=True, slots=True)
class Used:
    """One use: an output released under a permit that was redeemed and finished."""

    authorization: str
    purpose: Purpose
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """Uses of one purpose of one authorization, and one rule of pay on them."""

    authorization: str
    purpose: Purpose | None
    """None for what is paid once."""
    uses: int
    payment: Payment | None
    owed: int | None
    """Smallest units of the payment's currency; None: open."""
    due: date | None
    open: Open | None = None

    def json(self) -> dict[str, Json]:
        """For export: every field, null where there is none."""
        return {
            "authorization": self.authorization,
            "purpose": None if self.purpose is None else str(self.purpose),
            "uses": self.uses,
            "payment": None if self.payment is None else self.payment.json(),
            "owed": self.owed,
            "due": None if self.due is None else self.due.isoformat(),
            "open": None if self.open is None else str(self.open),
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """One person's, for `[since, until)`."""

    person: str
    since: datetime
    until: datetime
    lines: tuple[Line, ...]

    @property
    def totals(self) -> dict[str, int]:
        """What is owed, by currency. Open lines are not in it."""
        sums: Counter[str] = Counter()
        for line in self.lines:
            if line.payment is not None and line.owed is not None:
                sums[line.payment.currency] += line.owed
        return dict(sorted(sums.items()))

    def json(self) -> dict[str, Json]:
        """For export."""
        return {
            "v": 1,
            "person": self.person,
            "since": instant.exact(self.since),
            "until": instant.exact(self.until),
            "lines": [line.json() for line in self.lines],
            "totals": {**self.totals},
        }


def state(
    person: str,
    documents: Sequence[Authorization],
    used: Iterable[Used],
    *,
    since: datetime,
    until: datetime,
    takings: Mapping[tuple[str, Purpose], int] | None = None,
) -> Statement:
    """Reckon it. `documents` are all of hers, ended ones too: what was used is owed.

    `takings` are what the operator took in, by authorization and purpose, in the smallest units of the
    rule's currency. A share is rounded down to a whole unit.
    """
    counts: Counter[tuple[str, Purpose]] = Counter(
        (one.authorization, one.purpose) for one in used if since <= one.at < until
    )
    lines: list[Line] = []
    for document in sorted(documents, key=lambda d: d.id):
        rules = sorted(document.scope.particulars.payment, key=lambda rule: rule.key)
        paid_for = {rule.purpose for rule in rules}
        lines += [_flat(document, rule) for rule in rules if _begins(document, rule, since, until)]
        for purpose in sorted(document.scope.purposes):
            uses = counts[document.id, purpose]
            lines += [
                _line(document.id, rule, uses, until, (takings or {}).get((document.id, purpose)))
                for rule in rules
                if rule.purpose is purpose and (uses or rule.basis is Basis.SHARE)
            ]
            if uses and purpose not in paid_for:
                why = Open.IN_WORDS_ONLY if document.scope.compensation else Open.NO_TERMS
                lines.append(Line(document.id, purpose, uses, None, None, None, why))
    return Statement(person, since, until, tuple(lines))


def _begins(document: Authorization, rule: Payment, since: datetime, until: datetime) -> bool:
    return rule.basis is Basis.FLAT and since <= document.scope.term.start < until


def _flat(document: Authorization, rule: Payment) -> Line:
    return Line(document.id, None, 0, rule, rule.amount, _due(document.scope.term.start, rule))


def _line(authorization: str, rule: Payment, uses: int, until: datetime, takings: int | None) -> Line:
    due = _due(until, rule)
    if rule.basis is Basis.PER_USE:
        return Line(authorization, rule.purpose, uses, rule, uses * rule.amount, due)
    if takings is None:
        return Line(authorization, rule.purpose, uses, rule, None, None, Open.TAKINGS_NOT_STATED)
    return Line(authorization, rule.purpose, uses, rule, takings * rule.basis_points // WHOLE, due)


def _due(after: datetime, rule: Payment) -> date:
    # A period may be asked for up to the last day there is.
    return date.fromordinal(min(after.date().toordinal() + rule.due_days, date.max.toordinal()))
