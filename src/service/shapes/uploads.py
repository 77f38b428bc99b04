"""Uploads in parts."""

from pydantic import Field

from service.shapes.shape import Id, Instant, Shape


class Begin(Shape):
    """How many bytes will come."""

    size: int = Field(ge=1, le=2**53)


class Upload(Shape):
    """An upload: send bytes with PATCH from `offset` on, ask with HEAD, end with POST .../completion."""

    upload: Id
    template: Id
    size: int
    offset: int
    delete_after: Instant = Field(description="Unless more bytes come.")
