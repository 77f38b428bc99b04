"""Decisions: what the gate answered, for the ones who may read all of it."""

from pydantic import Field

from consent.words import Action, ProofLevel
from service.shapes.problem import Objection
from service.shapes.shape import LINES, Digest, Id, Instant, Shape


class Permitted(Shape):
    """The gate's permit. Only the service redeems it, for the work it was asked for."""

    decision: Id
    action: Action
    proof: ProofLevel | None = Field(description="The lowest level of proof among the people.")
    policy: Digest
    entry: Digest


class Decision(Shape):
    """A decision as it stands in the files."""

    decision: Id
    follows: str | None
    action: Action
    stage: str
    answer: str
    rules: list[str]
    objections: list[Objection]
    lifted: list[str]
    policy: Digest
    proof: ProofLevel | None
    at: Instant
    until: Instant | None
    closed: str | None
    requester: str
    template: str | None
    entry: Digest


class Lift(Shape):
    """Why a hold may be lifted. Two operators must say so, each with a key of his own."""

    reason: str = Field(min_length=3, max_length=1000, pattern=LINES)


class Lifted(Permitted):
    """The permit that two operators made of a hold."""

    job: Id | None = Field(description="Of a swap: the job that began.")


class Lifting(Shape):
    """The first of two said so; nothing is lifted yet."""

    decision: Id
    waiting_for: str = "a second operator"


class Forecast(Shape):
    """What the gate would answer now. A dry run: nothing was decided, and nothing may rest on it."""

    answer: str
    rules: list[str]
    objections: list[Objection]


class Rule(Shape):
    """A rule of the policy in force."""

    id: str
    citation: str
    message: str
    message_zh: str
    severity: str


class Policy(Shape):
    """The policy in force, by its digest."""

    digest: Digest
    rules: list[Rule]
