"""Column types every room's tables use, the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, TypeDecorator
from sqlalchemy.types import TypeEngine

from audit import instant

SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")
"""A number the database hands out. SQLite does so only for a key spelled exactly INTEGER."""


class Instant(TypeDecorator[datetime]):
    """An instant: aware going in, aware UTC coming out, to the microsecond.

    PostgreSQL keeps `timestamptz`. SQLite keeps RFC 3339 text of fixed width, which sorts and
    compares as time does. A datetime without a zone raises `audit.instant.NotAnInstant`.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        text = instant.exact(value)
        return text if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return instant.parse(value)
        # PostgreSQL answers in the session's zone: the same instant, said differently.
        return cast(datetime, value).astimezone(UTC)


class Digest(String):
    """A SHA-256 digest: 64 lower-case hex digits."""

    def __init__(self) -> None:
        super().__init__(64)


class Identifier(String):
    """An id from `audit.ids.fresh`: 32 lower-case hex digits."""

    def __init__(self) -> None:
        super().__init__(32)
