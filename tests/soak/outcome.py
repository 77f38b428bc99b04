"""What a soak was meant to be, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from soak.journal import Journal
from soak.vitals import Vitals


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how many, how rough."""

    seconds: float
    clients: int
    workers: int
    kill_every: float
    """Seconds between two kills of a worker, on average."""
    kills: int = 1000
    """At most so many of them."""
    calm: float = 0.4
    """The last part of the time, in which nobody is killed: so that a worker lives to be looked at."""
    serve_dies_at: float | None = 0.1
    """The part of the time after which the API is killed, once."""
    think: float = 1.0
    """Seconds that a client waits between two things, on average."""
    clips: int = 6
    """Of how many videos the bytes differ."""
    sample_every: float = 5.0
    seed: int = 20261122

    @property
    def steady_from(self) -> float:
        """Seconds after which memory has to be flat: the killed API is back, and warm."""
        return 0.3 * self.seconds


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    journal: Journal
    vitals: Vitals
    seconds: float = 0.0
    broken: dict[str, list[str]] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    """Processes, in the order in which they were."""
    exits: Mapping[str, int | None] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    """Files in passing folders, at the end."""
    did: Mapping[str, int] = field(default_factory=dict)
    """How often clients did what."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Entries of the log."""
    jobs: Mapping[str, int] = field(default_factory=dict)
    """Swaps, by how they ended."""
