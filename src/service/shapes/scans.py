"""Scans: work that a worker does, followed like a swap."""

from pydantic import Field

from service.shapes.problem import Objection
from service.shapes.shape import Id, Instant, Shape
from swap.scans import State


class Scan(Shape):
    """A scan on its way. `done` and `failed` are final; done may have been answered with a no."""

    scan: Id
    template: Id
    requester: str
    state: State
    attempt: int
    done: int = Field(description="Frames of this attempt, as of a second or so ago.")
    total: int | None
    asked_at: Instant
    decision: Id | None = Field(description="The gate's last answer, once the scan is done.")
    answer: str | None = Field(description="permit, hold or refusal.")
    objections: list[Objection]
    error: str | None = Field(description="A code of the error catalogue, once it failed.")
