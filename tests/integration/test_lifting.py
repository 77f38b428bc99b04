"""A hold that two people lift is also done: the template is published, the swap's job begins."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from consent.gate import HoldUnknown, NotTwoPersons
from consent.permit import Decision, Hold, Permit, Refusal
from consent.words import Action, Match
from service.database import utc_now
from service.retention import purger
from service.worker import working
from swap import cases, library
from swap.errors import PhotoGone, Tampered, WrongState
from swap.library import State
from swap.lifting import Lifting
from swap.orders import Progress
from swap.pipeline import Asked
from worlds import World

Stage = Callable[..., World]


class Later:
    """A clock that can be moved."""

    by = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.by


def held(world: World) -> Hold:
    """A template published on hold: one of its tracks can't be told apart."""
    with world.record.database.write() as session:
        found = library.get(session, world.tenant, world.known["template"])
        _, said = library.seen(session, world.tenant, found)
        assert said is not None
        first, *rest = cases.verdicts_of(said)
        doubtful = cases.Verdict(first.track, Match.AMBIGUOUS, None)
        verdicts = cases.verdicts_json((doubtful, *rest))
        library.matched(session, world.tenant, world.known["template"], found.cast, verdicts)
    decision = world.publish()
    assert isinstance(decision, Hold), decision.reasons
    return decision


def lifted(world: World, hold: str, by1: str = "operator-1", by2: str = "operator-2") -> Asked:
    with world.record.database.write() as session:
        done = Lifting(world.studio.admission, world.studio.pipeline).lift(
            session, hold, by1, by2, "it is her, seen from behind"
        )
    world.record.log.publish(done.decision.ruling.entry, now=world.record.clock())
    return done


def lift(world: World, hold: Decision) -> tuple[Decision, str | None]:
    done = lifted(world, hold.ruling.id)
    return done.decision, done.job


def state(world: World) -> State:
    with world.record.database.read() as session:
        return library.get(session, world.tenant, world.known["template"]).state


def test_a_lifted_template_is_published_and_a_lifted_swap_runs(at_stage: Stage) -> None:
    # Given a template on hold
    world = at_stage("scanned")
    hold = held(world)
    assert state(world) is State.REFUSED

    # When two people lift it, then it is published,
    decision, job = lift(world, hold)
    assert isinstance(decision, Permit)
    assert (decision.ruling.action, job) == (Action.PUBLISH, None)
    assert state(world) is State.PUBLISHED

    # and each swap of it is looked at too, and runs once it was.
    assert world.receive().donor
    asked = world.ask()
    assert isinstance(asked.decision, Hold)
    decision, job = lift(world, asked.decision)
    assert isinstance(decision, Permit)
    assert job is not None
    with working(world.record, world.studio) as worker:
        assert worker.wait_for(job, lambda *_: None).progress is Progress.RELEASED


def test_a_hold_is_lifted_by_two_people_and_once(at_stage: Stage) -> None:
    world = at_stage("scanned")
    hold = held(world)

    with pytest.raises(NotTwoPersons):
        lifted(world, hold.ruling.id, by2="operator-1")
    assert state(world) is State.REFUSED
    assert isinstance(lift(world, hold)[0], Permit)
    with pytest.raises(HoldUnknown):
        lift(world, hold)


def test_another_cast_since_the_hold_is_another_question(at_stage: Stage) -> None:
    world = at_stage("scanned")
    hold = held(world)
    world.studio.admission.amend("operator-1", world.known["template"], world.cast("astronaut"))

    with pytest.raises(WrongState):
        lift(world, hold)

    assert state(world) is State.SCANNED


def test_a_question_that_was_edited_in_the_database_is_not_answered(at_stage: Stage) -> None:
    world = at_stage("scanned")
    hold = held(world)
    scans = "SELECT \"case\" FROM decision WHERE action = 'scan' LIMIT 1"
    world.edit(f'UPDATE decision SET "case" = ({scans}) WHERE id = :id', id=hold.ruling.id)  # noqa: S608

    with pytest.raises(Tampered):
        lift(world, hold)


def test_a_hold_nobody_knows_is_said_so(at_stage: Stage) -> None:
    world = at_stage("scanned")

    with pytest.raises(HoldUnknown):
        lifted(world, "0" * 32)


def test_a_withdrawal_between_hold_and_lift_is_a_refusal(at_stage: Stage) -> None:
    world = at_stage("scanned")
    hold = held(world)
    world.withdraws("cameraman")

    decision, _ = lift(world, hold)

    assert isinstance(decision, Refusal)
    assert state(world) is State.REFUSED


def test_a_template_on_hold_is_kept_until_the_hold_is_over(at_stage: Stage) -> None:
    # Given a template on hold, which is no refusal yet
    clock = Later()
    world = at_stage("scanned", clock=clock)
    held(world)

    # Then its bytes wait for those who look, and go a day after the hold has become one.
    clock.by = timedelta(days=6)
    assert purger(world.record).run().gone == {}
    clock.by = timedelta(days=8, hours=1)
    assert purger(world.record).run().gone == {"refused-template": 1}


def test_a_swap_whose_photo_went_while_it_was_held_asks_anew(at_stage: Stage) -> None:
    clock = Later()
    world = at_stage("scanned", clock=clock)
    lift(world, held(world))
    assert world.receive().donor
    asked = world.ask()
    assert isinstance(asked.decision, Hold)
    clock.by = timedelta(hours=25)
    assert purger(world.record).run().gone == {"donor-photo": 1}

    with pytest.raises(PhotoGone):
        lift(world, asked.decision)
