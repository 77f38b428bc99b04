"""What can go wrong, as a small family: who erred decides the branch, the code names the fault.

A refusal is not an error: it is a value (`consent.permit.Refusal`). An error is misuse, bad input,
data that disagrees with itself, or a deployment that is not ready. Codes are stable: people
search for them, scripts branch on them, `docs/errors.md` lists them all (a test keeps it equal).
Messages say what is wrong and what was expected; they carry no name, face, embedding or score.
"""

from typing import ClassVar


class ConsentryError(Exception):
    """Base of every error that leaves one of our packages.

    A subclass sets `code` (stable), `zh` (the fault in Chinese), `hint` and `hint_zh` (what to do).
    The instance's message is English and says what was found and what was expected.
    """

    code: ClassVar[str] = "CONSENTRY"
    zh: ClassVar[str] = ""
    hint: ClassVar[str] = ""
    hint_zh: ClassVar[str] = ""


class BadInput(ConsentryError):
    """The caller handed in something that can't be used. Exit code 3."""


class Diverged(ConsentryError):
    """Stored data disagrees with itself or with what was signed. Exit code 4."""


class Unready(ConsentryError):
    """The deployment lacks something: a key, a model, disk, a sandbox. Exit code 5."""
