from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.alignment import align
from consent.eye_errors import EmbeddingsWrong
from consent.faces import Embeddings
from consent.matching import Band, MatchRule, TrackMatch, match
from consent.words import Match
from portraits import crop_of, only_face, portrait, working_eyes

RULE = MatchRule()
NOBODY: Embeddings = np.zeros((0, 4), np.float32)


def rows(*vectors: Sequence[float]) -> Embeddings:
    exact = np.asarray(vectors, np.float64)
    return (exact / np.linalg.norm(exact, axis=1, keepdims=True)).astype(np.float32)


def at(cosine: float, *, axis: int = 1) -> Embeddings:
    """One unit row of width 4 whose cosine to (1, 0, 0, 0) is `cosine`."""
    row = np.zeros(4)
    row[0], row[axis] = cosine, np.sqrt(1 - cosine**2)
    return rows(row)


HER = rows([1, 0, 0, 0])


def test_a_cast_member_is_matched() -> None:
    assert match(at(0.7), {"her": HER, "him": at(0, axis=2)}, RULE) == TrackMatch(
        Match.MATCHED, "her", ("her",), Band.HIGH
    )


def test_a_stranger_near_to_nobody_is_unknown() -> None:
    answer = match(at(0.39), {"her": HER}, RULE)

    assert answer == TrackMatch(Match.UNKNOWN, band=Band.LOW)


def test_an_empty_cast_knows_nobody() -> None:
    assert match(HER, {}, RULE).match is Match.UNKNOWN


def test_a_track_without_a_resolvable_crop_is_unresolvable_even_for_an_empty_cast() -> None:
    assert match(NOBODY, {"her": HER}, RULE) == TrackMatch(Match.UNRESOLVABLE)
    assert match(NOBODY, {}, RULE) == TrackMatch(Match.UNRESOLVABLE)


def test_two_cast_members_too_close_to_each_other_are_ambiguous() -> None:
    answer = match(at(0.70), {"her": HER, "twin": at(0.999)}, RULE)

    assert answer.match is Match.AMBIGUOUS
    assert answer.person is None
    assert answer.candidates == ("her", "twin")


def test_a_lead_of_just_the_margin_decides_and_a_little_less_does_not() -> None:
    def against(second: float) -> Match:
        # A second reference at cosine `second` to the probe (1, 0, 0, 0), the first at 0.60.
        return match(HER, {"her": at(0.60), "him": at(second, axis=2)}, RULE).match

    assert against(0.51) is Match.MATCHED
    assert against(0.53) is Match.AMBIGUOUS


def test_the_band_is_coarse() -> None:
    assert match(at(0.45), {"her": HER}, RULE).band is Band.MID
    assert match(at(0.55), {"her": HER}, RULE).band is Band.HIGH


def test_a_track_that_changes_its_person_midway_does_not_average_into_a_match() -> None:
    # Two of three probes are hers: their mean passes the threshold, the third is a stranger.
    probes = np.vstack([at(0.95), at(0.95), at(0.05, axis=2)])

    answer = match(probes, {"her": HER}, RULE)

    assert answer.match is Match.AMBIGUOUS
    assert answer.candidates == ("her",)


def test_several_references_of_a_person_are_taken_together() -> None:
    front, side = at(0.6, axis=1), at(0.6, axis=2)

    alone = match(HER, {"her": front}, MatchRule(threshold=0.7)).match
    together = match(HER, {"her": np.vstack([front, side])}, MatchRule(threshold=0.7)).match

    assert (alone, together) == (Match.UNKNOWN, Match.MATCHED)


def test_opposite_probes_are_nobody() -> None:
    probes = np.vstack([HER, -HER])

    assert match(probes, {"her": HER}, RULE).match is Match.UNKNOWN


