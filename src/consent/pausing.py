"""Her consent at rest: paused and resumed by her, with nothing to sign and nothing lost.

A pause is a mark in the chain beside the status, like a dispute, and no line in the deny journal: what
stands there is denied for good, and a pause must be as easy to end as to begin. What protects it when a
backup is restored is the tree's head outside the database (docs/decisions/0020).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from audit.ledger import Ledger
from consent import chain, kinship, recoverycode, seals
from consent.asking_errors import ResumeNotHers
from consent.authorization import parse
from consent.errors import AuthorizationUnknown, PurposeNotGiven
from consent.kinship import NotHerRepresentative
from consent.tables import AuthorizationRow
from consent.withdrawal import By, How
from consent.words import Purpose

SURE = frozenset({How.OWN_SESSION, How.REPRESENTATIVE})
"""Ways by which it is she who speaks, or who acts for her: with a key."""
HERS = SURE | {How.RECOVERY_CODE}
"""Those, and a code on paper: who finds it may let rest, but not undo what was paused with a key."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The answer to a pause or a resumption, and to the same one again."""

    authorization: str
    changed: frozenset[Purpose]
    """What this call changed; empty when it was so before."""
    paused: frozenset[Purpose]
    """What rests now."""
    entry: str
    """Leaf hash of the chain's head."""


def by_code(session: Session, tenant: str, authorization: str, code: str) -> By:
    """Who speaks with the code of the receipt. Raises `AuthorizationUnknown`, `RecoveryCodeWrong`."""
    row = _row(session, tenant, authorization)
    recoverycode.check(row.recovery, authorization, code)
    return By(How.RECOVERY_CODE, row.person_id)


def pause(
    session: Session,
    ledger: Ledger,
    authorization: str,
    *,
    by: By,
    now: datetime,
    purposes: Collection[Purpose] | None = None,
) -> Rest:
    """Let some purposes rest, or all: from the commit on nothing is permitted or served on them.

    Templates stay as they are, permits that were not redeemed are refused. The same again changes
    nothing, unless it is she with a key now, and was not before. Raises `AuthorizationUnknown`,
    `PurposeNotGiven`, `NotHerRepresentative`.
    """
    return _change(session, ledger, authorization, purposes, by, now, paused=True)


def resume(
    session: Session,
    ledger: Ledger,
    authorization: str,
    *,
    by: By,
    now: datetime,
    purposes: Collection[Purpose] | None = None,
) -> Rest:
    """Let them go on, where nothing else ended them meanwhile.

    Raises `ResumeNotHers` besides the errors of `pause`.
    """
    if by.how not in HERS:
        raise ResumeNotHers("a pause is ended by the person, or by who acts for her")
    return _change(session, ledger, authorization, purposes, by, now, paused=False)


def _change(
    session: Session,
    ledger: Ledger,
    authorization: str,
    purposes: Collection[Purpose] | None,
    by: By,
    now: datetime,
    *,
    paused: bool,
) -> Rest:
    tenant = ledger.tenant
    row = _row(session, tenant, authorization)
    if by.how is How.REPRESENTATIVE:
        _expect_acting(session, ledger, row, by.actor, now)
    chain.lock_states(session, tenant, [authorization], "update")
    # A later statement than the lock: see `consent.chain`.
    states = chain.states(session, tenant, [authorization])[authorization]
    given = frozenset(s.purpose for s in states)
    named = given if purposes is None else frozenset(purposes)
    if not named or named - given:
        raise PurposeNotGiven("names no purpose, or one that was never given")
    live = frozenset(s.purpose for s in states if s.purpose in named and s.live)
    resting = frozenset(s.purpose for s in states if s.paused)
    held = resting & _held(session, tenant, authorization)
    if not paused and by.how not in SURE and live & held:
        raise ResumeNotHers("what she paused with a key is not resumed with a code")
    changed = live - (held if by.how in SURE else resting) if paused else live & resting
    if not changed:
        return Rest(authorization, changed, resting, states[0].head)
    kind = chain.PAUSED if paused else chain.RESUMED
    event = chain.Event(kind, changed, by, paused=paused)
    head = chain.append(session, ledger, authorization, row.person_id, event, now)
    return Rest(authorization, changed, resting | changed if paused else resting - changed, head)


def _held(session: Session, tenant: str, authorization: str) -> frozenset[Purpose]:
    """What was last paused with a key."""
    last = {
        purpose: past.by
        for past in chain.events(session, tenant, [authorization])[authorization]
        if past.kind == chain.PAUSED
        for purpose in past.purposes
    }
    return frozenset(purpose for purpose, by in last.items() if by in SURE)


def _expect_acting(
    session: Session, ledger: Ledger, row: AuthorizationRow, actor: str, now: datetime
) -> None:
    document = ledger.cells.open(seals.Cell.DOCUMENT, row.id, row.person_id, row.document)
    capacity = parse(document).capacity
    kin = kinship.of(session, ledger, [row.person_id]).get(row.person_id, ())
    if not any(each.representative == actor and each.acts(capacity, now) for each in kin):
        raise NotHerRepresentative("not recorded to act for her under this authorization")


def _row(session: Session, tenant: str, authorization: str) -> AuthorizationRow:
    row = session.get(AuthorizationRow, (tenant, authorization))
    if row is None:
        raise AuthorizationUnknown(f"no authorization {authorization!r:.40} in this tenant")
    return row
