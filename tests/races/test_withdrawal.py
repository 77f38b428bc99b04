"""Release, redemption and freeze racing a withdrawal: nothing commits after the withdrawal returned.

`CONSENTRY_RACES` sets how often each race is run. Each is won by either side about as often.
"""

import logging
from collections.abc import Callable, Iterator

import pytest

from races.race import Course, Use
from races.stage import Act, Stage, finished
from races.stage import asked as was_asked
from races.stage import published as was_published
from races.uses import asked, is_not_served, nothing_rests_on, published, received, redeemed, released

LOG = logging.getLogger("races")
BATCH = 50
Hers = Callable[[Act], str]


def the_performers(act: Act) -> str:
    return act.performer


def the_donors(act: Act) -> str:
    return act.donated


def courses(stage: Stage, course: Course, trials: int, upto: Callable[..., Act] | None) -> Iterator[Act]:
    while course.trials < trials:
        yield from stage.acts(min(BATCH, trials - course.trials), upto)


@pytest.mark.timeout(36_000)
@pytest.mark.parametrize(
    ("use", "upto", "hers"),
    [
        (redeemed, was_asked, the_performers),
        (redeemed, was_asked, the_donors),
        (released, finished, the_performers),
        (released, finished, the_donors),
        # Names the donor alone: only the freeze stands between this decision and the performer's withdrawal.
        (received, None, the_performers),
        (published, None, the_performers),
        (asked, was_published, the_performers),
        (asked, was_published, the_donors),
    ],
    ids=lambda value: None if value is None else value.__name__,
)
def test_nothing_commits_after_a_withdrawal_returned(
    stage: Stage, trials: int,
    use: Use, upto: Callable[..., Act] | None, hers: Hers,
) -> None:
    course = Course(stage, use)

    for act in courses(stage, course, trials, upto):
        course.run(act, hers(act), returned=is_not_served)
        nothing_rests_on(stage, hers(act))
        is_not_served(stage, act)

    LOG.info("%s against %s: %s", use.__name__, hers.__name__, course.tally)
    assert course.violations == 0, course.tally
    assert 0 < course.allowed < course.trials, f"the race never went both ways: {course.tally}"
