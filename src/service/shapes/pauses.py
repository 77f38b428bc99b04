"""Pauses: what of a consent rests."""

from pydantic import Field

from consent.words import Purpose
from service.shapes.shape import Digest, Id, Shape


class Rest(Shape):
    """What is to rest, or to go on: named purposes, or all."""

    purposes: list[Purpose] | None = Field(None, min_length=1)


class RestByCode(Rest):
    """The same on the word of a recovery code."""

    authorization: Id
    code: str = Field(min_length=1, max_length=100)


class Resting(Shape):
    """In force when this is answered."""

    authorization: Id
    changed: list[Purpose] = Field(description="What this call changed; empty if it was so before.")
    paused: list[Purpose] = Field(description="What rests now.")
    entry: Digest
