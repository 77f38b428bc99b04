"""Verifying a released file: what was checked, and what was found."""

from typing import Literal

from pydantic import Base64Bytes, Field

from audit.verify import StepName
from service.shapes.shape import Digest, Shape

LARGEST_RECEIPT = 40_000
"""Bytes. A leaf is at most 64 KiB by its format; those of releases are some 2 KiB."""


class Verify(Shape):
    """A receipt, and a file that is held here."""

    receipt: Base64Bytes = Field(max_length=LARGEST_RECEIPT)
    sha256: Digest


class Step(Shape):
    """One thing that was checked. After a no nothing more is."""

    step: StepName
    ok: bool
    detail: str
    detail_zh: str


class Note(Shape):
    """What a yes does not say, or says only for a while."""

    detail: str
    detail_zh: str


class Verification(Shape):
    """As `consentry verify` answers, with the keys of this service. A stranger runs that, with his own."""

    verdict: Literal["verified", "refused"]
    steps: list[Step]
    notes: list[Note]
