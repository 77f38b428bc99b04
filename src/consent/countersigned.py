"""Countersignatures by a key that others had: which are worth nothing, and what rests on them.

A countersignature says that a document came then, signed by her. Whoever has the key can say so of another
day. The entry beside it has a place that he can't choose: from the place on where the key was compromised
nothing holds that it signed, until she confirms it anew.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from sqlalchemy import Table, select, union
from sqlmodel import Session

from audit import keyhistory
from audit.keyhistory import Bound
from consent import chain
from consent.chain import Past
from consent.prooftables import CosignatureRow
from consent.tables import AuthorizationRow

_FIRST = cast(Table, AuthorizationRow.__table__)  # type: ignore[attr-defined]
_SECOND = cast(Table, CosignatureRow.__table__)  # type: ignore[attr-defined]

COSIGNED = "ConsentCosigned"


def void(
    session: Session,
    tenant: str,
    bounds: Mapping[str, Bound],
    kids: Mapping[str, str],
    chains: Mapping[str, Sequence[Past]],
    kind: str,
) -> frozenset[str]:
    """Authorizations whose countersignature is worth nothing.

    `kids`: who countersigned, by authorization; `kind`: of the event at which that was, the grant or her
    co-signature. Without such an event, or before it has a place, it is worth nothing.
    """
    suspect = {one: bounds[kid] for one, kid in kids.items() if kid in bounds}
    if not suspect:
        return frozenset()
    entries = {one: _entry(chains.get(one, ()), kind) for one in suspect}
    places = keyhistory.places(session, tenant, list(entries.values()))
    return frozenset(
        one
        for one, bound in suspect.items()
        if places.get(entries[one], bound.index) >= bound.index and not _confirmed(chains.get(one, ()), bound)
    )


def resting_on(session: Session, tenant: str, kid: str) -> tuple[str, ...]:
    """Authorizations that rest on what this key countersigned since it was compromised, and nothing else."""
    bound = keyhistory.bounds(session, tenant).get(kid)
    if bound is None:
        return ()
    query = union(
        select(_FIRST.c.id).where(_FIRST.c.tenant_id == tenant, _FIRST.c.kid == kid),
        select(_SECOND.c.authorization_id).where(_SECOND.c.tenant_id == tenant, _SECOND.c.kid == kid),
    )
    ids: Collection[str] = session.connection().execute(query).scalars().all()
    chains = chain.events(session, tenant, ids)
    signed = {one: [past.entry for past in chains.get(one, ()) if past.kind in _SIGNED] for one in ids}
    places = keyhistory.places(session, tenant, [entry for group in signed.values() for entry in group])
    return tuple(
        one
        for one in sorted(ids)
        if any(places.get(entry, bound.index) >= bound.index for entry in signed[one])
        and not _confirmed(chains.get(one, ()), bound)
    )


_SIGNED = frozenset({chain.GRANTED, COSIGNED})


def _entry(events: Sequence[Past], kind: str) -> str:
    return next((past.entry for past in events if past.kind == kind), "")


def _confirmed(events: Sequence[Past], bound: Bound) -> bool:
    """Whether she confirmed it after it was known that the key was in other hands."""
    return any(past.kind == chain.RECONFIRMED and past.at >= bound.said_at for past in events)
