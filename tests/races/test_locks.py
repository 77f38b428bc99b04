"""Each lock taken away in turn, and the race is lost: so races that are not lost show something.

Redemption and release are held three times over: by the locks on the consents, by the permit's row, which
a withdrawal voids, and by the job's, which it cancels. To see what the first of them carries, withdrawals
change nothing here but the consent. With its lock that is enough; without it nothing is left.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlmodel import create_engine

from consent import chain
from consent.withdrawal import Together
from races.race import Course, Use
from races.stage import Act, Stage, Step, finished
from races.stage import asked as was_asked
from races.stage import published as was_published
from races.uses import asked, received, redeemed, released, the_donors, the_performers
from service.database import Database
from swap import library

ONLY_THE_CONSENT = Together(())
SLOWLY = 0.06
"""Seconds: longer than a withdrawal takes."""
ENOUGH = 80
"""Races, of which without a lock several are lost in every ten."""

on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
of_each_use = pytest.mark.parametrize(
    ("use", "upto"),
    [(asked, was_published), (redeemed, was_asked), (released, finished)],
    ids=["decision", "redemption", "release"],
)


@on_postgresql
@of_each_use
def test_the_lock_on_the_consents_is_enough(stage: Stage, trials: int, use: Use, upto: Step) -> None:
    course = Course(replace(stage, effect=ONLY_THE_CONSENT), use, linger=SLOWLY)

    for act in stage.acts(trials, upto):
        course.run(act, the_donors(act))

    assert course.violations == 0, str(course.tally)
    assert 0 < course.allowed < course.trials, str(course.tally)


@on_postgresql
@of_each_use
def test_without_the_lock_on_the_consents_it_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, use: Use, upto: Step
) -> None:
    monkeypatch.setitem(chain._LOCKS, "share", chain._IN_ORDER)

    assert is_lost(replace(stage, effect=ONLY_THE_CONSENT), use, upto, the_donors)


@on_postgresql
def test_without_the_lock_on_the_template_a_freeze_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "lock", lambda *_args, **_kwargs: None)

    assert is_lost(stage, received, None, the_performers)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_with_transactions_that_begin_at_the_first_write_it_is_lost(stage: Stage) -> None:
    careless = Careless(stage.database.url)

    assert is_lost(replace(stage, database=careless), asked, was_published, the_donors)

    careless.close()


class Careless(Database):
    """SQLite as its driver has it: what is read before the first write belongs to no transaction."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30})


def is_lost(stage: Stage, use: Use, upto: Step | None, hers: Callable[[Act], str]) -> bool:
    course = Course(stage, use, linger=SLOWLY)
    while course.trials < ENOUGH:
        for act in stage.acts(8, upto):
            course.run(act, hers(act))
            if course.violations:
                return True
    return False
