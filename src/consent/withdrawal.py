"""What a withdrawal is, who may make it, and what it sets off elsewhere."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlmodel import Session

from consent.words import Purpose, Status


class How(StrEnum):
    """By which way an event came to us. It is in the log: the words never change meaning."""

    OWN_SESSION = "own-session"
    RECOVERY_CODE = "recovery-code"
    REPRESENTATIVE = "representative"
    OPERATOR = "operator"
    AUTHORITY = "authority"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class By:
    """Who did it. The edge has authorised the caller already; this is what it found."""

    how: How
    actor: str
    """A random id: the person's own, an operator's, a case number's digest. Never a name."""

    @classmethod
    def signing(cls, signer: str, person: str) -> "By":
        """Who signed for `person`: she herself, or who acts for her."""
        return cls(How.OWN_SESSION if signer == person else How.REPRESENTATIVE, signer)

    @property
    def ended(self) -> Status:
        """The DPV word for a consent ended this way: by the person, by somebody else, by an authority."""
        if self.how is How.AUTHORITY:
            return Status.INVALIDATED
        if self.how in {How.OPERATOR, How.SYSTEM}:
            return Status.REVOKED
        return Status.WITHDRAWN


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The answer to a withdrawal, and to the same one again."""

    authorization: str
    purposes: frozenset[Purpose]
    """What this call ended; empty when all of it had ended before."""
    status: Status
    entry: str
    """Leaf hash of the chain's head: of this withdrawal, or of what had ended it before."""
    at: datetime


class WithdrawalEffect(Protocol):
    """What must happen with a withdrawal, in its transaction: templates freeze, permits die, duties appear.

    Implemented where those rows live (`swap`); must not commit, and must be safe to repeat.
    """

    def resting(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        """The templates that rest on it now, unlocked: asked again once the authorization is locked."""
        ...

    def lock(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        """Lock, in id order, the templates that rest on it; which. Called before the authorization is locked:

        the gate locks templates first, so the other order would deadlock with it.
        """
        ...

    def apply(
        self, session: Session, tenant: str, authorization: str, purposes: Collection[Purpose], now: datetime
    ) -> None:
        """Freeze, void and write duties. The authorization is locked and its state already says no."""
        ...


@dataclass(frozen=True, slots=True)
class Together:
    """Several effects as one, in order."""

    effects: Sequence[WithdrawalEffect]

    def resting(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        found = [effect.resting(session, tenant, authorization) for effect in self.effects]
        return frozenset().union(*found)

    def lock(self, session: Session, tenant: str, authorization: str) -> frozenset[str]:
        locked = [effect.lock(session, tenant, authorization) for effect in self.effects]
        return frozenset().union(*locked)

    def apply(
        self, session: Session, tenant: str, authorization: str, purposes: Collection[Purpose], now: datetime
    ) -> None:
        for effect in self.effects:
            effect.apply(session, tenant, authorization, purposes, now)


@dataclass(frozen=True, slots=True)
class Suspended:
    """Nothing rests on these until their persons say so anew."""

    ids: tuple[str, ...]
    """Each may confirm hers."""
    denied: tuple[str, ...]
    """Nothing could be sealed for these persons: the journal says no for good, and they grant anew."""
