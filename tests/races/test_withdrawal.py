"""Release, redemption and freeze racing a withdrawal: nothing commits after the withdrawal returned.

`CONSENTRY_RACES` sets how often each race is run. The start is set so that either side wins about as often.
"""

import logging
from collections.abc import Callable
from functools import reduce

import pytest

from races.race import Course, Tally, Use
from races.stage import Act, Stage, Step, finished
from races.stage import asked as was_asked
from races.stage import published as was_published
from races.uses import (
    asked,
    is_not_served,
    nothing_rests_on,
    published,
    received,
    redeemed,
    released,
    the_donors,
    the_performers,
)

LOG = logging.getLogger("races")
BATCH = 50
Whose = Callable[[Act], str]
EITHERS = (the_performers, the_donors)


@pytest.mark.timeout(36_000)
@pytest.mark.parametrize(
    ("use", "upto", "whose"),
    [
        pytest.param(redeemed, was_asked, EITHERS, id="redemption"),
        pytest.param(released, finished, EITHERS, id="release"),
        # Names the donor alone: nothing but the freeze keeps it from a template whose performer withdrew.
        pytest.param(received, None, (the_performers,), id="freeze"),
        pytest.param(published, None, (the_performers,), id="publication"),
        pytest.param(asked, was_published, EITHERS, id="decision"),
    ],
)
def test_nothing_commits_after_a_withdrawal_returned(
    stage: Stage, trials: int, use: Use, upto: Step | None, whose: tuple[Whose, ...]
) -> None:
    courses = [(hers, Course(stage, use)) for hers in whose]
    tally = Tally()
    while tally.trials < trials:
        for place, act in enumerate(stage.acts(min(BATCH, trials - tally.trials), upto)):
            hers, course = courses[place % len(courses)]

            course.run(act, hers(act), returned=is_not_served)

            nothing_rests_on(stage, hers(act))
            is_not_served(stage, act)
        tally = reduce(Tally.and_of, (course.tally for _, course in courses))
        LOG.info("%s, %s: %s", use.__name__, stage.database.engine.dialect.name, tally)

    assert tally.violations == 0, str(tally)
    assert 0 < tally.allowed < tally.trials, f"the race never went both ways: {tally}"
