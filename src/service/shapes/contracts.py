"""Contracts from before: kept, listed, and no ground for anything."""

from typing import Literal

from consent.words import Purpose
from service.shapes.shape import Digest, Id, Instant, Shape


class BringIn(Shape):
    """What somebody says a paper allows. The paper stays with him."""

    sha256: Digest
    person: Id | None = None
    purposes: tuple[Purpose, ...] = ()
    until: Instant | None = None


class Contract(BringIn):
    """As it was brought in. Ask her anew: nothing is permitted on this."""

    contract: Id
    status: Literal["unproven"] = "unproven"
    by: str
    at: Instant
    entry: Digest
