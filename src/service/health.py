"""Is it alive, and should it be sent requests: two questions that a supervisor asks, answered in codes."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.canonical import Json
from service import alarms
from service.facts import Facts

STARTING = "STARTING"
"""Before keys are loaded and the log has been held against its head."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes, or the codes of what stands against it (`docs/monitoring.md`)."""

    codes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the answer is yes."""
        return not self.codes

    @property
    def status(self) -> int:
        """As an HTTP status."""
        return 200 if self.ok else 503

    def to_json(self) -> Mapping[str, Json]:
        """For machines. Codes only: whoever may probe a service need not learn more about it."""
        return {"ok": self.ok, "codes": list(self.codes)}


def live() -> Answer:
    """This process answers. Nothing else: a database that is away is not mended by a restart."""
    return Answer()


def ready(facts: Facts | None) -> Answer:
    """Database of our shape, journal readable, clock right, disks not full. None: still starting.

    That keys are loaded and the log has started is not asked: without them there is no `Lookout`.
    """
    if facts is None:
        return Answer((STARTING,))
    return Answer(tuple(look.alarm.code for look in alarms.ringing(facts) if look.alarm and look.alarm.stops))
