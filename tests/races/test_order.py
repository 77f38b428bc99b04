"""Several at once on the same rows: everybody locks in one order, so nobody waits in a circle.

PostgreSQL ends a circle by failing one of those in it; that would be raised here. SQLite has one writer.
"""

import random
import time

import pytest

from consent.words import Role
from races.race import JITTER, together
from races.stage import REQUESTER, USE, Joined, Stage
from races.uses import nothing_rests_on
from swap.library import CastMember

DONORS = 4


@pytest.mark.timeout(36_000)
def test_two_withdrawals_give_the_same_donors_uses_back(stage: Stage, trials: int) -> None:
    shuffle = random.Random(5).shuffle
    for _ in range(trials // 2):
        # Given two templates, and open permits for the same donors on both, in any order
        with stage.database.write() as session:
            building = stage.through(Joined(session))
            hers = [building.grant(session, stage.performer) for _ in range(2)]
            templates = [building.template(session, authorization) for authorization in hers]
            donors = [
                building.donate(session, building.grant(session, stage.donor)) for _ in range(DONORS)
            ]
            for template in templates:
                building.admission.publish(REQUESTER, template, USE)
            wanted = [(template, donor) for template in templates for donor in donors]
            shuffle(wanted)
            asked = [building.pipeline.ask(template, donor, REQUESTER, USE) for template, donor in wanted]
        assert all(answer.job for answer in asked)

        # When the people of both withdraw at once
        together(*(lambda who=who: stage.withdraw(who) for who in hers))

        # Then each is done, and nothing rests on either
        for authorization in hers:
            nothing_rests_on(stage, authorization)


@pytest.mark.timeout(36_000)
def test_somebody_withdraws_while_she_is_added_to_a_cast(stage: Stage, trials: int) -> None:
    jitter = random.Random(5)
    for _ in range(trials):
        # Given a template that does not name her consent yet
        with stage.database.write() as session:
            building = stage.through(Joined(session))
            former, hers = (building.grant(session, stage.performer) for _ in range(2))
            template = building.template(session, former)
        cast = [CastMember(stage.performer.id, Role.PERFORMER, hers)]
        late = [jitter.random() * 15 * JITTER for _ in range(2)]

        def amends() -> None:
            # Dawdles with the template and her consent in hand; the other two wait for one of them each.
            stage.registry.thread.pause = 15 * JITTER
            stage.admission.amend(REQUESTER, template, cast)

        def publishes() -> None:
            time.sleep(late[0])
            stage.admission.publish(REQUESTER, template, USE)

        def withdraws() -> None:
            time.sleep(late[1])
            stage.withdraw(hers)

        # When the cast is amended to name it, the template is asked for, and she withdraws, all at once
        together(amends, publishes, withdraws)

        # Then a template that names her is frozen
        nothing_rests_on(stage, hers)
