"""The serving gate: may these bytes leave now? Asked for every request and every range.

An output is reachable while its row is there, not withdrawn, and every consent it rests on is in
force at this moment, the deny journal included. Absent means gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from consent.standing import Lock, Standings
from consent.words import Purpose
from swap import outputs
from swap.outputs import Output

_PURPOSES = frozenset(map(str, Purpose))


class Gone(StrEnum):
    """Why an output is not served. 410 for whoever asks over HTTP."""

    WITHDRAWN = "OUTPUT_WITHDRAWN"
    CONSENT_ENDED = "OUTPUT_CONSENT_ENDED"
    FROZEN = "OUTPUT_FROZEN"


@dataclass(frozen=True, slots=True)
class Leave:
    """These bytes may leave, now and this once."""

    output: Output
    foundations: Mapping[str, Sequence[str]]
    """What it rests on: authorizations, and the purposes of each."""


def ask(
    session: Session, tenant: str, output_id: str, standings: Standings, *, now: datetime, lock: Lock = None
) -> Leave | Gone:
    """Whether the output may be served now. Raises `NoSuchThing` for an id this tenant never had.

    With `lock` the answer stays true until the commit: a withdrawal waits for it. Without, to look only.
    """
    output = outputs.get(session, tenant, output_id)
    until = output.delete_after
    if output.withdrawn_at is not None and (until is None or output.withdrawn_at < until):
        return Gone.WITHDRAWN
    if until is not None and until <= now:
        # Its date has come, whether or not a purge was there already.
        return Gone.CONSENT_ENDED
    if output.frozen:
        return Gone.FROZEN
    foundations = outputs.foundations(session, tenant, output_id)
    if not stands(session, tenant, foundations, standings, now=now, lock=lock):
        return Gone.CONSENT_ENDED
    return Leave(output, foundations)


def stands(
    session: Session,
    tenant: str,
    foundations: Mapping[str, Sequence[str]],
    standings: Standings,
    *,
    now: datetime,
    lock: Lock = None,
) -> bool:
    """Whether each authorization is in force for each of its purposes. Resting on nobody is not standing."""
    if not foundations:
        return False
    found = standings.standings(session, tenant, sorted(foundations), now=now, lock=lock)
    return all(
        # Nobody writes an empty list of purposes, or an unknown one; if one is found, it is not a yes.
        purposes
        and authorization in found
        and all(p in _PURPOSES and found[authorization].in_force(Purpose(p)) for p in purposes)
        for authorization, purposes in foundations.items()
    )
