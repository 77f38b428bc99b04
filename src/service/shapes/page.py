"""Lists by pages: ask again with `next` until it is null."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field

from service.shapes.shape import Shape

Item = TypeVar("Item")

Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[str, Field(max_length=400, description="`next` of the page before.")]


class Page(Shape, Generic[Item]):
    """A part of a list, in a stable order."""

    items: list[Item]
    next: str | None
