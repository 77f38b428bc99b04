"""Cursors: where the last page ended, as text that says nothing to whoever holds it."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import NamedTuple

from audit import instant
from audit.errors import BadInput


class CursorInvalid(BadInput):
    """A cursor that was not made here."""

    code = "CURSOR_INVALID"
    zh = "分页游标无效。"
    hint = "Pass `next` of the page before unchanged, or begin without one."
    hint_zh = "请原样传入上一页的 `next`，或不带游标从头开始。"


class Place(NamedTuple):
    """After which item a page begins: those of the same instant are told apart by id."""

    at: datetime
    id: str


def written(place: Place) -> str:
    """A place as a cursor."""
    return urlsafe_b64encode(f"{instant.exact(place.at)} {place.id}".encode()).decode().rstrip("=")


def read(cursor: str | None) -> Place | None:
    """The place of a cursor. Raises `CursorInvalid`."""
    if cursor is None:
        return None
    try:
        at, _, name = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(" ")
        place = Place(instant.parse(at), name)
    except (binascii.Error, ValueError, instant.NotAnInstant):
        raise CursorInvalid("expected a cursor of an earlier page") from None
    # PostgreSQL takes no text with a zero byte, not even to compare with.
    if not name.isalnum():
        raise CursorInvalid("expected a cursor of an earlier page")
    return place
