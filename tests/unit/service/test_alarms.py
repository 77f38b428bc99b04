"""Alarms: each rings just when it should, says the same everywhere, and stands in the docs."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.keydb import Damage
from audit.rewrapping import GRACE
from audit.treerows import Standing
from conftest import NOON
from consent.hearing import SKEW
from service import alarms, health, keyalarms
from service.alarm import Alarm, Severity
from service.alarms import ENOUGH, LEAST
from service.facts import Facts, Rows
from swap import slots
from swap.duties import Backlog, Kind
from swap.orders import Progress, Unfinished

TICK = timedelta(seconds=1)
DAY = timedelta(days=1)
CALM = Rows(
    log=Standing(size=7, checkpoint_at=NOON, waiting=0, waiting_since=None),
    last_entry=NOON,
    duties=(),
    jobs=(),
    holds=0,
    lapsing=0,
    unanswered=0,
    answer_by=None,
    workers=1,
    last_beat=NOON,
)
WELL = Facts(
    now=NOON,
    free={"data": 1 << 40, "media": 1 << 40},
    rows=CALM,
    database="",
    journal="",
    certificate="",
    certificate_ends=NOON + 365 * DAY,
)


def waiting(since: timedelta) -> Standing:
    return Standing(size=7, checkpoint_at=NOON, waiting=1, waiting_since=NOON - since)


def owed(kind: Kind, since: timedelta, tries: int = 0) -> tuple[Backlog, ...]:
    return (Backlog(kind, 1, NOON - since, tries),)


def a_job(progress: Progress, since: timedelta) -> tuple[Unfinished, ...]:
    return (Unfinished(progress, 1, NOON - since),)


def rung(facts: Facts) -> list[str]:
    return [look.alarm.code for look in alarms.ringing(facts) if look.alarm]


def rung_by(**rows: Any) -> list[str]:
    return rung(replace(WELL, rows=replace(CALM, **rows)))


def test_nothing_rings_where_all_is_well() -> None:
    assert rung(WELL) == []
    assert all(look.known and look.detail for look in alarms.looks(WELL))


@pytest.mark.parametrize(
    ("quiet", "loud", "code"),
    [
        (
            {"log": waiting(timedelta(seconds=60))},
            {"log": waiting(timedelta(seconds=61))},
            "SEQUENCER_STALLED",
        ),
        ({"last_entry": NOON + SKEW}, {"last_entry": NOON + SKEW + TICK}, "CLOCK_BEHIND"),
        (
            {"duties": owed(Kind.WITHDRAW_OUTPUT, timedelta(minutes=10))},
            {"duties": owed(Kind.WITHDRAW_OUTPUT, timedelta(minutes=10) + TICK)},
            "DUTIES_OVERDUE",
        ),
        (
            {"duties": owed(Kind.NOTIFY, -TICK, tries=4)},
            {"duties": owed(Kind.NOTIFY, -TICK, tries=5)},
            "DUTIES_OVERDUE",
        ),
        (
            {"jobs": a_job(Progress.QUEUED, timedelta(minutes=15))},
            {"jobs": a_job(Progress.QUEUED, timedelta(minutes=15) + TICK)},
            "JOBS_WAIT",
        ),
        (
            {"jobs": a_job(Progress.RUNNING, 2 * slots.LEASE), "workers": 0},
            {"jobs": a_job(Progress.RUNNING, 2 * slots.LEASE + TICK), "workers": 0},
            "WORKER_MISSING",
        ),
        ({"holds": 3}, {"holds": 3, "lapsing": 1}, "HOLDS_LAPSE_SOON"),
        (
            {"unanswered": 1, "answer_by": NOON + timedelta(hours=12)},
            {"unanswered": 1, "answer_by": NOON + timedelta(hours=12) - TICK},
            "CLOCKS_RUN_OUT",
        ),
        (
            {"witnessed": 5, "unwitnessed_since": NOON - timedelta(minutes=2)},
            {"witnessed": 5, "unwitnessed_since": NOON - timedelta(minutes=2) - TICK},
            "QUORUM_LATE",
        ),
        (
            {"erasing": 1, "erasing_since": NOON - timedelta(hours=1)},
            {"erasing": 1, "erasing_since": NOON - timedelta(hours=1) - TICK},
            "ERASURES_STAND",
        ),
        (
            {"stamps_due": {"tsa.example": NOON - timedelta(minutes=30), "other.example": None}},
            {"stamps_due": {"tsa.example": NOON - timedelta(minutes=30) - TICK, "other.example": None}},
            "TIME_STAMPS_LATE",
        ),
    ],
)
def test_what_the_database_says_rings_just_when_it_should(
    quiet: dict[str, Any], loud: dict[str, Any], code: str
) -> None:
    assert rung_by(**quiet) == []
    assert rung_by(**loud) == [code]


def test_where_permits_wait_for_witnesses_their_silence_is_critical() -> None:
    silent = replace(CALM, witnessed=5, unwitnessed_since=NOON - DAY)

    assert rung(replace(WELL, rows=silent, strict=True)) == ["PERMITS_WAIT_FOR_WITNESSES"]
    assert health.ready(replace(WELL, rows=silent, strict=True)).ok


def test_a_witness_that_has_seen_more_rings_whatever_else_is_known() -> None:
    assert rung(replace(WELL, ahead={})) == []
    seen = replace(WELL, ahead={"w1": "w1 has seen 9 entries, we have 7"})
    assert rung(seen) == ["WITNESS_HAS_SEEN_MORE"]
    assert rung(replace(seen, rows=None, database="X")) == ["DATABASE_UNUSABLE", "WITNESS_HAS_SEEN_MORE"]


def test_damaged_keys_are_urgent_while_they_can_be_put_back_and_said_to_be_lost_after() -> None:
    found = NOON - GRACE

    assert rung(replace(WELL, damage=Damage(0, None))) == []
    assert rung(replace(WELL, damage=Damage(2, found + TICK))) == ["KEYS_DAMAGED"]
    assert rung(replace(WELL, damage=Damage(2, found))) == ["KEYS_LOST"]


def test_an_authority_whose_stamp_did_not_hold_rings_whatever_else_is_known() -> None:
    assert rung(replace(WELL, unfit={})) == []
    wrong = replace(WELL, unfit={"tsa.example": "tsa.example: STAMP_CLOCK: it says 2020"})
    assert rung(wrong) == ["TIME_STAMP_UNFIT"]
    assert rung(replace(wrong, rows=None, database="X")) == ["DATABASE_UNUSABLE", "TIME_STAMP_UNFIT"]
    assert health.ready(wrong).ok


def test_no_worker_is_missed_while_there_is_nothing_to_do_or_one_works() -> None:
    assert rung_by(workers=0, last_beat=None) == []
    assert rung_by(jobs=a_job(Progress.RUNNING, DAY), workers=1) == []


def test_a_run_that_takes_long_is_no_duty_overdue() -> None:
    assert rung_by(duties=owed(Kind.RUN_JOB, DAY)) == []


@pytest.mark.parametrize(
    ("left", "codes", "in_demo"),
    [
        (timedelta(days=30), [], []),
        (timedelta(days=30) - TICK, ["CERTIFICATE_ENDS_WITHIN_30_DAYS"], []),
        (timedelta(days=7), ["CERTIFICATE_ENDS_WITHIN_30_DAYS"], []),
        (timedelta(days=7) - TICK, ["CERTIFICATE_ENDS_WITHIN_7_DAYS"], []),
        (TICK, ["CERTIFICATE_ENDS_WITHIN_7_DAYS"], []),
        (timedelta(), ["CERTIFICATE_ENDED"], ["CERTIFICATE_ENDED"]),
        (-DAY, ["CERTIFICATE_ENDED"], ["CERTIFICATE_ENDED"]),
    ],
)
def test_a_certificate_is_warned_of_in_steps(left: timedelta, codes: list[str], in_demo: list[str]) -> None:
    ending = replace(WELL, certificate_ends=NOON + left)

    assert rung(ending) == codes
    assert rung(replace(ending, demo=True)) == in_demo


def test_a_chain_that_cannot_be_read_rings() -> None:
    unread = replace(WELL, certificate="DISK_FAILED", certificate_ends=None)

    assert rung(unread) == ["CERTIFICATE_MISSING"]


@pytest.mark.parametrize(
    ("room", "codes"),
    [(ENOUGH, []), (ENOUGH - 1, ["DISK_LOW"]), (LEAST, ["DISK_LOW"]), (LEAST - 1, ["DISK_NEARLY_FULL"])],
)
def test_the_fullest_disk_of_all_folders_counts(room: int, codes: list[str]) -> None:
    full = replace(WELL, free={**WELL.free, "guard": room})

    assert rung(full) == codes
    assert any("guard" in look.detail for look in alarms.looks(full))


def test_a_database_that_is_away_rings_and_hides_nothing_behind_it() -> None:
    # Given facts without rows, and a journal that can't be read either.
    away = replace(WELL, rows=None, database="DATABASE_UNREADY", journal="JOURNAL_MISSING")

    looked = {look.what: look for look in alarms.looks(away)}

    assert rung(away) == ["DATABASE_UNUSABLE", "JOURNAL_UNREADABLE"]
    assert looked["database"].detail == "DATABASE_UNREADY"
    assert {what for what, look in looked.items() if not look.known} == {
        "clock",
        "sequencer",
        "duties",
        "worker",
        "jobs",
        "holds",
        "petitions",
        "clocks",
        "quorum of witnesses",
        "erasures",
        "stamped checkpoints",
    }


def test_what_was_not_looked_at_is_not_called_well() -> None:
    looked = {look.what: look for look in alarms.looks(Facts(NOON, {"data": 1 << 40}))}

    assert {what for what, look in looked.items() if look.known} == {"disk"}


def test_the_gravest_come_first() -> None:
    facts = replace(
        WELL,
        certificate_ends=NOON + 20 * DAY,
        rows=replace(CALM, lapsing=1, log=waiting(DAY)),
    )

    assert rung(facts)[0] == "SEQUENCER_STALLED"
    assert set(rung(facts)) == {"SEQUENCER_STALLED", "CERTIFICATE_ENDS_WITHIN_30_DAYS", "HOLDS_LAPSE_SOON"}


def test_ready_is_no_for_what_makes_every_request_fail_and_yes_for_the_rest() -> None:
    # A stalled sequencer harms redemption; reading, withdrawing and serving go on.
    assert health.ready(replace(WELL, rows=replace(CALM, log=waiting(DAY), lapsing=1))).ok
    assert health.ready(replace(WELL, free={"data": 0})).codes == ("DISK_NEARLY_FULL",)
    assert health.ready(replace(WELL, journal="JOURNAL_DAMAGED")).codes == ("JOURNAL_UNREADABLE",)
    assert health.ready(replace(WELL, rows=None, database="UPGRADING")).codes == ("DATABASE_UNUSABLE",)
    assert health.ready(replace(WELL, rows=CALM, database="DATABASE_POISONED")).codes == (
        "DATABASE_UNUSABLE",
    )
    assert health.ready(None).codes == (health.STARTING,)
    assert health.ready(None).status == 503
    assert health.ready(WELL).to_json() == {"ok": True, "codes": []}


def test_every_alarm_has_a_code_of_its_own_and_words_in_both_languages() -> None:
    assert len({alarm.code for alarm in alarms.ALARMS}) == len(alarms.ALARMS)
    found = (*vars(alarms).values(), *vars(keyalarms).values())
    declared = {value for value in found if isinstance(value, Alarm)}
    assert declared == set(alarms.ALARMS)
    for alarm in alarms.ALARMS:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", alarm.code)
        assert alarm.text
        assert alarm.hint
        assert re.search(r"[\u4e00-\u9fff]", alarm.zh)
        assert re.search(r"[\u4e00-\u9fff]", alarm.hint_zh)
        assert alarm.severity is Severity.CRITICAL or not alarm.stops


def test_the_documented_table_is_the_one_of_the_code() -> None:
    written = (Path(__file__).parents[3] / "docs" / "monitoring.md").read_text()

    # If this fails after a change that was meant: python -m service.alarms, and paste it there.
    assert alarms.markdown() in written
