"""People, their keys, and what was decided about them."""

from typing import Annotated

from pydantic import Field

from consent.resemblances import State, What
from consent.words import Action, AgeBand, ProofLevel, Purpose, Role, Status
from service.shapes.shape import Digest, Id, Instant, Label, Shape

PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="Ed25519 public key, hex.")]


class Enrol(Shape):
    """Who somebody is to this tenant: how well that is known, and her age band. No name, no face."""

    proof: ProofLevel
    by: Label = Field(description="Who checked: an operator, a service.")
    how: Label = Field(description="In what way. Never a document number.")
    age: AgeBand


class Person(Shape):
    """An enrolled person."""

    id: Id
    proof: ProofLevel
    age: AgeBand
    enrolled_at: Instant
    entry: Digest = Field(description="Leaf hash of `PersonEnrolled`.")


class EnrolKey(Shape):
    """A public key of hers. The private half was made on her side and stays there."""

    key: PublicKey


class PersonKey(Shape):
    """A key of hers, valid from `since` until `until`."""

    key: str
    method: str
    since: Instant
    until: Instant | None


class Asked(Shape):
    """One decision that named her."""

    decision: Id
    at: Instant
    action: Action
    stage: str
    answer: str
    until: Instant | None
    role: Role
    requester: str
    template: str | None
    authorization: str | None
    purposes: list[Purpose]
    rules: list[str]
    entry: str


class Event(Shape):
    """Something that happened to an authorization."""

    kind: str
    at: Instant
    by: str
    entry: Digest


class Signed(Shape):
    """One authorization of hers, and how it stands."""

    authorization: Id
    received_at: Instant
    status: dict[Purpose, Status]
    disputed: bool
    events: list[Event]


class Searched(Shape):
    """One search among the protected that was about her face, without the other's."""

    search: Id
    at: Instant
    what: What
    role: str = Field(description="searched: hers was compared. resembled: another face resembles hers.")
    state: State
    entry: Digest


class TurnedAway(Shape):
    """Somebody named her beyond the limits, and was refused; she was compared with nothing."""

    at: Instant
    requester_day: bool = Field(description="Too many named in a day; else too many for one source.")


class Inbox(Shape):
    """Everything this tenant has about her, except the sealed log itself. Newest first."""

    person: Id
    references: int
    asked: list[Asked]
    signed: list[Signed]
    searches: list[Searched]
    turned_away: list[TurnedAway]
