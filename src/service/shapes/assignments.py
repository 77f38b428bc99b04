"""Faces assigned by hand: the tracks there are, who is on which, and who confirmed it."""

from pydantic import Field

from service.shapes.shape import Digest, Id, Instant, Shape


class Track(Shape):
    """One face through one shot, and where it is to be seen best."""

    track: str
    shot: int
    first: int = Field(description="Index of the frame it is first seen in.")
    last: int
    frame: int = Field(description="Index of the frame in which it is largest.")
    box: tuple[float, float, float, float] = Field(description="Left, top, width, height there, in pixels.")
    weak: bool = Field(description="Perhaps no face at all; counts as one all the same.")


class Assign(Shape):
    """Who is on which track, all at once. A track that is left out, or null, is nobody's."""

    tracks: dict[str, Id | None] = Field(max_length=5000)


class Assignment(Shape):
    """The assignment in force, or what of it concerns the caller; null ids: there is none."""

    template: Id
    assignment: Id | None
    by: str | None
    at: Instant | None
    tracks: dict[str, Id | None]
    confirmed: int = Field(description="How many have confirmed it.")
    reviewed: bool = Field(description="Enough have: everybody on it herself, or two reviewers.")


class Confirm(Shape):
    """Which assignment is confirmed: one that was looked at."""

    assignment: Id


class Confirmed(Shape):
    """It is in the log."""

    entry: Digest
