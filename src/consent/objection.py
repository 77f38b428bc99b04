"""One rule that stood against a case, in words a person can act on."""

from dataclasses import dataclass
from enum import StrEnum

WORK = "work"
"""What an objection is about when it is about the work as a whole."""


class Severity(StrEnum):
    """Whether two people may lift it."""

    DENY = "deny"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Objection:
    """Which rule, on what ground, about whom, and what would cure it."""

    rule: str
    """The rule's id, or the stable code of a refused redemption. In the log for good."""
    citation: str
    message: str
    message_zh: str
    severity: Severity
    cure: str
    cure_zh: str
    about: str = WORK
    """A role, or `work`."""
    person: str | None = None
    """Whom it is about. None for the work as a whole."""
    detail: str = ""
    """For G-00: the missing field or the stable code of what failed. Never a name or a score."""


def rules_of(objections: tuple[Objection, ...]) -> tuple[str, ...]:
    """Their rule ids, each once, in order."""
    return tuple(sorted({objection.rule for objection in objections}))
