"""The model that soaks are held against finds what it is for: each promise, broken once, is named.

A small story that is sound, told as a journal and as books; and for each way of lying in it, who notices.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from audit import tree
from soak.books import Books, Decided, Event, Job, Output, Permit, Published, Uses
from soak.journal import Answered, Asked, Journal, Permitted, Served, Withdrawn, stakes
from soak.promises import (
    Promise,
    broken,
    every_answer_was_designed,
    every_swap_ended_once,
    nothing_stays_of_who_left,
    nothing_was_decided_or_released_behind_a_withdrawal,
    nothing_was_permitted_after_a_withdrawal,
    permits_and_uses_add_up,
    the_log_is_complete,
)
from soak.vitals import Sample, Vitals, drifts

KINDS = (
    "Decided",
    "RunStarted",
    "Decided",
    "OutputReleased",
    "Decided",
    "ConsentWithdrawn",
    "OutputWithdrawn",
)
HASHES = [tree.leaf_hash(bytes([number])) for number in range(len(KINDS))]
ASK, RUN, RECHECK, RELEASE, OTHER, LEAVE, TAKEN = (each.hex() for each in HASHES)
HERS = stakes("a1", "USER_SWAP")


@dataclass
class Told:
    """A story, and the same as the service has it."""

    journal: Journal
    books: Books

    def of_books(self, **changes: object) -> None:
        self.books = replace(self.books, **changes)  # type: ignore[arg-type]

    def of_log(self, **changes: object) -> None:
        self.of_books(log=replace(self.books.log, **changes))  # type: ignore[arg-type]


@pytest.fixture
def told() -> Told:
    """A swap that was released, served, and withdrawn; another that its asker called off; a refused one."""
    journal = Journal(
        answers=[Answered("GET /v1/policy", 200, 0, 1), Answered("GET /", 503, 0, 1, retry_after=True)],
        withdrawals=[Withdrawn(HERS, LEAVE, begun=50, ended=51)],
        permits=[Permitted("swap", HERS, begun=10), Permitted("swap", HERS, begun=50.5)],
        served=[Served("o1", HERS, begun=30, size=9), Served("o1", HERS, begun=50.9, size=9)],
        asked=[Asked("j1", HERS, ("j1",)), Asked(None, HERS), Asked("", HERS)],
        entries={ASK, RELEASE},
        outputs={"o1": HERS},
    )
    root = tree.root(HASHES).hex()
    books = Books(
        log=Published([each.hex() for each in HASHES], KINDS, root, root, len(HASHES)),
        jobs=[Job("j1", "released", 1, "d1"), Job("j2", "failed", 0, "d2")],
        outputs=[Output("o1", "j1", RELEASE, withdrawn=True)],
        permits=[Permit("d1", "finished", "j1"), Permit("d2", "issued", None)],
        decided=[
            Decided("d1", "swap", "ask", ASK, HERS),
            Decided("d1r", "swap", "release", RECHECK, HERS),
            Decided("d2", "swap", "ask", OTHER, HERS),
        ],
        events=[Event("ConsentWithdrawn", "a1", frozenset({"USER_SWAP"}), LEAVE)],
        counters=[Uses(("a1", "USER_SWAP"), most=2, reserved=1, spent=1)],
        rests_on={"o1": HERS},
        rows={"Decided": 3, "OutputReleased": 1, "RunStarted": 1},
        open_duties=0,
        unfinished_scans=0,
        kept=frozenset({"a2"}),
    )
    return Told(journal, books)


def test_a_sound_story_breaks_nothing(told: Told) -> None:
    assert broken(told.journal, told.books) == {}


def permitted_after(told: Told) -> None:
    told.journal.permits.append(Permitted("publish", HERS, begun=51.5))


def served_after(told: Told) -> None:
    told.journal.served.append(Served("o1", frozenset(), begun=60, size=1))


def served_after_and_forgotten(told: Told) -> None:
    told.journal.served.append(Served("o1", HERS, begun=60, size=1))
    told.of_books(rests_on={"o1": stakes("a9", "USER_SWAP")})


def withdrawal_forgotten(told: Told) -> None:
    told.of_books(events=[])


def released_behind_and_forgotten(told: Told) -> None:
    released_behind(told)
    told.of_books(rests_on={"o1": stakes("a9", "USER_SWAP")})


def released_behind(told: Told) -> None:
    told.of_books(outputs=[told.books.outputs[0]._replace(entry=TAKEN)])


def decided_behind(told: Told) -> None:
    late = told.books.decided[1]._replace(entry=TAKEN)
    told.of_books(decided=[told.books.decided[0], late, told.books.decided[2]])


def rests_on_nobody(told: Told) -> None:
    told.of_books(rests_on={"o1": frozenset()})


def photo_kept(told: Told) -> None:
    storing = stakes("a1", "REMOTE_STORE_TRANSMIT")
    told.journal.withdrawals.append(Withdrawn(storing, LEAVE, begun=52, ended=53))
    told.of_books(kept=frozenset({"a1"}))


def left_queued(told: Told) -> None:
    told.of_books(jobs=[told.books.jobs[0], Job("j2", "queued", 0, "d2")])


def doubled_output(told: Told) -> None:
    told.of_books(outputs=[*told.books.outputs, Output("o2", "j1", RELEASE, withdrawn=False)])


def refused_with_output(told: Told) -> None:
    told.of_books(outputs=[*told.books.outputs, Output("o2", "j2", RELEASE, withdrawn=False)])


def lost_job(told: Told) -> None:
    told.journal.asked.append(Asked("j9", HERS))


def doubled_question(told: Told) -> None:
    told.journal.asked[0] = Asked("j1", HERS, ("j2",))


def unknown_job(told: Told) -> None:
    told.of_books(jobs=[*told.books.jobs, Job("j3", "refused", 0, "d3")])


def lost_output(told: Told) -> None:
    told.journal.outputs["o9"] = HERS


def open_duty(told: Told) -> None:
    told.of_books(open_duties=1)


def unfinished_scan(told: Told) -> None:
    told.of_books(unfinished_scans=1)


def permit_without_job(told: Told) -> None:
    told.of_books(permits=[*told.books.permits, Permit("d1r", "expired", None)])


def permit_with_two_jobs(told: Told) -> None:
    told.of_books(jobs=[*told.books.jobs, Job("j2b", "failed", 0, "d2")])


def finished_and_refused(told: Told) -> None:
    told.of_books(jobs=[told.books.jobs[0]._replace(state="refused"), told.books.jobs[1]], outputs=[])


def permit_of_no_decision(told: Told) -> None:
    told.of_books(decided=told.books.decided[:2])


def use_lost(told: Told) -> None:
    told.of_books(counters=[Uses(("a1", "USER_SWAP"), most=2, reserved=1, spent=0)])


def use_not_returned(told: Told) -> None:
    told.of_books(permits=[told.books.permits[0], Permit("d2", "void", None)])


def used_too_often(told: Told) -> None:
    told.of_books(counters=[Uses(("a1", "USER_SWAP"), most=1, reserved=1, spent=1)])


def another_root(told: Told) -> None:
    told.of_log(signed_root="00" * 32)


def cut_log(told: Told) -> None:
    told.of_log(size=len(KINDS) + 1)


def entry_twice(told: Told) -> None:
    told.of_log(entries=[*told.books.log.entries[:-1], ASK])


def answered_and_missing(told: Told) -> None:
    told.journal.entries.add("ff" * 32)


def row_without_entry(told: Told) -> None:
    told.of_books(outputs=[told.books.outputs[0]._replace(entry="ff" * 32)])


def withdrawal_without_entry(told: Told) -> None:
    told.journal.withdrawals.append(Withdrawn(frozenset(), "ff" * 32, begun=1, ended=2))


def row_lost(told: Told) -> None:
    told.of_books(rows={**told.books.rows, "Decided": 2})


def kind_lost(told: Told) -> None:
    told.of_books(rows={**told.books.rows, "JobEnded": 1})


def fault_of_ours(told: Told) -> None:
    told.journal.answers.append(Answered("GET /", 500, 0, 1))


def told_to_wait_for_ever(told: Told) -> None:
    told.journal.answers.append(Answered("GET /", 503, 0, 1))


def told_to_wait_for_nothing(told: Told) -> None:
    told.journal.answers.append(Answered("GET /", 429, 0, 1))


def surprised(told: Told) -> None:
    told.journal.surprises.append("409 STORED_BYTES_CHANGED")


LIES: dict[Promise, tuple[Callable[[Told], None], ...]] = {
    nothing_was_permitted_after_a_withdrawal: (
        permitted_after,
        served_after,
        served_after_and_forgotten,
    ),
    nothing_was_decided_or_released_behind_a_withdrawal: (
        released_behind,
        released_behind_and_forgotten,
        withdrawal_forgotten,
        decided_behind,
        rests_on_nobody,
    ),
    nothing_stays_of_who_left: (photo_kept,),
    every_swap_ended_once: (
        left_queued,
        doubled_output,
        refused_with_output,
        lost_job,
        doubled_question,
        unknown_job,
        lost_output,
        open_duty,
        unfinished_scan,
    ),
    permits_and_uses_add_up: (
        permit_without_job,
        permit_with_two_jobs,
        finished_and_refused,
        permit_of_no_decision,
        use_lost,
        use_not_returned,
        used_too_often,
    ),
    the_log_is_complete: (
        another_root,
        cut_log,
        entry_twice,
        answered_and_missing,
        row_without_entry,
        withdrawal_without_entry,
        row_lost,
        kind_lost,
    ),
    every_answer_was_designed: (fault_of_ours, told_to_wait_for_ever, told_to_wait_for_nothing, surprised),
}


@pytest.mark.parametrize(
    ("promise", "lie"),
    [
        pytest.param(promise, lie, id=f"{promise.__name__}-{lie.__name__}")
        for promise, lies in LIES.items()
        for lie in lies
    ],
)
def test_each_promise_that_is_broken_is_named(
    told: Told, promise: Promise, lie: Callable[[Told], None]
) -> None:
    lie(told)

    assert promise.__name__ in broken(told.journal, told.books)


def test_a_leak_is_told_from_noise() -> None:
    # Given a process that keeps a quarter of a MiB a second, and one that only breathes
    vitals = Vitals()
    for second in range(0, 600, 5):
        vitals.samples.append(Sample(second, "leaking", 1, second, 400 + second / 4, 20, 30 + second // 5, 1))
        vitals.samples.append(Sample(second, "sound", 1, second, 400 + 8 * (second % 15), 20, 30, 1))
        vitals.samples.append(Sample(second, "new", 2, second % 30, 400 + second, 20, 30, 1))

    found = drifts(vitals, since=180)

    assert found["leaking"]["rss"].per_minute == pytest.approx(15)
    assert found["leaking"]["rss"].growth > 0.2
    assert found["leaking"]["files"].growth > 0.5
    assert abs(found["sound"]["rss"].growth) < 0.01
    # What has not lived long enough is not judged.
    assert "new" not in found
