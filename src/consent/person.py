"""Who can agree: a random id per tenant, how well it is known who she is, and whether she is of age."""

from dataclasses import dataclass
from datetime import datetime

from consent.words import AgeBand, ProofLevel


@dataclass(frozen=True, slots=True)
class Proof:
    """How it is known that the enrolled person is who signs."""

    level: ProofLevel
    by: str
    """Id of who checked: an operator, a service, or the person herself."""
    how: str
    """In what way: `demo`, `video call`, `national network identity`. Never a document number."""


@dataclass(frozen=True, slots=True)
class Person:
    """A data subject in one tenant. Another tenant knows her, if at all, by another id."""

    tenant: str
    id: str
    proof: Proof
    age: AgeBand
    enrolled_at: datetime
    entry: str
    """Leaf hash of `PersonEnrolled`, or of the last `PersonProved`."""


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A public key of hers, valid in `[since, until)`."""

    person: str
    key: str
    method: str
    since: datetime
    until: datetime | None
