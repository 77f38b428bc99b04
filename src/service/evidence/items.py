"""The eight items that would have decided the case (Beijing Internet Court, Liao, 2024): here, or missing.

1 where the source comes from, 2 who is in it, 3 a separate signed consent of each, 4 portrait and copyright
licences as objects of their own, 5 the gate's answer before anything was processed, 6 the contract with the
engine's provider, 7 the impact assessment, 8 what was withdrawn or complained of, and how fast it was met.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from audit import instant
from audit.bundled import TOLD, said_at
from audit.canonical import Json
from audit.matter import EIGHT, PRESENT
from service.evidence.gathering import Found
from service.evidence.reach import Reach


@dataclass(frozen=True, slots=True)
class Item:
    """One of the eight."""

    number: int
    en: str
    zh: str
    state: str
    """present, missing or erased."""
    entries: Sequence[str]
    """Leaf hashes of what shows it."""

    def json(self, places: Mapping[str, int]) -> dict[str, Json]:
        """As `bundle.json` names it."""
        return {
            "item": self.number,
            "en": self.en,
            "zh": self.zh,
            "state": self.state,
            "entries": sorted(places[one] for one in self.entries if one in places),
        }


def items(found: Sequence[Found], reach: Reach, files: Collection[str]) -> tuple[Item, ...]:
    """All eight, from what was gathered and from the names of the files beside it."""

    def of(*kinds: str, where: Callable[[Found], bool] = lambda _: True) -> list[str]:
        return [one.entry.leaf_hash for one in found if one.leaf.t in kinds and where(one)]

    def paper(kind: str) -> list[str]:
        return of("PaperRegistered", where=lambda one: one.says("kind") == kind)

    def licence(kind: str) -> list[str]:
        return of("LicenceRegistered", where=lambda one: one.says("kind") == kind)

    permits = of(
        "Decided", where=lambda one: (one.says("answer"), one.says("action")) == ("permit", "intake")
    )
    looked = of("TemplateScanned")
    signed = {f"consent/{one}/document.json" for one in reach.authorizations}
    grants = of("ConsentGranted")
    gone = any("erased" in one.states.values() for one in found if one.leaf.t == "ConsentGranted")
    consents = PRESENT if signed and signed <= set(files) else "erased" if gone else "missing"
    both = [licence("portrait"), licence("copyright")]
    return (
        _item(1, of("TemplateAdmitted")),
        _item(2, looked),
        _named(3, consents, grants),
        _item(4, [*both[0], *both[1]], all(both)),
        _item(5, permits, _first(permits, looked, found)),
        _item(6, paper("PROCESSOR_CONTRACT")),
        _item(7, paper("IMPACT_ASSESSMENT")),
        _named(8, PRESENT, of(*TOLD)),
    )


def history(found: Sequence[Found], places: Mapping[str, int]) -> list[Json]:
    """What was withdrawn or complained of, and what followed: each with the seconds since the first.

    In the times that the entries' own parts say, where one does: a verifier holds them against each other.
    """
    told = [one for one in found if one.leaf.t in TOLD and one.entry.leaf_hash in places]
    times = [_at(one) for one in told]
    return [
        {
            "entry": places[one.entry.leaf_hash],
            "kind": one.leaf.t,
            "at": at,
            "seconds_since_first": int((instant.parse(at) - instant.parse(times[0])).total_seconds()),
        }
        for one, at in zip(told, times, strict=True)
    ]


def _at(one: Found) -> str:
    said = said_at(one.leaf.ts, (o.payload.get("at") for _, o in sorted(one.opened.items())))
    return said or instant.exact(one.entry.at)


def _item(number: int, entries: Sequence[str], shown: bool = True) -> Item:  # noqa: FBT001, FBT002
    return _named(number, PRESENT if entries and shown else "missing", entries)


def _named(number: int, state: str, entries: Sequence[str]) -> Item:
    return Item(number, *EIGHT[number], state, entries)


def _first(permits: Collection[str], looked: Collection[str], found: Sequence[Found]) -> bool:
    """Whether the first look at a video came after leave to take it in."""
    order = [one.entry.leaf_hash for one in found]
    return not looked or (bool(permits) and min(map(order.index, permits)) < min(map(order.index, looked)))
