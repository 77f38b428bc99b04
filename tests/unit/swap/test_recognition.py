"""Who is compared: the declared cast and nobody else; two faces in one frame are two people."""

from dataclasses import dataclass
from typing import Any

from consent.words import Role
from shelved import ANNA, BEA, CAST, NOON, a_scan, a_track
from swap.casting import CastMember
from swap.recognition import Recogniser, overlaps


@dataclass(frozen=True)
class Standing:
    authorization: str
    person: str


@dataclass
class Registry:
    """Knows whose each authorization really is."""

    tenant = "studio"
    whose: dict[str, str]

    def standings(self, session: Any, tenant: str, ids: Any, **_: Any) -> dict[str, Standing]:
        return {each: Standing(each, self.whose[each]) for each in ids if each in self.whose}


class Portraits:
    """Says whose references it was asked for."""

    def references(self, session: Any, standings: Any, model: str, *, now: Any) -> dict[str, Any]:
        return {standing.person: standing.authorization for standing in standings}


class Embedder:
    digest = "ee" * 32


@dataclass(frozen=True)
class Template:
    cast: tuple[CastMember, ...]


def compared(cast: list[CastMember], whose: dict[str, str]) -> dict[str, Any]:
    recogniser = Recogniser(Registry(whose), Portraits(), Embedder(), None)  # type: ignore[arg-type]
    return dict(recogniser.references(None, Template(tuple(cast)), NOON))  # type: ignore[arg-type]


def test_the_cast_is_compared_by_the_consents_it_cites() -> None:
    assert compared(CAST, {"1" * 32: ANNA, "2" * 32: BEA}) == {ANNA: "1" * 32, BEA: "2" * 32}


def test_somebody_elses_consent_under_her_name_brings_nobody_in() -> None:
    assert compared(CAST[:1], {"1" * 32: BEA}) == {}


def test_whoever_is_named_and_has_not_answered_is_not_compared() -> None:
    assert compared([CastMember(ANNA, Role.PERFORMER, None)], {}) == {}


def test_a_donor_is_compared_with_herself_alone() -> None:
    recogniser = Recogniser(Registry({"1" * 32: ANNA}), Portraits(), Embedder(), None)  # type: ignore[arg-type]

    assert recogniser.reference(None, ANNA, "1" * 32, NOON) == {ANNA: "1" * 32}  # type: ignore[arg-type]
    assert recogniser.reference(None, BEA, "1" * 32, NOON) == {}  # type: ignore[arg-type]


def test_tracks_in_one_frame_together_are_told_to_the_matcher() -> None:
    scan = a_scan(a_track(1, [0, 1]), a_track(2, [1, 2]), a_track(3, [3]))

    assert list(overlaps(scan)) == [("t001", "t002")]
