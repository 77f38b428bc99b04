"""What nobody asked for: consents that expire, or are suspended after a loss, many at once.

A person whose keys do not open keeps nobody else waiting: hers is left as it is.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from sqlmodel import Session

from audit.canonical import Json
from audit.keystore import UNSEALABLE
from audit.ledger import Ledger
from consent import chain, portraits
from consent.withdrawal import By, How
from consent.words import Status

SYSTEM = By(How.SYSTEM, "consentry")


def change(
    session: Session,
    ledger: Ledger,
    ids: Sequence[str],
    kind: str,
    status: Status,
    now: datetime,
    *,
    person_of: Callable[[str], str],
) -> tuple[str, ...]:
    """Give these a status, as far as they are in force and their persons' keys open. Which."""
    tenant = ledger.tenant
    chain.lock_states(session, tenant, ids, "update")
    changed = []
    # Read again under the lock: between the search and the lock a withdrawal may have come.
    for authorization, states in sorted(chain.states(session, tenant, ids).items()):
        live = frozenset(
            s.purpose
            for s in states
            if s.status.valid or (s.status is Status.UNKNOWN and status is Status.EXPIRED)
        )
        if not live:
            continue
        with suppress(*UNSEALABLE), session.begin_nested():
            extra: dict[str, Json] = {}
            if status is Status.EXPIRED:
                extra["references_deleted"] = portraits.drop_needing(session, tenant, authorization, live)
            event = chain.Event(kind, live, SYSTEM, status, extra=extra)
            chain.append(session, ledger, authorization, person_of(authorization), event, now)
            changed.append(authorization)
    return tuple(changed)
