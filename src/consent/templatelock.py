"""What the gate must know of a template, and the lock on it. `swap` implements it; the gate asks first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlmodel import Session


@dataclass(frozen=True, slots=True)
class TemplateState:
    """A video template at one instant."""

    frozen: bool
    """Withdrawal, dispute, injunction or takedown stopped it (G-37)."""
    media_digest: str | None
    """SHA-256 of its normalised re-mux. None before admission."""
    taken_in: bool = False
    """A permit to take the video in came before anything was done with it (G-52)."""
    marked: bool = False
    """What was received carries marks of generated or altered content (G-03)."""
    delete_after: datetime | None = None
    """When its bytes must go; None: not bound to a date."""

    def overdue(self, now: datetime) -> bool:
        """Whether it has reached its date, and is only not purged yet (G-39)."""
        return self.delete_after is not None and now >= self.delete_after


class TemplateLock(Protocol):
    """The first lock in the one order: template, authorizations by id, permit, counters."""

    def lock(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        """Take it `FOR SHARE` until the commit, then read it in a later statement. None: unknown here.

        Whoever freezes a template takes the same row `FOR UPDATE`. SQLite's write sessions hold the
        one lock there is already.
        """
        ...

    def look(self, session: Session, tenant: str, template: str) -> TemplateState | None:
        """The same without a lock, for an answer that leads to nothing."""
        ...
