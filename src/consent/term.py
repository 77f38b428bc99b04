"""When a consent holds: `[start, end)` in UTC. A date means 00:00 in her zone, which the notice shows."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from audit import instant
from audit.canonical import Json
from consent.errors import DocumentMalformed, ScopeTerm
from consent.strict import Fields

LONGEST = timedelta(days=3653)
"""Ten years: nothing longer is registered, whatever a tenant accepts (SPC 2021/15 art. 11)."""


@dataclass(frozen=True, slots=True)
class Term:
    """The term of a consent. Renewing is a new consent."""

    start: datetime
    end: datetime
    """First instant at which it no longer holds."""
    zone: str
    """IANA name of the zone in which she was shown the dates."""
    notice_days: int = 0
    """Days of notice to end the *portrait licence* (Civil Code art. 1022). Withdrawing consent to the
    processing takes effect at once all the same (PIPL art. 15)."""

    def __post_init__(self) -> None:
        _zone(self.zone)
        if not self.start < self.end:
            raise ScopeTerm("term: expected the end after the start")
        if self.end - self.start > LONGEST:
            raise ScopeTerm(f"term: expected at most {LONGEST.days} days")
        if timedelta(days=self.notice_days) >= self.end - self.start:
            raise ScopeTerm("term: expected a notice period shorter than the term")

    @classmethod
    def of_dates(cls, start: date, end: date, zone: str, *, notice_days: int = 0) -> "Term":
        """From 00:00 of `start` to 00:00 of `end` in `zone`."""
        there = _zone(zone)
        first, last = (datetime.combine(day, time(), there).astimezone(UTC) for day in (start, end))
        return cls(first, last, zone, notice_days)

    @classmethod
    def from_json(cls, fields: Fields) -> "Term":
        """Read and close `fields`. Raises `DocumentMalformed`, `ScopeTerm`."""
        term = cls(
            fields.instant("start"), fields.instant("end"), fields.text("zone"), fields.count("notice_days")
        )
        fields.end()
        return term

    def json(self) -> dict[str, Json]:
        """As it is signed."""
        return {
            "start": instant.exact(self.start),
            "end": instant.exact(self.end),
            "zone": self.zone,
            "notice_days": self.notice_days,
        }

    def holds(self, now: datetime) -> bool:
        """Whether `now` lies in the term."""
        return self.start <= now < self.end


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DocumentMalformed(f"zone: expected an IANA time zone name, not {name!r:.40}") from None
