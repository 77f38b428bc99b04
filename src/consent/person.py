"""Who can agree: a random id per tenant, how well it is known who she is, and whether she is of age."""

from dataclasses import dataclass
from datetime import datetime

from consent.age import Ages
from consent.words import AgeBand, ProofLevel


@dataclass(frozen=True, slots=True)
class Proof:
    """How it is known that the enrolled person is who signs."""

    level: ProofLevel
    by: str
    """Id of who checked: an operator, a service, or the person herself."""
    how: str
    """In what way: `demo`, `video call`, `national network identity`. Never a document number."""
    attested_by: str | None = None
    """Public key of the proofing service that signed for it. None: it is the operator's word, unsigned."""
    attested_at: datetime | None = None
    """When it was received here, signed or not: see `consent.vouching`."""


@dataclass(frozen=True, slots=True)
class Person:
    """A data subject in one tenant. Another tenant knows her, if at all, by another id."""

    tenant: str
    id: str
    proof: Proof
    """As recorded. What it is worth now, `consent.proofservices` and a `Standing` say."""
    age: AgeBand
    """As checked. `ages.at` says what it is now."""
    enrolled_at: datetime
    entry: str
    """Leaf hash of the entry that says all this: `PersonEnrolled`, or what has changed it last."""
    ages: Ages
    deceased_at: datetime | None = None
    """When we were told that she has died, not when she did."""

    def age_at(self, now: datetime) -> AgeBand:
        """Her band at `now`; that of the dead stays as it was."""
        return self.ages.at(now if self.deceased_at is None else min(now, self.deceased_at))


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A public key of hers, valid in `[since, until)`."""

    person: str
    key: str
    method: str
    since: datetime
    until: datetime | None
