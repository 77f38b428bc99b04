"""Whether one scope lies within another: what she gives instead of what she was asked.

Within means: whatever the gate permits on the one, it would have permitted on the other. What a machine
can't compare (her description, the compensation, the place of law) has to be as it was asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from consent.dimensions import DataClass, DonorRule
from consent.scope import Scope
from consent.words import Purpose

_SUBSETS = (
    "purposes",
    "modalities",
    "platforms",
    "recipients",
    "engines",
    "sub_processors",
    "territories",
    "storage_regions",
    "exports",
    "audience",
    "monetisation",
    "sublicense",
)
"""Fewer is narrower."""

_SUPERSETS = ("prohibited", "revocation")
"""More is narrower: what must not be made of her, and what her withdrawal does."""

_SAME = ("role", "description", "jurisdiction", "compensation", "particulars")

_DONORS = (None, DonorRule.SELF_ONLY, DonorRule.CONSENTED_THIRD_PARTY)
"""From nobody's face to most people's."""


def narrower(asked: Scope, given: Scope) -> tuple[str, ...]:
    """The dimensions in which `given` goes beyond `asked`, or is not as asked; empty when it lies within."""
    wider = [name for name in _SAME if getattr(given, name) != getattr(asked, name)]
    wider += [name for name in _SUBSETS if not getattr(given, name) <= getattr(asked, name)]
    wider += [name for name in _SUPERSETS if not getattr(given, name) >= getattr(asked, name)]
    wider += _bounds(asked, given)
    if not (asked.term.start <= given.term.start and given.term.end <= asked.term.end):
        wider.append("term")
    if given.term.zone != asked.term.zone or given.term.notice_days > asked.term.notice_days:
        wider.append("term.notice")
    if _DONORS.index(given.donor_rules) > _DONORS.index(asked.donor_rules):
        wider.append("donor_rules")
    if any(_more(given.limit(p), asked.limit(p)) for p in given.purposes):
        wider.append("max_uses")
    if any(days > asked.retention.get(data, 0) for data, days in given.retention.items()):
        wider.append("retention")
    return tuple(sorted(wider))


def only(asked: Scope, purposes: Collection[Purpose]) -> Scope:
    """What was asked, for some of its purposes. Raises `ScopeContradiction` when one needs another."""
    kept = asked.purposes & frozenset(purposes)
    counts: Mapping[Purpose, int | None] = {p: n for p, n in asked.max_uses.items() if p in kept}
    retention = {
        data: days
        for data, days in asked.retention.items()
        # A reference is kept by the purpose of keeping it, and by no other.
        if data is not DataClass.REFERENCE or Purpose.REMOTE_STORE_TRANSMIT in kept
    }
    return replace(asked, purposes=kept, max_uses=counts, retention=retention)


def _bounds(asked: Scope, given: Scope) -> list[str]:
    """Works, sources, templates and requesters: an empty one does not bind as long as another does."""
    works = ("works", "sources", "templates")
    named = any(getattr(asked, name) for name in works)
    wider = []
    for name in (*works, "requesters"):
        mine: frozenset[str] = getattr(given, name)
        theirs: frozenset[str] = getattr(asked, name)
        # To name one where nothing was named gives what was not asked; beside others it binds more.
        within = bool(mine) and mine <= theirs if theirs else not mine or named
        if not within:
            wider.append(name)
    return wider


def _more(given: int | None, asked: int | None) -> bool:
    return asked is not None and (given is None or given > asked)
