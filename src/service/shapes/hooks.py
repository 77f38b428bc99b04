"""Hooks: addresses that are told of events."""

from pydantic import Field

from service.shapes.shape import LINE, Digest, Id, Instant, Shape
from swap.hooks import Event
from swap.tidings import State


class Register(Shape):
    """An address to be told."""

    url: str = Field(
        min_length=8, max_length=2000, pattern=LINE, description="https, on the public internet."
    )
    types: list[Event] | None = Field(None, min_length=1, description="Left out: all.")


class Hook(Shape):
    """An address, and how it goes there."""

    hook: Id
    url: str
    types: list[Event] = Field(description="Empty: all.")
    made_at: Instant
    ended_at: Instant | None
    counts: dict[State, int] = Field(description="Events of the last weeks, by what became of them.")


class NewHook(Shape):
    """A hook, with what its receiver checks signatures with."""

    hook: Id
    url: str
    types: list[Event]
    secret: str = Field(description="For `v1` (HMAC). Shown once.")
    public_key: str = Field(description="For `v1a` (Ed25519). The same for all hooks.")
    entry: Digest


class Tiding(Shape):
    """One event for one hook."""

    event: Id = Field(description="`webhook-id`: the same however often it is sent.")
    type: Event
    subject: str
    at: Instant
    state: State
