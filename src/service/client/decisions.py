"""Calls about decisions, holds and the policy."""

from service.client.call import Call, get, post
from service.shapes import decisions as shapes
from service.shapes.page import Page


def page(after: str | None = None, limit: int | None = None) -> Call[Page[shapes.Decision]]:
    """Decisions, newest first. Go on with `next`."""
    return get("/v1/decisions", Page[shapes.Decision], after=after, limit=limit)


def show(decision: str) -> Call[shapes.Decision]:
    """A decision."""
    return get(f"/v1/decisions/{decision}", shapes.Decision)


def lift(decision: str, reason: str) -> Call[shapes.Lifted | shapes.Lifting]:
    """Say that a hold may be lifted. It is, at the second operator's word."""
    asked = shapes.Lift(reason=reason)
    return post(f"/v1/decisions/{decision}/lifts", shapes.Lifted | shapes.Lifting, asked)


def policy() -> Call[shapes.Policy]:
    """The policy in force."""
    return get("/v1/policy", shapes.Policy)
