"""What an alarm is: a stable code, how soon somebody has to look, constant words in two languages.

And what a look finds, which rings one or none.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How soon somebody has to look."""

    WARNING = "warning"
    """It works, and will not for long, or not as well as it should."""
    CRITICAL = "critical"
    """Something that was promised is not kept at this moment, or will not be within hours."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that can be wrong."""

    code: str
    severity: Severity
    text: str
    zh: str
    hint: str
    hint_zh: str
    stops: bool = False
    """Whether a process should be sent no requests while it rings: they would all fail."""


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at: what was found, and the alarm it rings."""

    what: str
    detail: str
    alarm: Alarm | None = None
    known: bool = True
    """False: it could not be looked at. Whatever kept it from that rings."""
