"""How far a log may be pruned: a value with reasons. Nothing here deletes.

A prefix goes whole or stays, so the first entry that anything still needs holds all that come after it. An
entry that stays holds what it refers to: who reads it later asks for that as well.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import SelectBase
from sqlmodel import Session, select

from audit import instant, prunerows
from audit.leaf import Leaf
from audit.pruned import Totals
from audit.prunerows import Placed
from audit.tile import WIDTH

FOLLOWED = "followed"
"""Why an entry is held that an entry which stays refers to."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that still needs entries, wherever in the log they stand."""

    why: str
    """A word of ours, never a name."""
    entries: SelectBase | Sequence[str]
    """Their leaf hashes; a query of one column, so that no list of them is made."""


def of_tenant(tenant: str, column: Any, *where: Any) -> Any:
    """A query of one column, over those of the tenant's rows that meet all of this."""
    return select(column).where(column.class_.tenant_id == tenant, *where)


@dataclass(frozen=True, slots=True)
class Held:
    """What one of them holds of what is old enough to go."""

    why: str
    entries: int
    first: int
    """Index of the first of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How far a log may be pruned."""

    minimum: int
    """Where it begins now."""
    reach: int
    """The first entry that is too young to go, or that nobody was shown a checkpoint over."""
    goal: int
    """Where it may begin: a multiple of 256, not below `minimum` and not above `reach`."""
    size: int
    """Entries that were there when it was made."""
    before: datetime
    held: tuple[Held, ...]
    """The first one holds the most."""

    @property
    def entries(self) -> int:
        """How many would go."""
        return self.goal - self.minimum


Counted: TypeAlias = Callable[[Session, Leaf, str], Totals]
"""What an entry that goes had counted, of what is missing anyway: its leaf, and its hash."""


def plan(
    session: Session, tenant: str, needs: Iterable[Need], *, before: datetime, shown: int, size: int
) -> Plan:
    """How far a log may be pruned of what was written before an instant.

    `shown` is the size of the tree that everybody can see, `size` how many entries have a place.
    """
    minimum = prunerows.minimum(session, tenant)
    young = prunerows.first_since(session, tenant, before, minimum)
    reach = min(shown, size if young is None else young)
    made = Plan(minimum, reach, max(minimum, _aligned(reach)), size, before, ())
    if made.goal == minimum:
        return made
    found = []
    roots: list[Placed] = []
    for need in needs:
        held = prunerows.among(session, tenant, need.entries, minimum, reach)
        if held:
            found.append(Held(need.why, len(held), min(one.index for one in held)))
            roots += held
    made = _held(made, found)
    if made.goal == minimum:
        return made
    followed = _followed(session, tenant, made, roots, made.reach)
    return _held(made, [*found, *followed])


def again(session: Session, tenant: str, made: Plan, needs: Iterable[Need]) -> Plan:
    """The same once more, in the transaction that acts on it: what came since may hold more, never less."""
    found = list(made.held)
    for need in needs:
        held = prunerows.among(session, tenant, need.entries, made.minimum, made.goal)
        if held:
            found.append(Held(need.why, len(held), min(one.index for one in held)))
    found += _followed(session, tenant, made, (), made.size)
    return _held(made, found)


def totals(session: Session, tenant: str, made: Plan, counted: Counted) -> tuple[Totals, datetime | None]:
    """What the entries of a plan come to, and when the last of them was written. Reads them all."""
    missing, last, found = 0, None, Totals()
    at = made.minimum
    while page := prunerows.entries(session, tenant, at, made.goal):
        for one in page:
            leaf = Leaf.parse(one.leaf)
            missing += len(leaf.parts)
            found += counted(session, leaf, one.leaf_hash)
            last = one.at if last is None else max(last, one.at)
        at = page[-1].index + 1
    missing -= prunerows.ciphertexts(session, tenant, made.minimum, made.goal)
    return found + Totals(missing=missing), last


def _held(made: Plan, found: Sequence[Held]) -> Plan:
    goal = _aligned(min([made.reach, *(one.first for one in found)]))
    by_reason: dict[str, Held] = {}
    for one in found:
        so_far = by_reason.get(one.why, Held(one.why, 0, one.first))
        both = so_far.entries + one.entries
        by_reason[one.why] = Held(one.why, both, min(so_far.first, one.first))
    held = tuple(sorted(by_reason.values(), key=lambda one: (one.first, one.why)))
    return replace(made, goal=max(made.minimum, min(made.goal, goal)), held=held)


def _followed(session: Session, tenant: str, made: Plan, roots: Sequence[Placed], begin: int) -> list[Held]:
    """What entries from `begin` on refer to, and these roots, and so on, of what would go."""
    seen: dict[str, int] = {one.leaf_hash: one.index for one in roots}
    known = frozenset(seen)
    _walk(session, tenant, made, _refs(roots), seen)
    _walk(session, tenant, made, _refs(prunerows.waiting(session, tenant)), seen)
    at = begin
    while page := prunerows.entries(session, tenant, at, None):
        _walk(session, tenant, made, _refs(page), seen)
        at = page[-1].index + 1
        if _aligned(min(seen.values(), default=made.reach)) <= made.minimum:
            break  # Nothing may go: how much more is held does not matter.
    found = [index for name, index in seen.items() if name not in known]
    return [Held(FOLLOWED, len(found), min(found))] if found else []


def _walk(session: Session, tenant: str, made: Plan, refs: set[str], seen: dict[str, int]) -> None:
    while fresh := sorted(refs - seen.keys()):
        found = prunerows.among(session, tenant, fresh, made.minimum, made.reach)
        seen |= {one.leaf_hash: one.index for one in found}
        refs = _refs(found)


def _refs(entries: Iterable[Placed]) -> set[str]:
    return {name for one in entries if b'"ref":' in one.leaf for name in Leaf.parse(one.leaf).ref}


def _aligned(index: int) -> int:
    return index // WIDTH * WIDTH


def day(text: str) -> datetime:
    """The beginning of a day, `2026-11-01`, in UTC. Raises `audit.instant.NotAnInstant`."""
    return instant.parse(f"{text}T00:00:00Z")
