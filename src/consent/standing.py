"""How an authorization stands right now: what the gate asks the registry, as a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from sqlmodel import Session

from consent.authorization import Authorization
from consent.words import AgeBand, ProofLevel, Purpose, Status

Lock: TypeAlias = Literal["share", "update"] | None
"""`share` for whoever relies on the state until the commit, `update` for whoever changes it, None to look."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One authorization at one instant. Whatever is absent from its mappings is a no."""

    authorization: str
    person: str
    head: str
    """Leaf hash of the last event of its chain. A decision cites it; a later event changes it."""
    document: Authorization
    """As the stored bytes say. Read again each time; what the same bytes parse to is remembered."""
    signature_valid: bool
    """Her signature, by a key enrolled for her when it arrived, and our countersignature.

    Over the stored bytes, read each time; a check that held for the same bytes and keys is remembered.
    """
    notice_matches: bool
    """The notice she was shown is, byte for byte, one this tenant published, and tells of every purpose."""
    status: Mapping[Purpose, Status]
    """Per purpose of the scope, with term, withdrawal, suspension and the deny journal applied."""
    uses_left: Mapping[Purpose, int | None]
    """Per purpose of the scope; reserved uses are already taken off. None: she said without a limit."""
    proof: ProofLevel
    age: AgeBand
    disputed: bool
    """Somebody with standing disputes it, or a court froze it (SPC 2021/15 art. 9)."""
    method: str = ""
    """How she signed: `passkey` or `ed25519`; empty unless her signature and ours verify."""
    device_bound: bool = False
    """She signed with a passkey that can't leave its device. One that syncs may be shared in a family."""
    attested: bool = False
    """The proof rests on an adopted service's signature that is still believed, not on a mere word."""
    guardian_signed: bool = False
    """For a minor: her recorded guardian signed, from 14 on she too, and it is known when that ends."""
    deceased: bool = False
    """She is recorded as deceased (Civil Code art. 994; PIPL art. 49)."""
    heir_signed: bool = False
    """She is, and one recorded as her heir signed."""
    grown_at: datetime | None = None
    """When her age band ends, and this consent with it. None: it does not, or it is not known."""
    paused: frozenset[Purpose] = frozenset()
    """Purposes she lets rest until she resumes them. Their `status` is not valid meanwhile."""
    notice_current: bool = False
    """No later version of the notice says that consents given before it have to be renewed (PIPL 14(2))."""
    protected: bool = False
    """Her face, as she enrolled or donated it, resembles a protected person's, and two people have not yet
    said that they are two (G-30: a hold)."""

    def in_force(self, purpose: Purpose) -> bool:
        """Whether processing for `purpose` may rest on it now (the scope's other dimensions not asked)."""
        status = self.status.get(purpose)
        grown = self.age is AgeBand.ADULT or self.guardian_signed or self.heir_signed
        return (
            status is not None
            and status.valid
            and self.signature_valid
            and self.notice_matches
            and self.notice_current
            and purpose not in self.paused
            and not self.disputed
            # A child can't agree to this alone (PIPL art. 31), and an unknown age counts as a child's.
            and grown
            and not self.protected
        )


class Standings(Protocol):
    """What the gate needs of the registry (`consent.registry.Registry`)."""

    def standings(
        self, session: Session, tenant: str, ids: Sequence[str], *, now: datetime, lock: Lock
    ) -> dict[str, Standing]:
        """How these stand, by id. With a lock it stays true until the commit.

        Absent: an unknown one, and one that was erased with its person. Nobody knows any more what was agreed
        to, so nothing was.

        Locks the state rows in id order first and reads them in a later statement.
        Raises `AuthorizationDiverged` when the stored bytes or the chain contradict themselves.
        """
        ...

    def reserve_use(self, session: Session, tenant: str, authorization: str, purpose: Purpose) -> bool:
        """Take one use, before a permit is issued. False: none left (or nothing is known of it)."""
        ...

    def spend_use(self, session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
        """A reserved use was used, at redemption. Raises `NothingReserved`."""
        ...

    def return_use(self, session: Session, tenant: str, authorization: str, purpose: Purpose) -> None:
        """A reserved use was not used, at expiry or void. Raises `NothingReserved`."""
        ...
