"""Handing a released file over: under the locks of the consents it rests on, by the gate's clock."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from audit.errors import Diverged, Unready
from consent.registry import Registry
from service.database import utc_now
from swap import library, orders, outputs
from swap.serving import Gone
from swap.withdrawal import impact
from worlds import World

Stage = Callable[..., World]


def test_a_withdrawal_waits_for_a_delivery_and_lists_its_copy(at_stage: Stage) -> None:
    # Given a delivery that has heard everybody's yes and has not committed yet
    world = at_stage("asked")
    output = world.released()
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
    output = world.released()
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


@pytest.mark.parametrize(
    ("ground", "edit"),
    [
        ("sqlite", "DELETE FROM output_consent WHERE person_id = :performer"),
        ("sqlite", "UPDATE output_consent SET purposes = 'PREVIEW' WHERE person_id = :performer"),
        ("sqlite", "UPDATE output SET digest = :template"),
        ("sqlite", "UPDATE output SET leaf_hash = :entry"),
        ("postgresql", "DELETE FROM output_consent WHERE person_id = :performer"),
    ],
    indirect=["ground"],
)
def test_rows_that_are_not_what_was_released_hand_nothing_over(edit: str, at_stage: Stage) -> None:
    # Given a released file, and somebody with the database in his hands
    world = at_stage("asked")
    output = world.released()
    with world.record.database.read() as session:
        template = library.get(session, world.tenant, output.template).media_digest
        entry = orders.job(session, world.tenant, output.job).started
    values = {
        "performer": world.people["astronaut"].person,
        "template": template,
        "entry": entry,
    }
    used = {name: value for name, value in values.items() if f":{name}" in edit}
    assert world.edit(edit, **used) == 1

    # When it is asked for
    answers = []
    for _ in ("before the performer withdrew", "and after"):
        try:
            answers.append(world.record.delivery.deliver(output.id))
        except Diverged as error:
            answers.append(error.code)
        world.withdraws("astronaut")

    # Then neither it nor the template without a label leaves
    assert set(answers) <= {"STORED_BYTES_CHANGED", Gone.CONSENT_ENDED}
    with world.record.database.read() as session:
        assert outputs.get(session, world.tenant, output.id).served == 0


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
