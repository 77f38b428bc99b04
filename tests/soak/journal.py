"""What clients were answered, and when: the only memory that is not the service's own.

Instants are `time.monotonic()`, of one process. `begun` is taken before a request goes out, `ended` when its
answer is there: whatever began after an answer knew of it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

Stake = tuple[str, str]
"""An authorization, and a purpose of it."""


def stakes(authorization: str, *purposes: str) -> frozenset[Stake]:
    """What rests on an authorization for these purposes."""
    return frozenset((authorization, purpose) for purpose in purposes)


@dataclass(frozen=True, slots=True)
class Answered:
    """An HTTP answer, or with status 0 none."""

    operation: str
    status: int
    begun: float
    ended: float
    retry_after: bool = False
    code: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Somebody took consent back, and was told that it is in force."""

    ended_stakes: frozenset[Stake]
    entry: str
    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Permitted:
    """The gate said yes to somebody, freshly: no repeated answer."""

    what: str
    rests_on: frozenset[Stake]
    begun: float


@dataclass(frozen=True, slots=True)
class Served:
    """Bytes of an output left."""

    output: str
    rests_on: frozenset[Stake]
    begun: float
    size: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A swap was asked for under one Idempotency-Key. `job`: "" for a no, None where no answer came."""

    job: str | None
    rests_on: frozenset[Stake]
    repeats: tuple[str, ...] = ()
    """The jobs that repetitions of the same request named."""


@dataclass(slots=True)
class Journal:
    """Everything that all clients were answered."""

    answers: list[Answered] = field(default_factory=list)
    withdrawals: list[Withdrawn] = field(default_factory=list)
    permits: list[Permitted] = field(default_factory=list)
    served: list[Served] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    entries: set[str] = field(default_factory=set)
    """Leaf hashes that were answered."""
    outputs: dict[str, frozenset[Stake]] = field(default_factory=dict)
    """Outputs of which a client knows on what they rest."""
    surprises: list[str] = field(default_factory=list)
    """Answers that a client did not expect, in its own words."""

    def ended_before(self, rests_on: Collection[Stake], begun: float) -> Withdrawn | None:
        """The withdrawal that was answered before `begun` and took something of this away."""
        for one in self.withdrawals:
            if one.ended < begun and not one.ended_stakes.isdisjoint(rests_on):
                return one
        return None
