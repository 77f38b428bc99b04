"""What days bring about, the worker does: she is told of an end in time, and requests lapse."""

from collections.abc import Callable

from consent.inbox import inbox
from consent.requests import State
from consent.words import Role
from integration.test_retention import Clock
from service import asking
from service.demo import cast as demo
from service.worker import working
from worlds import World, small_clip

Stage = Callable[..., World]


def test_the_worker_reminds_and_lets_requests_lapse(at_stage: Stage) -> None:
    # Given people whose consents end in thirty days, and a request to one of them for a fortnight
    clock = Clock()
    world = at_stage("consented", clock=clock)
    person = world.people["astronaut"].person
    scope = demo.scope(Role.PERFORMER, small_clip().digest, clock())
    asked = asking.ask(world.record, asking.Wanted(person, scope, "face-swap", "zh-CN"), "studio").request
    consents = world.rows("signed_authorization")

    # When a worker turns today, in twenty-four days, and again
    told = []
    for days in (0, 24, 0):
        clock.moves(days=days)
        with working(world.record, world.studio) as worker:
            worker.turn()
        told.append(world.rows("consent_reminder"))

    # Then each of them was told once, and the request has lapsed with an entry of its own.
    assert told == [0, consents, consents]
    with world.record.database.read() as session:
        found = inbox(session, world.record.registry, person, now=clock())
    assert [one.reminder.days for one in found.reminders] == [7]
    assert [(one.id, one.state) for one in found.requests] == [(asked.id, State.LAPSED)]
    assert found.requests[0].entry != asked.entry
    assert world.kinds().count("ConsentRequestLapsed") == 1
    assert world.kinds().count("ConsentEndsSoon") == consents
