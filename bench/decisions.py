"""How long a gate decision takes: every rule, three people, against five milliseconds."""

import time
from collections.abc import Iterator

from bench.house import house
from bench.row import Bound, Promise, Row
from bench.shoot import Shoot, permitted
from consent import docket
from consent.case import Case, parse
from consent.gate import Gate
from service.wiring import Record

LIMIT_MS = 5.0
_DECISIONS = 200
_PUBLISHED_EVERY = 20
_HOW = (
    "A permit for a swap: performer, bystander and donor, all rules in one policy batch, consents verified "
    "from stored bytes (read each time; a signature once found good is remembered by its bytes), deny "
    "journal read, uses reserved, decision rows and sealed entry written, in a "
    f"write session on SQLite. Median of {_DECISIONS} decisions after 20 to warm up; the log is published in "
    "between, not timed. "
)
DECIDING = Promise(
    name="gate-decision",
    what="one gate decision",
    unit="ms",
    bound=Bound("<", 1),
    how=_HOW + "CPU time of `decide` alone.",
)
COMMITTED = Promise(
    name="gate-decision-committed",
    what="one gate decision, committed",
    unit="ms",
    bound=Bound("<", 1),
    how=_HOW + "By the clock, from opening the session to the end of the commit with its fsync.",
)


def rows() -> Iterator[Row]:
    """Without and with the commit, of the same decisions."""
    with house() as place:
        taken = Shoot.prepared(place).take()
        record = place.record
        with record.database.read() as session:
            found = docket.find(session, record.settings.tenant, taken.asked.id)
        if found is None:
            raise RuntimeError("the decision is not in the docket")
        case = parse(found.case)
        alone, whole = [], []
        for number in range(20 + _DECISIONS):
            if number % _PUBLISHED_EVERY == 0:
                record.log.publish(now=record.clock())
            cpu, wall = _decided(record, record.gate, case)
            if number >= 20:
                alone.append(1000 * cpu)
                whole.append(1000 * wall)
        yield DECIDING.within(alone, LIMIT_MS)
        yield COMMITTED.within(whole, LIMIT_MS)


def _decided(record: Record, gate: Gate, case: Case) -> tuple[float, float]:
    began = time.perf_counter()
    with record.database.write() as session:
        session.connection()  # begins: part of the committed row, not of the decision
        before = time.process_time()
        decision = gate.decide(session, case, record.clock())
        cpu = time.process_time() - before
    wall = time.perf_counter() - began
    permitted(decision)
    return cpu, wall
