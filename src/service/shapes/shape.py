"""The base of everything on the wire: strict, frozen, with ids, digests and instants spelled in one way."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from audit import instant


class Shape(BaseModel):
    """Unknown fields are refused: one that is not understood might be a limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("before the year 1 or after 9999 in UTC") from None


Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="128 random bits, hex.")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, hex.")]
LINE = r"^[^\x00-\x1f\x7f]*$"
"""Without control characters: texts are shown on terminals, and PostgreSQL takes none with a zero byte."""
LINES = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
"""The same of several lines."""
Label = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
Instant = Annotated[
    AwareDatetime,
    AfterValidator(_utc),
    PlainSerializer(instant.exact, return_type=str, when_used="json"),
    Field(description="RFC 3339 in UTC."),
]
