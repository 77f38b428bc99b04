"""Donors and swaps: what is asked for, and how it goes."""

from pydantic import Base64Bytes, Field

from service.shapes.decisions import Permitted
from service.shapes.problem import Objection
from service.shapes.shape import Id, Instant, Shape
from service.shapes.use import Use
from swap.orders import Progress


class Donate(Shape):
    """A face to be put in, for one template."""

    person: Id = Field(description="Who is on the photo.")
    authorization: Id = Field(description="Her consent as a donor.")
    photo: Base64Bytes = Field(description="One face, upright: JPEG, PNG or WebP, base64.")
    is_self: bool = Field(description="The one who asks is the donor.")


class Donated(Permitted):
    """The photo is kept for its job, 24 hours at the longest."""

    donor: Id


class AskSwap(Shape):
    """One swap."""

    template: Id
    donor: Id = Field(description="As received for this template.")
    use: Use


class Asked(Permitted):
    """Permitted. A worker takes the job up: follow it at GET /v1/swaps/{job}."""

    job: Id


class Outcome(Shape):
    """How a job ended: with an output, with rules that refused it, or with an error."""

    output: Id | None = None
    rules: list[Objection] = Field(default_factory=list)
    error: str | None = Field(None, description="A code of the error catalogue.")


class Job(Shape):
    """A permitted swap on its way. `released`, `refused` and `failed` are final."""

    job: Id
    template: Id
    donor: Id
    decision: Id
    state: Progress
    attempt: int
    cancelled: bool
    done: int = Field(description="Frames of this attempt, as of a second or so ago.")
    total: int | None
    asked_at: Instant
    outcome: Outcome | None