@pytest.mark.parametrize(
    ("probes", "references"),
    [
        (HER, {"her": NOBODY}),
        (HER, {"her": rows([1, 0, 0])}),
        (HER, {"her": HER, "him": np.full((1, 4), np.nan, np.float32)}),
        (np.full((1, 4), np.nan, np.float32), {"her": HER}),
        (HER * 2, {"her": HER}),
        (HER * 0, {"her": HER}),
        (np.ones(4, np.float32), {"her": HER}),
        (np.zeros((2, 0), np.float32), {"her": HER}),
    ],
)
def test_embeddings_that_can_not_be_compared_are_an_error_and_not_an_answer(
    probes: Embeddings, references: dict[str, Embeddings]
) -> None:
    with pytest.raises(EmbeddingsWrong):
        match(probes, references, RULE)


def test_real_faces_find_their_own_and_a_stranger_finds_nobody() -> None:
    _, embedder = working_eyes()
    cast = {name: embedder.embed([crop_of(name)]) for name in ("astronaut", "hopper")}
    flipped = np.ascontiguousarray(portrait("astronaut")[:, ::-1])
    crop = align(flipped, only_face(flipped))
    assert crop is not None

    her = match(embedder.embed([crop]), cast, RULE)
    stranger = match(embedder.embed([crop_of("cameraman")]), cast, RULE)

    assert (her.match, her.person, her.band) == (Match.MATCHED, "astronaut", Band.HIGH)
    assert stranger.match is Match.UNKNOWN


WIDTH = 6
vectors = st.lists(st.integers(-9, 9), min_size=WIDTH, max_size=WIDTH).filter(any)
some_rows = st.lists(vectors, min_size=1, max_size=4).map(lambda chosen: rows(*chosen))
casts = st.dictionaries(st.sampled_from("abcde"), some_rows, max_size=5)


@given(some_rows, casts, st.randoms(use_true_random=False))
def test_no_order_has_an_influence(probes: Embeddings, cast: dict[str, Embeddings], chance: object) -> None:
    shuffle = chance.shuffle  # type: ignore[attr-defined]
    people, places = list(cast), list(range(len(probes)))
    shuffle(people)
    shuffle(places)

    answer = match(probes[places], {person: cast[person][::-1] for person in people}, RULE)

    assert answer == match(probes, cast, RULE)


@given(some_rows, casts, some_rows)
def test_one_more_cast_member_never_makes_somebody_else_match(
    probes: Embeddings, cast: dict[str, Embeddings], another: Embeddings
) -> None:
    before = match(probes, cast, RULE)

    after = match(probes, {**cast, "z": another}, RULE)

    if after.person not in {None, "z"}:
        assert after.person == before.person
    if before.match is Match.UNKNOWN:
        assert after.match is not Match.MATCHED or after.person == "z"


@given(some_rows, casts)
def test_only_a_match_names_a_person_and_only_of_the_cast(
    probes: Embeddings, cast: dict[str, Embeddings]
) -> None:
    answer = match(probes, cast, RULE)

    assert (answer.person is not None) == (answer.match is Match.MATCHED)
    assert set(answer.candidates) <= set(cast)
    if answer.match is Match.MATCHED:
        assert answer.candidates == (answer.person,)


@given(st.floats(-0.99, 0.99), st.floats(-0.99, 0.99))
def test_less_likeness_never_helps(one: float, other: float) -> None:
    far, near = sorted((one, other))

    if match(at(far), {"her": HER}, RULE).match is Match.MATCHED:
        assert match(at(near), {"her": HER}, RULE).match is Match.MATCHED


@given(some_rows, casts, st.floats(0, 0.5), st.floats(0, 0.3))
def test_a_stricter_rule_never_matches_more(
    probes: Embeddings, cast: dict[str, Embeddings], threshold: float, margin: float
) -> None:
    strict = MatchRule(threshold=RULE.threshold + threshold, margin=RULE.margin + margin)

    answer = match(probes, cast, strict)

    if answer.match is Match.MATCHED:
        assert match(probes, cast, RULE).person == answer.person
