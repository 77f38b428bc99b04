"""A capture answered: its challenge used up, the clip watched, the outcome written. Three steps, in order."""

from contextlib import closing

from consent.person import Person
from consent.turning import CaptureMissed, Miss
from service.studio import Studio
from service.wiring import Record
from swap.filmed import shots


def answer(record: Record, studio: Studio, person: str, capture: str, clip: bytes) -> Person | Miss:
    """What came of it: she, proven by it, or why not.

    Raises `CaptureUnknown`, `CaptureClosed`, `ReferenceNotAllowed`, `ProofNotAttested`, or the fault of the
    file; the challenge is used up by then, except for one that is not open.
    """
    captures = studio.captures
    # Committed before a frame is looked at: an attempt that breaks off is an attempt.
    with record.database.write() as session:
        taken = captures.take(session, person, capture, now=record.clock())
    with closing(shots(studio.sandbox, clip)) as frames:
        try:
            found = captures.watch(taken, frames)
            miss = None
        except CaptureMissed as no:
            found, miss = [], no.miss
    with record.database.write() as session:
        outcome = captures.settle(session, taken, miss or found, now=record.clock())
    record.log.publish(now=record.clock())
    return outcome
