"""What a bundle is about: a template, a person, an output or a period."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from audit import instant
from audit.errors import BadInput
from audit.instant import NotAnInstant


class PeriodMalformed(BadInput):
    """A text is no period."""

    code = "PERIOD_MALFORMED"
    zh = "期间格式不正确。"
    hint = "Write it as 2026-11-01T00:00:00Z/2026-12-01T00:00:00Z; the end is not part of it."
    hint_zh = "请写成 2026-11-01T00:00:00Z/2026-12-01T00:00:00Z（不含终点）。"


class Kind(StrEnum):
    """The words are in the log and in bundles: they never change meaning."""

    TEMPLATE = "template"
    PERSON = "person"
    OUTPUT = "output"
    PERIOD = "period"


@dataclass(frozen=True, slots=True)
class Period:
    """`[since, until)`."""

    since: datetime
    until: datetime

    @classmethod
    def parse(cls, text: str) -> Self:
        """Two instants with a slash between them (ISO 8601). Raises `PeriodMalformed`."""
        since, slash, until = text.partition("/")
        try:
            period = cls(instant.parse(since), instant.parse(until))
        except NotAnInstant as error:
            raise PeriodMalformed(str(error)) from None
        if not slash or period.since >= period.until:
            raise PeriodMalformed("a period begins before it ends")
        return period

    def has(self, at: datetime) -> bool:
        """Whether an instant is in it."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class About:
    """One of them, by its id; a period by its text."""

    kind: Kind
    id: str

    @property
    def period(self) -> Period | None:
        """The period it is about. Raises `PeriodMalformed`."""
        return Period.parse(self.id) if self.kind is Kind.PERIOD else None
