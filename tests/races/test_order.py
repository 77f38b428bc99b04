"""Several at once on the same rows: everybody locks in one order, so nobody waits in a circle.

PostgreSQL breaks a circle by failing one of those in it, which would be raised here. SQLite has one writer.
"""

import random
import time

import pytest

from consent.words import Role
from races.race import JITTER, together
from races.stage import REQUESTER, USE, Joined, Stage, must
from races.uses import nothing_rests_on
from swap.casting import CastMember

DONORS = 3
DAWDLE = 15 * JITTER


@pytest.mark.timeout(36_000)
def test_two_withdrawals_give_back_uses_of_the_same_donors(stage: Stage, trials: int) -> None:
    shuffle = random.Random(5).shuffle
    for _ in range(trials // 4 + 1):
        # Given two templates, and open permits for the same donors on both, in any order
        with stage.database.write() as session:
            building = stage.through(Joined(session))
            hers = [building.grant(session, stage.performer) for _ in range(2)]
            templates = [building.template(session, authorization) for authorization in hers]
            for template in templates:
                must(building.admission.publish(REQUESTER, template, USE))
            given = [building.grant(session, stage.donor) for _ in range(DONORS)]
            donors = [building.donate(session, templates[0], consent) for consent in given]
            wanted = [(template, donor) for template in templates for donor in donors]
            shuffle(wanted)
            for template, donor in wanted:
                must(building.pipeline.ask(template, donor, REQUESTER, USE).decision)

        # When the performers of both withdraw
        together(*(lambda who=who: stage.withdraw(who) for who in hers))

        # Then both have, and nothing rests on either
        for authorization in hers:
            nothing_rests_on(stage, authorization)


@pytest.mark.timeout(36_000)
def test_somebody_withdraws_while_she_is_put_into_a_cast(stage: Stage, trials: int) -> None:
    jitter = random.Random(5)
    for _ in range(trials // 2 + 1):
        # Given a template that does not rest on her consent yet
        with stage.database.write() as session:
            building = stage.through(Joined(session))
            former, hers = (building.grant(session, stage.performer) for _ in range(2))
            template = building.template(session, former)
        cast = [CastMember(stage.performer.id, Role.PERFORMER, hers)]
        late = jitter.random() * DAWDLE, jitter.random() * DAWDLE

        def amends(template: str = template, cast: list[CastMember] = cast) -> None:
            # With the template and her consent in hand: of the others each waits for one of the two.
            stage.registry.thread.pause = DAWDLE
            stage.admission.amend(REQUESTER, template, cast)

        def publishes(template: str = template, late: float = late[0]) -> None:
            time.sleep(late)
            stage.admission.publish(REQUESTER, template, USE)

        def withdraws(hers: str = hers, late: float = late[1]) -> None:
            time.sleep(late)
            stage.withdraw(hers)

        # When at once the cast is changed to name it, the template is used, and she withdraws
        together(amends, publishes, withdraws)

        # Then either the cast does not name it, or the template is frozen
        nothing_rests_on(stage, hers)
