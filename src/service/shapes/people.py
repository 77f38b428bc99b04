"""People, their keys, and what was decided about them."""

from typing import Annotated

from pydantic import Field

from consent.keychanges import What as KeyChanged
from consent.requests import Extent, State
from consent.resemblances import State as SearchState
from consent.resemblances import What
from consent.words import Action, AgeBand, ProofLevel, Purpose, Role, Status
from service.shapes.shape import Digest, Id, Instant, Label, Shape

PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="Ed25519 public key, hex.")]

AnyKey = Annotated[
    str,
    Field(
        pattern=r"^([0-9a-f]{2}){32,600}$",
        description="A public key of hers, as enrolled: Ed25519, or a passkey's COSE key. Hex.",
    ),
]


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
    attested_by: str | None = Field(description="The proofing service's key; null: an operator's word.")
    age: AgeBand = Field(description="As of now.")
    fourteen_from: Instant | None
    adult_from: Instant | None
    deceased_at: Instant | None
    enrolled_at: Instant
    entry: Digest = Field(description="Leaf hash of the newest entry that says all this.")


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
    paused: list[Purpose]
    events: list[Event]


class ConsentRequest(Shape):
    """A request, and what became of it."""

    request: Id
    person: Id
    state: State
    statuses: dict[Purpose, Status] = Field(description="The word of DPV 2.3 for each purpose asked.")
    notice: Digest
    template: Id | None
    asked_by: str
    asked_at: Instant
    until: Instant
    authorization: Id | None = Field(description="What she signed: this, or what gives less.")
    extent: Extent | None
    declined: list[Purpose]
    closed_at: Instant | None
    entry: Digest = Field(description="Leaf hash of what happened to it last.")


class Reminder(Shape):
    """She was told that a consent of hers ends in so many days."""

    authorization: Id
    days: int
    until: Instant
    at: Instant
    entry: Digest


class Searched(Shape):
    """One search among the protected that was about her face, without the other's."""

    search: Id
    at: Instant
    what: What
    role: str = Field(description="searched: hers was compared. resembled: another face resembles hers.")
    state: SearchState
    entry: Digest


class TurnedAway(Shape):
    """Somebody named her beyond the limits, and was refused; she was compared with nothing."""

    at: Instant
    requester_day: bool = Field(description="Too many named in a day; else too many for one source.")


class KeyChange(Shape):
    """A key was enrolled as hers, or ended. One that is not hers: tell the operator, and the authorities."""

    key: str
    method: str
    what: KeyChanged
    at: Instant
    by: str = Field(description="Who enrolled or ended it, or issued the link that it came by.")
    entry: Digest


class Inbox(Shape):
    """Everything this tenant has about her, except the sealed log itself. Newest first."""

    person: Id
    references: int
    asked: list[Asked]
    signed: list[Signed]
    requests: list[ConsentRequest] = Field(description="What she was asked for.")
    reminders: list[Reminder] = Field(description="What was said to end soon.")
    keys: list[KeyChange] = Field(description="What became of her keys.")
    searches: list[Searched]
    turned_away: list[TurnedAway]
