"""What one report rests on, once the log was read: what its files are written from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from audit.checkpoint import Checkpoint
from service.reports.completeness import Completeness
from service.reports.register import Item
from service.reports.totals import Totals
from service.reports.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Facts:
    """One report."""

    wanted: Wanted
    by: str
    at: datetime
    checkpoint: Checkpoint
    items: Sequence[Item]
    totals: Totals
    completeness: Completeness
    lowered: Sequence[tuple[str, str, str]]
    """Settings that are lower than they can be: name, and what that means in both languages."""
