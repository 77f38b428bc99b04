"""What another policy would change: rules, parameters, packs, and the cases it answers otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from consent.casebook import Expected
from consent.law import PARAMETERS, Pack
from consent.policy import Policy
from consent.rulebook import rule_texts


class Way(StrEnum):
    """What a change of a parameter does to who may do what."""

    STRICTER = "stricter"
    LOOSER = "looser"
    SAME = "same"
    """Another article or status; the value is what it was."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One parameter of one pack. None: the pack does not state it."""

    pack: str
    name: str
    old: Any
    new: Any
    way: Way


@dataclass(frozen=True, slots=True)
class Otherwise:
    """A case that is answered by other rules."""

    case: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """From one policy to another; each list in order."""

    old: str
    new: str
    """Digests."""
    added: tuple[str, ...]
    removed: tuple[str, ...]
    rewritten: tuple[str, ...]
    """Rules whose text or annotations changed."""
    schema: bool
    """Whether rules may look at other things."""
    packs_new: tuple[str, ...]
    packs_gone: tuple[str, ...]
    packs_changed: Mapping[str, tuple[str, ...]]
    """By id, which of version, title, title_zh, places, free, languages, valid_from and valid_until."""
    parameters: tuple[Changed, ...]
    cases: tuple[Otherwise, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return self.old == self.new


_OF_A_PACK = ("version", "title", "title_zh", "places", "free", "languages", "valid_from", "valid_until")


def difference(old: Policy, new: Policy, asked: Sequence[tuple[Expected, Expected]] = ()) -> Difference:
    """From `old` to `new`. `asked`: the same cases under the law of the old and of the new."""
    before, after = rule_texts(old.files), rule_texts(new.files)
    was, is_now = {pack.id: pack for pack in old.packs}, {pack.id: pack for pack in new.packs}
    both = [name for name in was if name in is_now]
    changed = {name: _fields(was[name], is_now[name]) for name in both}
    return Difference(
        old=old.digest,
        new=new.digest,
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        rewritten=tuple(sorted(rule for rule in before.keys() & after.keys() if before[rule] != after[rule])),
        schema=old.files["schema.cedarschema"] != new.files["schema.cedarschema"],
        packs_new=tuple(is_now[name].name for name in is_now if name not in was),
        packs_gone=tuple(was[name].name for name in was if name not in is_now),
        packs_changed={name: fields for name, fields in changed.items() if fields},
        parameters=tuple(one for name in both for one in _parameters(was[name], is_now[name])),
        cases=tuple(
            Otherwise(str(one), said, says)
            for one, other in asked
            if (said := one.answer(old)) != (says := other.answer(new))
        ),
    )


def _fields(old: Pack, new: Pack) -> tuple[str, ...]:
    return tuple(name for name in _OF_A_PACK if getattr(old, name) != getattr(new, name))


def _parameters(old: Pack, new: Pack) -> list[Changed]:
    found = []
    for name in PARAMETERS:
        was, says = old.parameters.get(name), new.parameters.get(name)
        if was == says:
            continue
        before, after = was.value if was else None, says.value if says else None
        found.append(Changed(new.id, name, before, after, _way(name, before, after)))
    return found


def _way(name: str, old: Any, new: Any) -> Way:
    if old == new:
        return Way.SAME
    # The strictest of all packs counts: to state one more can only tighten, to state one less only loosen.
    if old is None:
        return Way.STRICTER
    return Way.STRICTER if new is not None and PARAMETERS[name].stricter([old, new]) == new else Way.LOOSER
