"""What happened, before it is an entry: its kind, and a part for each subject it is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self, TypeAlias

from audit.canonical import Json

SubjectKind: TypeAlias = Literal["person", "tenant", "output"]
"""Whose keys seal a part. Facts about nobody are sealed for the tenant itself."""


class Seal(StrEnum):
    """Which of a subject's two keys seals a part; they die at different times.

    The words are in the database next to what they seal: they never change meaning.
    """

    OPS = "ops"
    """Detail of scans, matches and swaps. Dies when the subject is erased."""

    EVID = "evid"
    """Proof of consent and decision. Lives until the period for legal claims ends (GDPR 17(3)(e))."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a part is about. `id` is random, and another one in every tenant."""

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class Part:
    """What a fact says about one subject. Never an image, an embedding or a raw score."""

    subject: Subject
    seal: Seal
    payload: Mapping[str, Json]
    ending: bool = False
    """It ends something, which must not fail: with the subject's keys destroyed the tenant's seal it."""

    @classmethod
    def of_tenant(cls, tenant: str, payload: Mapping[str, Json]) -> Self:
        """Of a fact about nobody: the operator opens it, and no erasure takes it."""
        return cls(Subject("tenant", tenant), Seal.EVID, payload)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened, to be written in the transaction that made it true."""

    kind: str
    """Public: it stands in the leaf in the clear, as `Decided` or `OutputReleased`."""

    parts: tuple[Part, ...]

    refs: tuple[str, ...] = ()
    """Leaf hashes of entries this one follows from."""

    checkpoint: str | None = None
    """Digest of a checkpoint that was there before this fact: order proven by causality, not by clocks."""
