"""What a call ends in when it doesn't end in an answer."""

from pydantic import ValidationError

from service.shapes import problem as shapes


class Unreachable(Exception):
    """No answer, however often it was tried. Whether the request took effect is not known: send the same
    `Call` again, its Idempotency-Key sees to the rest.
    """


class Damaged(Exception):
    """A file arrived whole, and is not the one that was announced."""


class Problem(Exception):
    """The service answered with a problem. `said.code` is stable."""

    def __init__(self, said: shapes.Problem) -> None:
        super().__init__(f"{said.status} {said.code}: {said.detail}")
        self.said = said

    @property
    def code(self) -> str:
        """The stable code."""
        return self.said.code


class Refused(Problem):
    """The gate said no, or not yet: its rules, their ground, and what would cure them."""

    def __init__(self, said: shapes.Refused) -> None:
        super().__init__(said)
        self.said: shapes.Refused = said


def read(status: int, body: bytes) -> Problem:
    """The error of a response that is none of the expected ones."""
    try:
        return Refused(shapes.Refused.model_validate_json(body))
    except ValidationError:
        pass
    try:
        return Problem(shapes.Problem.model_validate_json(body))
    except ValidationError:
        return unknown(status)


def unknown(status: int) -> Problem:
    """What is none of our answers: a proxy's page, say, or a service of another version.

    Nothing of it is passed on: it may be long, and is not ours.
    """
    said = shapes.Problem(
        type="about:blank",
        title="An answer that is none of ours.",
        status=status,
        code="ANSWER_UNKNOWN",
        detail="expected what GET /openapi.json of this version says",
    )
    return Problem(said)
