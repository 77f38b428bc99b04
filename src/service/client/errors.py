"""What a call ends in when it doesn't end in an answer."""

import re

import httpx
from pydantic import ValidationError

from audit.errors import BadInput
from service.shapes import problem as shapes

_CODE = re.compile(r"[A-Z0-9_]{1,64}")


class Unreachable(Exception):
    """No answer, however often it was tried. Whether the request took effect is not known: send the same
    `Call` again, its Idempotency-Key sees to the rest.
    """


class Damaged(Exception):
    """A file arrived whole, and is not the one that was announced."""


class FileShortened(BadInput):
    """A file that became shorter while it was being sent."""

    code = "FILE_SHORTENED"
    zh = "文件在发送过程中变短。"
    hint = "Send a file that nobody writes to meanwhile: a copy, say."
    hint_zh = "请发送不会被同时改写的文件，例如其副本。"


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


def of(response: httpx.Response) -> Problem:
    """The error of a response that is none of the expected ones. Its body must be read."""
    code = response.headers.get("X-Problem-Code", "")
    if response.request.method == "HEAD" and _CODE.fullmatch(code):
        return _bare(response.status_code, code)
    try:
        return Refused(shapes.Refused.model_validate_json(response.content))
    except ValidationError:
        pass
    try:
        return Problem(shapes.Problem.model_validate_json(response.content))
    except ValidationError:
        return unknown(response.status_code)


def _bare(status: int, code: str) -> Problem:
    said = shapes.Problem(
        type=f"urn:consentry:error:{code}",
        title="An answer without a body.",
        status=status,
        code=code,
        detail="HEAD tells the code alone",
    )
    return Problem(said)


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
