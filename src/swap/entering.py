"""What is answered to a template on its way in."""

from dataclasses import dataclass

from consent.permit import Decision
from swap.cases import Verdict
from swap.scan import Scan


@dataclass(frozen=True, slots=True)
class Announced:
    """The answer to an announcement, and the template it opened if it was yes."""

    decision: Decision
    template: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a scan came to. Without `verdicts` nobody was recognised: the gate or the count said no."""

    decision: Decision
    scan: Scan | None
    verdicts: tuple[Verdict, ...] | None
