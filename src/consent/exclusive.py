"""Nobody stands in one frame twice."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from consent.eye_errors import OverlapWrong
from consent.matching import TrackMatch
from consent.words import Match


def exclusive(
    answers: Mapping[str, TrackMatch], overlaps: Iterable[tuple[str, str]]
) -> dict[str, TrackMatch]:
    """`answers` by track, with both of a pair AMBIGUOUS when they are the same person in one frame.

    `overlaps`: pairs of tracks seen in the same frame. One of the two is a lookalike, a mirror or a
    picture on a wall. Which one can't be told from the scores, and consent covers only one of them,
    so neither keeps its match. Raises `OverlapWrong`.
    """
    doubtful: set[str] = set()
    for one, other in overlaps:
        if one == other or one not in answers or other not in answers:
            raise OverlapWrong("an overlap is between two different tracks that were matched")
        if answers[one].person is not None and answers[one].person == answers[other].person:
            doubtful |= {one, other}
    return {
        track: replace(answer, match=Match.AMBIGUOUS, person=None) if track in doubtful else answer
        for track, answer in answers.items()
    }
