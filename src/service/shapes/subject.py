"""A person's rights: refusals, protection, petitions, corrections, erasure."""

from typing import Annotated, Literal

from pydantic import Base64Bytes, Field

from consent.petitions import Kind, Outcome
from consent.resemblances import State, What
from consent.words import AgeBand, ProofLevel
from service.shapes.shape import LINES, Digest, Id, Instant, Label, Shape

Words = Annotated[str, Field(min_length=1, max_length=2000, pattern=LINES)]


class Refuse(Shape):
    """A source (SHA-256) or a work (its label) that must not be used."""

    kind: Literal["source", "work"]
    value: Label


class Refusal(Shape):
    """An entry of the refusal list."""

    refusal: Id
    kind: str
    value: str
    by: str
    at: Instant
    ended_at: Instant | None
    entry: Digest


class DrawUpProtection(Shape):
    """On which consent of hers a protection is to rest, and how long."""

    authorization: Id
    until: Instant


class ProtectionDraft(Shape):
    """What she reads and signs. Nothing is protected by it."""

    document: str = Field(description="Base64. What is signed is in docs/protection.md.")
    statement: str = Field(description="To be shown word for word; its digest is in the document.")


class Protect(Shape):
    """Her signed wish."""

    document: Base64Bytes
    evidence: Base64Bytes


class Protection(Shape):
    """A protection of hers."""

    protection: Id
    authorization: Id
    received_at: Instant
    until: Instant
    ended_at: Instant | None
    entry: Digest


class Resemblance(Shape):
    """A face that is held, for the two who look at it."""

    resemblance: Id
    person: Id
    found: Id | None
    what: What
    state: State
    at: Instant
    entry: Digest


class Release(Shape):
    """Why the two are two."""

    reason: Label


class Ask(Shape):
    """What she asks about her own data."""

    kind: Kind
    text: str = Field("", max_length=2000, pattern=LINES)


class Petition(Shape):
    """A petition, and its answer."""

    petition: Id
    person: Id
    kind: Kind
    asked_at: Instant
    due_at: Instant
    entry: Digest
    answered_at: Instant | None
    outcome: Outcome | None
    answer: Digest | None
    text: str
    reasons: str


class Answer(Shape):
    """How it is answered, and why."""

    outcome: Outcome
    reasons: Words


class Correct(Shape):
    """How well she is known and her age band, by new evidence."""

    proof: ProofLevel
    by: Label
    how: Label
    age: AgeBand
    evidence: Digest = Field(description="SHA-256 of what shows it. The evidence itself stays outside.")


class Restricted(Shape):
    """Nothing rests on these until they are settled."""

    authorizations: list[Id]


class Stays(Shape):
    """One thing about her that stays, until when, and on what ground."""

    what: str
    until: Instant | None
    ground: str


class Recipient(Shape):
    """A bundle that opens something of hers, in the hands of whom it was made for: he is to be told."""

    bundle: Digest = Field(description="SHA-256 of the zip.")
    about: str = Field(description="template, person, output or period.")
    by: str = Field(description="Who had it made.")
    at: Instant
    entry: Digest


class ErasedPart(Shape):
    """One part of a log entry about her that nobody opens any more."""

    index: int | None = Field(description="Of the entry in the log; null while it waits for its place.")
    entry: Digest
    part: int = Field(description="Its position in the leaf.")


class Erased(Shape):
    """What went, and what stays and why."""

    person: Id
    at: Instant
    gone: list[str]
    stays: list[Stays]
    recipients: list[Recipient] = Field(
        description="Bundles with her in them. Who has one is told of her erasure (GDPR art. 19)."
    )
    keys: str = Field(description="Which of her keys are left: all, evidence or none.")
    step: str = Field(
        description="How far those are whose turn it is: due, dropped, destroyed; done, when no copy of them "
        "opens any more. A legal hold keeps it at due or dropped."
    )
    parts: int = Field(
        description="Parts of log entries about her that went with the keys whose turn it was last."
    )
    places: list[ErasedPart] | None = Field(
        description="Which parts of hers nobody opens any more: for her, and in no entry. Null once her last "
        "key went, or where it is damaged: then nobody can tell."
    )
    entry: Digest


class PlaceHold(Shape):
    """Why her data must not be destroyed."""

    order: Digest = Field(description="SHA-256 of the claim or order. The document itself stays outside.")


class EndHold(Shape):
    """Why it ends."""

    reason: Label


class LegalHold(Shape):
    """That her data must not be destroyed for now."""

    hold: Id
    person: Id
    at: Instant
    ended_at: Instant | None
    entry: Digest
