"""Instants: always UTC, always aware; intervals half-open `[from, until)`."""

from datetime import UTC, datetime

from audit.errors import BadInput


class NotAnInstant(BadInput):
    """A text or datetime is not an instant in UTC."""

    code = "NOT_AN_INSTANT"
    zh = "时间格式不正确，应为 UTC 时间。"
    hint = "Write it as 2026-11-22T08:00:00Z (RFC 3339, in UTC)."
    hint_zh = "请写成 2026-11-22T08:00:00Z（RFC 3339，UTC）。"


def exact(at: datetime) -> str:
    """RFC 3339 with microseconds, for what is sealed or signed: `2026-11-22T08:00:00.000000Z`."""
    return _utc(at).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def minute(at: datetime) -> str:
    """RFC 3339 cut to the minute, for what is published: a second would link people to outputs."""
    return _utc(at).isoformat(timespec="minutes").removesuffix("+00:00") + "Z"


def parse(text: str) -> datetime:
    """An instant from RFC 3339 text with a zone. Raises `NotAnInstant`."""
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise NotAnInstant(f"not an RFC 3339 instant: {text!r:.40}") from None
    return _utc(at)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise NotAnInstant("an instant without a time zone")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise NotAnInstant("an instant before the year 1 or after 9999 in UTC") from None
