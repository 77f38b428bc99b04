"""Calls about hooks: addresses that are told of events."""

from collections.abc import Collection

from service.client.call import Call, delete, get, post
from service.shapes import hooks as shapes
from swap.hooks import Event


def register(url: str, types: Collection[Event] = ()) -> Call[shapes.NewHook]:
    """Name an address; no types: all. Keep the secret, it is shown once."""
    return post("/v1/hooks", shapes.NewHook, shapes.Register(url=url, types=sorted(types) or None))


def every() -> Call[list[shapes.Hook]]:
    """All hooks, and what became of their events."""
    return get("/v1/hooks", list[shapes.Hook])


def events(hook: str) -> Call[list[shapes.Tiding]]:
    """The newest events of one."""
    return get(f"/v1/hooks/{hook}/events", list[shapes.Tiding])


def end(hook: str) -> Call[shapes.Hook]:
    """Tell it nothing more."""
    return delete(f"/v1/hooks/{hook}", shapes.Hook)
