"""A source or a work is refused while somebody decides, redeems or releases on a template of it.

Nothing commits after the refusal returned to its caller, as after a withdrawal. Nobody has a row to meet on:
the list itself is the lock.
"""

import pytest

from consent import refusals
from consent.refusals import Kind, Refusals
from gating import MEDIA, RECEIVED
from races.race import Course, Use
from races.stage import NOW, Stage, Step, finished
from races.stage import asked as was_asked
from races.stage import published as was_published
from races.uses import asked, redeemed, released

VALUES = {"received": (Kind.SOURCE, RECEIVED), "media": (Kind.SOURCE, MEDIA), "work": (Kind.WORK, "dance-01")}
SLOWLY = 0.06
"""Seconds: longer than it takes to put something on the list."""
ENOUGH = 80


def refuses(stage: Stage, what: str) -> None:
    kind, value = VALUES[what]
    with stage.elsewhere.write() as session:
        _list(stage).add(session, kind, value, by="operator", now=NOW)


def takes_back(stage: Stage) -> None:
    """So that the next race has something to lose."""
    with stage.database.write() as session:
        (one,) = _list(stage).every(session)
        _list(stage).end(session, one.id, by="operator", now=NOW)


def _list(stage: Stage) -> Refusals:
    return Refusals(stage.house.ledger, stage.house.entropy)


@pytest.mark.timeout(36_000)
@pytest.mark.parametrize(
    ("use", "upto"),
    [
        pytest.param(asked, was_published, id="decision"),
        pytest.param(redeemed, was_asked, id="redemption"),
        pytest.param(released, finished, id="release"),
    ],
)
def test_nothing_commits_after_a_refusal_returned(stage: Stage, trials: int, use: Use, upto: Step) -> None:
    courses = {what: Course(stage, use, end=refuses) for what in VALUES}
    for act, what in zip(stage.acts(trials, upto), list(VALUES) * trials, strict=False):
        courses[what].run(act, what)

        assert not asked(stage, act)
        takes_back(stage)

    violations = {what: course.violations for what, course in courses.items()}
    allowed = sum(course.allowed for course in courses.values())
    assert set(violations.values()) == {0}, violations
    assert 0 < allowed < trials, "the race never went both ways"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_without_the_lock_on_the_list_it_is_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "lock", lambda *_args, **_kwargs: None)
    course = Course(stage, asked, end=refuses, linger=SLOWLY)

    while not course.violations and course.trials < ENOUGH:
        for act in stage.acts(8, was_published):
            course.run(act, "work")
            takes_back(stage)

    assert course.violations
