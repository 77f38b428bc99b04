"""Claims: takedown requests and court orders; and appeals."""

from pydantic import Field

from service.shapes.shape import LINE, LINES, Digest, Id, Instant, Shape
from swap import appeals
from swap.claim import State as ClaimState
from swap.claim import Target, What


class RequestTakedown(Shape):
    """What anybody says who wants something taken down."""

    target_kind: Target = Field(description="output, template or file.")
    target: str = Field(pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$", description="An id; of a file its SHA-256.")
    statement: str = Field(
        min_length=20, max_length=4000, pattern=LINES, description="What is shown and why it must not be."
    )
    contact: str = Field(min_length=3, max_length=300, pattern=LINE, description="Kept sealed and apart.")
    good_faith: bool = Field(description="That it is stated in good faith; true, or nothing is done.")


class Requested(Shape):
    """What is told whoever asked: keep the id, it is what an answer and an appeal are about."""

    claim: Id
    state: ClaimState
    frozen: bool = Field(description="False: the same was rejected before, and is looked at unfrozen.")
    due_at: Instant | None
    entry: Digest


class Order(Shape):
    """A court's order, as an operator enters it."""

    target_kind: Target
    target: str = Field(pattern=r"^([0-9a-f]{32}|[0-9a-f]{64})$")
    document: Digest = Field(description="SHA-256 of the order's document.")


class Answer(Shape):
    """What an operator answers, with the reason."""

    confirm: bool
    reason: str = Field(min_length=3, max_length=2000, pattern=LINES)


class Lift(Shape):
    """Why an order no longer holds."""

    reason: str = Field(min_length=3, max_length=2000, pattern=LINES)


class Claim(Shape):
    """A claim as operators and auditors see it."""

    claim: Id
    kind: What
    target_kind: Target
    target: str
    document: Digest
    state: ClaimState
    freezes: bool
    received_at: Instant
    due_at: Instant | None
    decided_at: Instant | None
    reason: str | None
    entry: Digest


class Contact(Shape):
    """Who made a takedown request and what was stated; null once its date has come."""

    contact: str | None
    statement: str | None


class Appeal(Shape):
    """An appeal against a decision or against the answer to a claim."""

    about: appeals.About
    subject: Id
    ground: appeals.Ground


class AppealAnswer(Shape):
    """One operator's answer."""

    grant: bool
    reason: str = Field(min_length=3, max_length=2000, pattern=LINES)


class Said(Shape):
    """An answer that was given."""

    granted: bool
    reason: str
    at: Instant


class Appealed(Shape):
    """An appeal. Granted, it leads to a new request, which the gate decides anew."""

    appeal: Id
    about: appeals.About
    subject: Id
    ground: appeals.Ground
    state: appeals.State
    received_at: Instant
    due_at: Instant
    answers: list[Said]
