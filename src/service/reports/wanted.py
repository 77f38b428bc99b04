"""What a report is asked for: a period in whole UTC minutes, and filters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from audit import instant
from audit.canonical import Json
from audit.errors import BadInput
from audit.instant import NotAnInstant


class ReportPeriodWrong(BadInput):
    """Two texts are no period, or one that ends before it begins."""

    code = "REPORT_PERIOD_WRONG"
    zh = "报告期间无效。"
    hint = "Write days (2026-11-01) or whole minutes (2026-11-01T08:00Z); the end is not part of it."
    hint_zh = "请写日期（2026-11-01）或整分钟（2026-11-01T08:00Z）；终点不含在内。"


@dataclass(frozen=True, slots=True)
class Period:
    """`[since, until)`. The log is public by the minute, so nobody can ask for less. None: no bound."""

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(cls, since: str | None, until: str | None, zone: str = "UTC") -> "Period":
        """A bound is an instant, or a day, which means 00:00 in `zone`. Raises `ReportPeriodWrong`."""
        try:
            there = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ReportPeriodWrong(f"zone: expected an IANA time zone name, not {zone!r:.40}") from None
        first, last = (None if text is None else _bound(text, there) for text in (since, until))
        if first is not None and last is not None and first >= last:
            raise ReportPeriodWrong("a period begins before it ends")
        return cls(first, last)

    def has(self, minute: datetime) -> bool:
        """Whether a minute of the log is in it."""
        return (self.since is None or self.since <= minute) and (self.until is None or minute < self.until)

    @property
    def text(self) -> str:
        """ISO 8601, an open end as two dots."""
        ends = (".." if end is None else instant.minute(end) for end in (self.since, self.until))
        return "/".join(ends)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One report. Several filters: entries that all of them let through."""

    period: Period = Period()
    person: str | None = None
    template: str | None = None
    operator: str | None = None
    """Who asked, as it stands in decisions: an operator's label, or the name of an API key."""
    rule: str | None = None

    @property
    def filters(self) -> Mapping[str, str]:
        """Those that are set, by kind."""
        named = {
            "person": self.person,
            "template": self.template,
            "operator": self.operator,
            "rule": self.rule,
        }
        return {kind: value for kind, value in named.items() if value is not None}

    def json(self) -> dict[str, Json]:
        """As a manifest tells of it."""
        return {"period": self.period.text, "filters": dict(self.filters)}


def _bound(text: str, zone: ZoneInfo) -> datetime:
    try:
        if "T" not in text.upper():
            return datetime.combine(date.fromisoformat(text), time(), zone).astimezone(UTC)
        at = instant.parse(text)
    except (ValueError, OverflowError, NotAnInstant):
        raise ReportPeriodWrong(f"neither a day nor an instant: {text!r:.40}") from None
    if at.second or at.microsecond:
        raise ReportPeriodWrong(f"entries are known to the minute: {text!r:.40}")
    return at
