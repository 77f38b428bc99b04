"""What is answered instead: RFC 9457 problems, with the stable codes of `docs/errors.md`."""

from typing import Literal

from pydantic import Field

from service.shapes.shape import Instant, Shape


class Fault(Shape):
    """One field of a request that can't be used."""

    where: str
    message: str


class Problem(Shape):
    """An error. `code` is stable: branch on it."""

    type: str = Field(description="`urn:consentry:error:` and the code.")
    title: str
    status: int
    code: str
    detail: str
    title_zh: str = ""
    hint: str = ""
    hint_zh: str = ""
    request: str | None = Field(default=None, description="Id of the request, as our logs name it.")
    faults: list[Fault] = Field(default_factory=list)


class Objection(Shape):
    """A rule that stands against what was asked, its ground, and what would cure it."""

    rule: str
    about: str
    person: str | None
    severity: Literal["deny", "hold"]
    citation: str
    message: str
    message_zh: str
    cure: str
    cure_zh: str
    detail: str


class Refused(Problem):
    """The gate said no, or not yet. Logged like a yes: `entry` is its place in the log."""

    answer: Literal["refusal", "hold"]
    decision: str
    action: str
    stage: str
    rules: list[str]
    objections: list[Objection]
    policy: str
    entry: str
    until: Instant | None = Field(
        default=None, description="Of a hold: from then on it is a refusal. Two operators may lift it before."
    )
