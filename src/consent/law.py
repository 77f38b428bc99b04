"""What the law asks of one question: parameters of every pack that applies, the strictest of each.

A parameter is a value a rule reads (`policies/base.cedar`); a pack states it with the article it comes
from. Which value is the stricter one is not a matter of opinion of a pack: it stands here, once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from audit.errors import Unready
from consent.words import ProofLevel


class LawUnstated(Unready):
    """No pack that applies everywhere is in force on this day, so nobody knows what is asked."""

    code = "LAW_UNSTATED"
    zh = "该日期没有生效的基础策略包，无法确定适用的法律参数。"
    hint = "Give the house's pack a `valid_from` that is early enough, or ask of a later day."
    hint_zh = "请将 house 策略包的 valid_from 提前，或查询更晚的日期。"


class Minors(StrEnum):
    """Whether somebody under age can be in a template at all."""

    REFUSE = "REFUSE"
    GUARDIAN = "GUARDIAN"
    """With her guardian's verified signature."""


class Status(StrEnum):
    """How well a row is known. Nobody may read more into a pack than was checked."""

    VERIFIED = "verified"
    """The words of the law, or a faithful report of them, were read."""
    UNVERIFIED = "unverified"
    """From memory or a secondary source: counsel must look before anybody relies on it."""
    DRAFT = "draft"
    """Not in force; followed all the same."""
    CHOICE = "choice"
    """No law asks for it: the product does."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing packs differ in."""

    kind: type
    stricter: Callable[[Iterable[Any]], Any]
    rules: tuple[str, ...]
    """Which rules read it. Empty: a clock of the service, not a rule."""
    meaning: str


def _first(values: Iterable[StrEnum]) -> StrEnum:
    """The word that its list names first: these are written strictest first."""
    return min(values, key=lambda value: [*type(value).__members__.values()].index(value))


def _best_known(values: Iterable[ProofLevel]) -> ProofLevel:
    return max(values, key=lambda level: level.rank)


class Eyes(StrEnum):
    """How faces may be told apart, strictest first."""

    ASSIGNED = "ASSIGNED"
    CLOSED_SET = "CLOSED_SET"


PARAMETERS: Mapping[str, Parameter] = {
    "real_name": Parameter(bool, any, ("G-04",), "who asks is identified and has confirmed her duties"),
    "minors": Parameter(Minors, _first, ("G-06", "G-07"), "whether a minor can take part"),
    "longest_term_days": Parameter(int, min, ("G-12",), "longest term that can be agreed to"),
    "assessment": Parameter(bool, any, ("G-25",), "an impact assessment covers purpose, engine and region"),
    "security_assessment": Parameter(
        bool, any, ("G-26",), "a security assessment and an algorithm filing cover the engine"
    ),
    "processor_contract": Parameter(bool, any, ("G-27",), "a contract covers the engine's operator"),
    "filing_people": Parameter(int, min, ("G-28",), "so many people's faces need a filing"),
    "matching": Parameter(Eyes, _first, ("G-31",), "how faces may be told apart"),
    "ask_again_days": Parameter(int, max, ("G-38",), "days of rest after a refusal"),
    "least_proof": Parameter(ProofLevel, _best_known, ("G-40",), "how well a person must be known"),
    "most_cast": Parameter(int, min, ("G-42",), "largest cast of a work"),
    "retention_policy": Parameter(bool, any, ("G-50",), "a public retention policy for face data"),
    "reference_days": Parameter(int, min, (), "longest life of a biometric reference"),
    "evidence_days": Parameter(int, max, (), "shortest life of evidence and of the record"),
    "takedown_hours": Parameter(int, min, (), "hours to answer a takedown request"),
    "answer_days": Parameter(int, min, (), "days to answer a request of hers"),
}
"""By name, in the order of their rules. A conflict between keeping and destroying is settled by class of
data: the reference follows the shorter, the evidence, which holds no biometrics, the longer."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One parameter as a pack states it."""

    name: str
    value: Any
    citation: str
    status: Status


@dataclass(frozen=True, slots=True)
class Pack:
    """The law of some places, as one file states it."""

    id: str
    version: str
    title: str
    title_zh: str
    places: frozenset[str]
    """ISO 3166-1 alpha-2, or a subdivision of 3166-2: `CN`, `US-IL`. Empty: everywhere (the house's own)."""
    free: frozenset[str]
    """Countries to which data of its people may go without a ground."""
    languages: frozenset[str]
    """Languages in which its people must be told, any of them. Empty: hers."""
    valid_from: date
    valid_until: date | None
    parameters: Mapping[str, Stated]

    @property
    def name(self) -> str:
        """`id@version`, as decisions cite it."""
        return f"{self.id}@{self.version}"

    def covers(self, place: str) -> bool:
        """Whether `place` lies in it: the law of a country holds in its parts."""
        return place in self.places or place.partition("-")[0] in self.places

    def in_force(self, on: date) -> bool:
        """Whether it holds on that day."""
        return self.valid_from <= on and (self.valid_until is None or on < self.valid_until)


@dataclass(frozen=True, slots=True)
class Law:
    """What applies to one question."""

    packs: tuple[str, ...]
    places: frozenset[str]
    unknown: frozenset[str]
    """Places of it that no pack in force covers: nobody here knows what the law there asks."""
    values: Mapping[str, Any]
    """Every parameter, strictest."""
    stated: Mapping[str, tuple[str, Stated]]
    """Which pack each value is from."""

    def __getitem__(self, name: str) -> Any:
        """A parameter's value."""
        return self.values[name]


def applying(packs: Sequence[Pack], places: Iterable[str], on: date) -> Law:
    """The law of `places` on a day. Packs without places apply everywhere; one of them states everything.

    Raises `LawUnstated` on a day when that one is not in force.
    """
    wanted = frozenset(places)
    live = [pack for pack in packs if pack.in_force(on)]
    if all(pack.places for pack in live):
        raise LawUnstated(f"no pack for everywhere on {on}")
    chosen = [pack for pack in live if not pack.places or any(pack.covers(place) for place in wanted)]
    values: dict[str, Any] = {}
    stated: dict[str, tuple[str, Stated]] = {}
    for name, parameter in PARAMETERS.items():
        said = [(pack.name, pack.parameters[name]) for pack in chosen if name in pack.parameters]
        values[name] = parameter.stricter([one.value for _, one in said])
        stated[name] = next(pair for pair in said if pair[1].value == values[name])
    return Law(
        packs=tuple(pack.name for pack in chosen),
        places=wanted,
        unknown=frozenset(place for place in wanted if not any(pack.covers(place) for pack in live)),
        values=values,
        stated=stated,
    )


def home_of(packs: Sequence[Pack], place: str, on: date) -> tuple[frozenset[str], frozenset[str] | None]:
    """What the law of a person's home says: languages to be told in (empty: any), where her data may go.

    None for the second: it is bound to no place.
    """
    home = [pack for pack in packs if pack.covers(place) and pack.in_force(on)]
    languages = [pack.languages for pack in home if pack.languages]
    free = [pack.free for pack in home if pack.free]
    return (
        frozenset.intersection(*languages) if languages else frozenset(),
        frozenset.intersection(*free) if free else None,
    )
