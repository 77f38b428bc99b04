"""Each lock taken away in turn, and the race is lost: so the races that are won show something.

Redemption and release are held three times over: by the locks on the consents, by the permit's row, which
a withdrawal voids, and by the job's, which it cancels. To show what the first of them carries, the withdrawal
does nothing here but change the consent; with it in place that is enough, without it nothing is left.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import create_engine

from consent import chain
from consent.withdrawal import Together
from races.race import Course, Use
from races.stage import Act, Stage, Step, finished
from races.stage import asked as was_asked
from races.stage import published as was_published
from races.uses import asked, received, redeemed, released
from service.database import Database
from swap import library

ONLY_THE_CONSENT = Together(())
TRIES = 60
SLOWLY = 0.06
"""Seconds: longer than a withdrawal takes."""

on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
resting_on_a_donor = pytest.mark.parametrize(
    ("use", "upto"),
    [(asked, was_published), (redeemed, was_asked), (released, finished)],
    ids=["ask", "redeem", "release"],
)


def the_donors(act: Act) -> str:
    return act.donated


def the_performers(act: Act) -> str:
    return act.performer


@on_postgresql
@resting_on_a_donor
def test_the_lock_on_the_consents_is_enough(stage: Stage, trials: int, use: Use, upto: Step) -> None:
    course = raced(replace(stage, effect=ONLY_THE_CONSENT), use, upto, the_donors, trials)

    assert course.violations == 0, course.tally
    assert 0 < course.allowed < course.trials, course.tally


@on_postgresql
@resting_on_a_donor
def test_without_the_lock_on_the_consents_it_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, use: Use, upto: Step
) -> None:
    monkeypatch.setitem(chain._LOCKS, "share", chain._IN_ORDER)

    course = raced(replace(stage, effect=ONLY_THE_CONSENT), use, upto, the_donors, TRIES, until_lost=True)

    assert course.violations, course.tally


@on_postgresql
def test_without_the_lock_on_the_template_a_freeze_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "lock", lambda *_args, **_kwargs: None)

    course = raced(stage, received, None, the_performers, TRIES, until_lost=True)

    assert course.violations, course.tally


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_with_transactions_begun_at_the_first_write_it_is_lost(stage: Stage) -> None:
    careless = Careless(stage.database.url)

    course = raced(
        replace(stage, database=careless), asked, was_published, the_donors, TRIES, until_lost=True
    )

    careless.close()
    assert course.violations, course.tally


class Careless(Database):
    """SQLite as its driver has it: reads before the first write belong to no transaction."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30})


def raced(
    stage: Stage,
    use: Use,
    upto: Step | None,
    hers: Callable[[Act], str],
    most: int,
    **until: Any,
) -> Course:
    course, until_lost = Course(stage, use, linger=SLOWLY), bool(until.get("until_lost"))
    while course.trials < most and not (until_lost and course.violations):
        for act in stage.acts(min(8, most - course.trials), upto):
            course.run(act, hers(act))
            if until_lost and course.violations:
                break
    return course
