"""A reader takes ranges in a loop while she withdraws, or a court's order comes: nothing after it returned.

The clock of each served range is read before the question goes out, so whatever is counted is a violation.
The time from the call to the last byte that left is written down, not asserted: it is the machine's.
"""

import logging
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from races.race import together
from races.stage import NOW, Act, Stage, finished
from races.uses import released
from swap import outputs, recipients
from swap.claim import Target
from swap.claims import Claims
from swap.delivery import Delivery
from swap.outputs import Output
from swap.serving import Gone
from swap.withdrawal import impact

LOG = logging.getLogger("races")
End = Callable[[Stage, Act, Output], None]


def she_withdraws(stage: Stage, act: Act, _output: Output) -> None:
    stage.withdraw(act.performer)


def the_donor_withdraws(stage: Stage, act: Act, _output: Output) -> None:
    stage.withdraw(act.donated)


def a_court_orders(stage: Stage, _act: Act, output: Output) -> None:
    house = stage.house
    claims = Claims(house.ledger, house.keystore, house.registry, stage.effect, house.entropy)
    with stage.elsewhere.write() as session:
        claims.order(session, Target.OUTPUT, output.id, "0d" * 32, by="op", now=NOW)


def delivery(stage: Stage) -> Delivery:
    media = stage.pipeline.media
    return Delivery(stage.database, stage.house.ledger, stage.log, media, stage.house.registry, lambda: NOW)


def an_output(stage: Stage, act: Act) -> Output:
    assert released(stage, act)
    with stage.database.read() as session:
        output = outputs.of_job(session, stage.tenant, act.job)
    assert output is not None
    return output


@pytest.mark.timeout(36_000)
@pytest.mark.parametrize("end", [she_withdraws, the_donor_withdraws, a_court_orders])
def test_no_range_is_served_after_it_returned(stage: Stage, trials: int, end: End) -> None:
    spans, ranges = [], 0
    for act in stage.acts(max(4, trials // 4), finished):
        # Given an output that somebody reads, range after range
        output, serving = an_output(stage, act), delivery(stage)
        reading, served, said = threading.Event(), [], []
        began = back = 0.0

        def reads(
            serving: Delivery = serving,
            output: Output = output,
            served: list[float] = served,
            said: list[Gone] = said,
            reading: threading.Event = reading,
        ) -> None:
            while not said:
                asked = time.monotonic()
                handed = serving.hand_over(output, counted=not served, to="reader")
                if isinstance(handed, Gone):
                    said.append(handed)
                else:
                    handed.opened.close()
                    served.append(asked)
                    reading.set()
            reading.set()

        def ends(act: Act = act, output: Output = output, reading: threading.Event = reading) -> None:
            nonlocal began, back
            reading.wait()
            began = time.monotonic()
            end(stage, act, output)
            back = time.monotonic()

        # When meanwhile it is ended
        together(reads, ends)

        # Then no range was asked for and served after that had returned, and he is listed
        assert served
        assert max(served) <= back
        assert said[0] in {Gone.CONSENT_ENDED, Gone.FROZEN}
        with stage.database.read() as session:
            (had,) = recipients.of(session, stage.tenant, [output.id])
            assert (had.requester, had.copies) == ("reader", 1)
            if end is not a_court_orders:
                authorization = act.performer if end is she_withdraws else act.donated
                assert impact(session, stage.tenant, authorization).recipients == (had,)
        spans.append(max(served) - began)
        ranges += len(served)
    LOG.info(
        "%s, %s: %d ended, %d ranges; from the call to the last range %.1f ms median, %.1f ms at most",
        end.__name__,
        stage.database.engine.dialect.name,
        len(spans),
        ranges,
        1000 * statistics.median(spans),
        1000 * max(spans),
    )


def served(serving: Delivery, output: Output) -> None:
    handed = serving.hand_over(output, counted=False)
    assert not isinstance(handed, Gone)
    handed.opened.close()


def test_the_race_is_lost_where_serving_does_not_ask_again(stage: Stage) -> None:
    """Else the race above would show nothing."""
    (act,) = stage.acts(1, finished)
    output = an_output(stage, act)

    class Remembering:
        def standings(self, session: object, tenant: str, ids: list[str], **asked: object) -> object:
            key = tuple(ids)
            if key not in self.known:
                self.known[key] = stage.house.registry.standings(session, tenant, ids, **asked)  # type: ignore[arg-type]
            return self.known[key]

        def __init__(self) -> None:
            self.known: dict[tuple[str, ...], object] = {}

    careless = replace(delivery(stage), standings=Remembering())  # type: ignore[arg-type]
    served(careless, output)

    she_withdraws(stage, act, output)

    served(careless, output)
    assert delivery(stage).hand_over(output, counted=False) is Gone.CONSENT_ENDED
