import pytest

from consent.exclusive import exclusive
from consent.eye_errors import OverlapWrong
from consent.matching import Band, TrackMatch
from consent.words import Match

HER = TrackMatch(Match.MATCHED, "her", ("her",), Band.HIGH)
HIM = TrackMatch(Match.MATCHED, "him", ("him",), Band.MID)
STRANGER = TrackMatch(Match.UNKNOWN, band=Band.LOW)


def test_one_person_twice_in_a_frame_is_neither_for_certain() -> None:
    answers = exclusive({"t1": HER, "t2": HER, "t3": HIM}, [("t1", "t2"), ("t2", "t3")])

    assert answers["t1"] == answers["t2"] == TrackMatch(Match.AMBIGUOUS, None, ("her",), Band.HIGH)
    assert answers["t3"] == HIM


def test_one_person_in_two_shots_stays_matched() -> None:
    answers = {"t1": HER, "t2": HER}

    assert exclusive(answers, []) == answers


def test_two_strangers_in_a_frame_stay_strangers() -> None:
    answers = {"t1": STRANGER, "t2": STRANGER}

    assert exclusive(answers, [("t1", "t2")]) == answers


def test_three_of_one_person_are_all_doubtful_in_whatever_order_pairs_come() -> None:
    answers = {"t1": HER, "t2": HER, "t3": HER}
    pairs = [("t1", "t2"), ("t2", "t3")]

    assert exclusive(answers, pairs) == exclusive(answers, pairs[::-1])
    assert {each.match for each in exclusive(answers, pairs).values()} == {Match.AMBIGUOUS}


@pytest.mark.parametrize("pair", [("t1", "t1"), ("t1", "gone"), ("gone", "t1")])
def test_an_overlap_with_nothing_or_itself_is_an_error(pair: tuple[str, str]) -> None:
    with pytest.raises(OverlapWrong):
        exclusive({"t1": HER}, [pair])
