"""The doctor: everything that can be wrong with a deployment, each looked at by itself.

A check that can't be made because another failed says so; none stops the rest.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from audit.canonical import Json
from audit.errors import ConsentryError, Diverged
from service import alarms
from service.alarm import Look, Severity
from service.checkup import Concern, NeedsOther, Patient


class Health(StrEnum):
    """How it is."""

    WELL = "ok"
    WARNING = "warning"
    FAULT = "fault"
    UNKNOWN = "unknown"
    """Not looked at, because what it needs is broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    health: Health
    detail: str
    code: str = ""
    zh: str = ""
    hint: str = ""
    hint_zh: str = ""
    diverged: bool = False
    """Stored data disagrees with itself: graver than something missing."""

    def to_json(self) -> Mapping[str, Json]:
        """For machines."""
        return {
            "what": self.what,
            "health": str(self.health),
            "detail": self.detail,
            "code": self.code,
            "detail_zh": self.zh,
            "hint": self.hint,
            "hint_zh": self.hint_zh,
        }


def examine(data: Path, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Look at everything, in an order in which causes come before what they cause."""
    with ExitStack() as opened:
        patient = Patient(data, clock, opened)
        seen = set()
        for what, check in patient.checks():
            seen.add(what)
            yield _look(what, check)
        # What was opened above was found fault with there, in more detail.
        yield from (_watched(look) for look in alarms.looks(patient.facts()) if look.what not in seen)


def _watched(look: Look) -> Finding:
    alarm = look.alarm
    if alarm is None:
        return Finding(look.what, Health.WELL if look.known else Health.UNKNOWN, look.detail)
    return Finding(
        look.what,
        Health.WARNING if alarm.severity is Severity.WARNING else Health.FAULT,
        f"{alarm.text} Found: {look.detail}",
        alarm.code,
        alarm.zh,
        alarm.hint,
        alarm.hint_zh,
    )


def _look(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, Health.WELL, check())
    except Concern as concern:
        return Finding(what, Health.WARNING, str(concern), "CONCERN", "可以运行，但需要留意。")
    except ConsentryError as error:
        return Finding(
            what,
            Health.FAULT,
            str(error),
            error.code,
            error.zh,
            error.hint,
            error.hint_zh,
            diverged=isinstance(error, Diverged),
        )
    except NeedsOther as missing:
        return Finding(what, Health.UNKNOWN, f"not looked at: {missing}")
    except Exception as error:  # noqa: BLE001  (a doctor who faints at one patient's oddity helps nobody)
        return Finding(what, Health.FAULT, f"{type(error).__name__}: {error}", "UNEXPECTED")
