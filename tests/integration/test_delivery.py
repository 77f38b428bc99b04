"""Handing a released file over: under the locks of the consents it rests on, by the gate's clock."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from audit.errors import Unready
from consent.registry import Registry
from service.database import utc_now
from service.worker import working
from swap import outputs
from swap.orders import Progress
from swap.outputs import Output
from swap.serving import Gone
from swap.withdrawal import impact
from worlds import World

Stage = Callable[..., World]


def test_a_withdrawal_waits_for_a_delivery_and_lists_its_copy(at_stage: Stage) -> None:
    # Given a delivery that has heard everybody's yes and has not committed yet
    world = at_stage("asked")
    output = released(world)
    withdrawal = Thread(target=world.withdraws, args=["astronaut"])
    meanwhile = Meanwhile(world.record.registry, withdrawal)

    # When the performer withdraws just then
    delivered = replace(world.record.delivery, standings=meanwhile).deliver(output.id)
    withdrawal.join()

    # Then her withdrawal had not returned before the copy was out, and knows of it
    assert isinstance(delivered, Path)
    assert meanwhile.waited
    with world.record.database.read() as session:
        touched = impact(session, world.tenant, world.people["astronaut"].authorization)
    assert touched.delivered == 1
    assert world.record.delivery.deliver(output.id) is Gone.CONSENT_ENDED


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_consent_that_ended_does_not_come_back_with_the_clock(at_stage: Stage) -> None:
    # Given an output whose consents have ended by their term, and a log that has gone on since
    clock = Running()
    world = at_stage("asked", clock=clock)
    output = released(world)
    clock.ahead = timedelta(days=31)
    assert world.record.delivery.deliver(output.id) is Gone.CONSENT_ENDED
    world.enrol("somebody")

    # When the clock is set back by a little, and by a month
    clock.ahead -= timedelta(seconds=30)
    assert world.record.delivery.deliver(output.id) is Gone.CONSENT_ENDED
    clock.ahead = timedelta()
    with pytest.raises(Unready) as raised:
        world.record.delivery.deliver(output.id)

    # Then nothing was handed over
    assert raised.value.code == "CLOCK_SET_BACK"
    with world.record.database.read() as session:
        assert outputs.get(session, world.tenant, output.id).served == 0


def released(world: World) -> Output:
    with working(world.record, world.studio) as worker:
        assert worker.wait_for(world.known["job"], lambda *_: None).progress is Progress.RELEASED
    with world.record.database.read() as session:
        output = outputs.of_job(session, world.tenant, world.known["job"])
    assert output is not None
    return output


@dataclass
class Meanwhile:
    """The registry, asked by somebody who is overtaken right after."""

    registry: Registry
    other: Thread
    waited: bool = False

    def standings(self, *args: Any, **more: Any) -> Any:
        found = self.registry.standings(*args, **more)
        self.other.start()
        self.other.join(1)
        self.waited = self.other.is_alive()
        return found


class Running:
    """The clock, which a test can put forward."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead
