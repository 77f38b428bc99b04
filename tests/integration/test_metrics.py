"""Metrics: counted in the database, the same from every process, with nobody's name on them."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from audit import instant
from service.database import Database, DatabaseUnready
from service.facts import Lookout, free, rows
from service.metrics import SETTLED, Counts, Metrics
from swap import orders, outputs
from swap.orders import Progress
from worlds import USE, World

DAY = timedelta(days=1)
SAMPLE = re.compile(r"^(consentry_\w+)(\{.*\})? (\S+)$")


def lookout(world: World, clock: Callable[[], datetime] | None = None) -> Lookout:
    record = world.record
    return Lookout.of(world.settings, record.database, record.journal, clock or record.clock, record.keystore)


def scraped(metrics: Metrics) -> dict[str, float]:
    samples = {}
    for line in metrics.text().decode().splitlines():
        if not line.startswith("#"):
            found = SAMPLE.fullmatch(line)
            assert found, line
            samples[found[1] + (found[2] or "")] = float(found[3])
    return samples


def test_the_story_so_far_is_counted(at_stage: Callable[..., World]) -> None:
    # Given a swap that was permitted, and one that was refused after a withdrawal.
    world = at_stage("asked")
    metrics = Metrics.of(lookout(world))
    world.withdraws("cameraman")
    refused = world.ask()

    said = scraped(metrics)

    for action in ("intake", "scan", "publish", "donor", "swap"):
        assert said[f'consentry_decisions_total{{action="{action}",answer="permit",rule=""}}'] >= 1
    rules = refused.decision.reasons
    assert said[f'consentry_decisions_total{{action="swap",answer="refusal",rule="{rules[0]}"}}'] == 1
    for rule in rules:
        assert said[f'consentry_objections_total{{action="swap",rule="{rule}"}}'] == 1
    assert said['consentry_jobs{state="queued"}'] == 1
    assert said['consentry_jobs{state="running"}'] == 0
    assert said['consentry_duties_open{kind="run_job"}'] == 1
    assert said['consentry_jobs_ended_total{state="released"}'] == 0
    assert said["consentry_outputs_served_total"] == 0
    assert said["consentry_workers_alive"] == 0
    # The withdrawal waits for its place; what came before has one.
    assert said["consentry_log_unsequenced"] <= 1
    assert said["consentry_log_entries"] + said["consentry_log_unsequenced"] == world.rows("log_entry")
    assert said["consentry_log_checkpoint_age_seconds"] < 600
    assert said['consentry_alarm{code="DATABASE_UNUSABLE",severity="critical"}'] == 0


def test_decisions_are_all_counted_once_whenever_they_were_made(at_stage: Callable[..., World]) -> None:
    # Given decisions of an hour ago, which are settled, and of now, which are not.
    world = at_stage("received")
    earlier = world.edit('UPDATE decision SET "at" = :at', at=_stored(world, world.record.clock() - DAY))
    counts = Counts(world.record.database, world.tenant)
    first, _, _ = counts.count(world.record.clock())

    world.ask()
    again = [counts.count(world.record.clock())[0] for _ in range(3)]
    much_later = counts.count(world.record.clock() + 2 * SETTLED)[0]
    afresh = Counts(world.record.database, world.tenant).count(world.record.clock())[0]

    assert first.total() == earlier
    assert [each.total() for each in again] == [earlier + 1] * 3
    assert much_later == again[0] == afresh
    assert afresh.total() == world.rows("decision")


def test_a_clock_that_went_back_counts_nothing_twice(at_stage: Callable[..., World]) -> None:
    world = at_stage("received")
    counts = Counts(world.record.database, world.tenant)
    now = world.record.clock()

    ahead = counts.count(now + DAY)[0]
    back = counts.count(now)[0]

    assert ahead == back
    assert ahead.total() == world.rows("decision")


def test_jobs_and_outputs_are_counted_by_what_became_of_them(at_stage: Callable[..., World]) -> None:
    world = at_stage("asked")
    job, now = world.known["job"], world.record.clock()
    with world.record.database.write() as session:
        orders.end(session, world.tenant, job, Progress.RELEASED, attempt=0, outcome={"output": "o"}, now=now)
        permit = orders.job(session, world.tenant, job).permit
        made = outputs.Output(
            "e" * 32, job, world.known["template"], permit, "f" * 64, 1, "a" * 64, now, None, 0
        )
        outputs.add(session, world.tenant, made, {})
        for _ in range(3):
            outputs.count_served(session, world.tenant, made.id)
        outputs.withdraw(session, world.tenant, made.id, now=now)

    said = scraped(Metrics.of(lookout(world)))

    assert said['consentry_jobs_ended_total{state="released"}'] == 1
    assert said['consentry_jobs_ended_total{state="failed"}'] == 0
    assert said['consentry_jobs{state="queued"}'] == 0
    assert said["consentry_outputs_released_total"] == 1
    assert said["consentry_outputs_withdrawn_total"] == 1
    assert said["consentry_outputs_served_total"] == 3


def test_another_tenants_rows_are_not_counted(at_stage: Callable[..., World]) -> None:
    world = at_stage("asked")
    now = world.record.clock()

    found = rows(world.record.database, "other", now)
    decisions, jobs, made = Counts(world.record.database, "other").count(now)

    assert (found.log.size, found.log.waiting, found.jobs, found.duties) == (0, 0, [], [])
    assert (found.holds, found.workers, found.last_entry, found.last_beat) == (0, 0, None, None)
    assert (decisions.total(), jobs.total(), made.released) == (0, 0, 0)


def test_no_label_holds_an_id_a_name_or_a_digest(at_stage: Callable[..., World]) -> None:
    world = at_stage("asked")
    world.ask(replace(USE, territories=("US-IL",)))
    metrics = Metrics.of(lookout(world))
    metrics.observe("GET", "/outputs/{output}", 200, 0.01)

    text = metrics.text().decode()

    assert not re.search(r"[0-9a-f]{32}", text)
    for player in world.people.values():
        assert player.person not in text
    labels = set(re.findall(r'(\w+)="', text))
    assert labels <= {
        *("action", "answer", "rule", "state", "kind", "code", "severity", "folder"),
        *("version", "schema", "tenant", "method", "route", "status", "le"),
    }


def test_requests_are_counted_by_template_and_timed(at_stage: Callable[..., World]) -> None:
    metrics = Metrics.of(lookout(at_stage("founded")))
    for status, seconds in ((200, 0.02), (200, 0.2), (404, 0.001)):
        metrics.observe("GET", "/outputs/{output}", status, seconds)

    said = scraped(metrics)

    route = 'method="GET",route="/outputs/{output}"'
    assert said[f'consentry_requests_total{{{route},status="200"}}'] == 2
    assert said[f'consentry_requests_total{{{route},status="404"}}'] == 1
    assert said[f"consentry_request_seconds_count{{{route}}}"] == 3
    assert said[f'consentry_request_seconds_bucket{{le="0.025",{route}}}'] == 2


def test_two_registries_in_one_process_do_not_meet(at_stage: Callable[..., World]) -> None:
    watched = lookout(at_stage("founded"))
    one, other = Metrics.of(watched), Metrics.of(watched)

    one.observe("GET", "/", 200, 0.01)

    assert "consentry_requests_total{" in one.text().decode()
    assert "consentry_requests_total{" not in other.text().decode()


def test_a_database_that_is_away_is_an_alarm_and_no_error(at_stage: Callable[..., World]) -> None:
    world = at_stage("founded")
    watched = lookout(world)

    def away(_connection: object) -> None:
        raise DatabaseUnready("gone for a minute")

    world.record.database.allows = away
    said = scraped(Metrics.of(watched))

    assert said['consentry_alarm{code="DATABASE_UNUSABLE",severity="critical"}'] == 1
    assert "consentry_log_entries" not in said
    assert any(name.startswith("consentry_disk_free_bytes") for name in said)


def test_a_database_that_goes_between_two_looks_does_not_fail_a_scrape(
    at_stage: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics.of(lookout(at_stage("founded")))

    def gone(*_: object) -> Any:
        raise DatabaseUnready("gone")

    monkeypatch.setattr(Counts, "count", gone)

    said = scraped(metrics)
    assert said["consentry_counted"] == 0
    assert "consentry_log_entries" in said


def test_a_decision_that_was_edited_is_said_and_does_not_fail_a_scrape(
    at_stage: Callable[..., World],
) -> None:
    world = at_stage("received")
    assert scraped(Metrics.of(lookout(world)))["consentry_counted"] == 1
    world.edit("UPDATE decision SET objections = '[ ]'")

    said = scraped(Metrics.of(lookout(world)))

    assert said["consentry_counted"] == 0
    assert not any(name.startswith("consentry_decisions_total") for name in said)


def test_what_was_looked_at_a_moment_ago_is_not_looked_at_again(at_stage: Callable[..., World]) -> None:
    # Given a clock that stands, goes on, and is set back.
    world = at_stage("founded")
    now = [world.record.clock()]
    watched = lookout(world, lambda: now[0])
    first = watched.facts()

    assert watched.facts() is first
    now[0] += timedelta(seconds=1)
    second = watched.facts()
    assert second is not first
    now[0] -= timedelta(seconds=1)
    assert watched.facts() is not second


def test_a_missing_chain_and_journal_are_facts(at_stage: Callable[..., World]) -> None:
    world = at_stage("founded")
    layout = world.record.layout
    layout.chain.unlink()
    layout.journal.rename(layout.journal.with_name("elsewhere"))

    facts = lookout(world).facts()

    assert facts.certificate == "DISK_FAILED"
    assert facts.certificate_ends is None
    assert facts.journal == "JOURNAL_MISSING"
    assert facts.rows is not None


def test_a_poisoned_database_is_a_fact_while_it_still_answers(at_stage: Callable[..., World]) -> None:
    world = at_stage("founded")
    world.record.database._poisoned = True

    facts = lookout(world).facts()

    assert facts.database == "DATABASE_POISONED"
    assert facts.rows is not None


def test_so_is_a_key_store_below_which_a_write_failed(at_stage: Callable[..., World]) -> None:
    world = at_stage("founded")
    assert lookout(world).facts().database == ""
    world.record.keystore._database._poisoned = True

    facts = lookout(world).facts()

    assert facts.database == "KEYS_POISONED"
    assert facts.rows is not None


def test_folders_that_are_not_made_yet_are_looked_for_on_their_disk(tmp_path: Path) -> None:
    found = free({"here": tmp_path, "yet": tmp_path / "not" / "yet"})

    assert found["yet"] > 0


def test_nothing_that_is_counted_reads_a_table_that_only_grows(at_stage: Callable[..., World]) -> None:
    # Given a database whose plans can be asked for.
    world = at_stage("asked")
    if not world.record.database.embedded:
        _postgresql_can_use_the_indexes(world.record.database)
        return
    asked: list[tuple[str, Any]] = []

    def remember(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(world.record.database.reading, "before_cursor_execute", remember)
    now = world.record.clock()
    counts = Counts(world.record.database, world.tenant, _settled=now - SETTLED)
    rows(world.record.database, world.tenant, now)
    counts.count(now)
    event.remove(world.record.database.reading, "before_cursor_execute", remember)
    assert asked

    plans = []
    with world.record.database.read() as session:
        for statement, parameters in asked:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans += [row[3] for row in plan]

    assert len(asked) >= 10
    scans = [step for step in plans if step.startswith("SCAN") and "alembic" not in step]
    assert [step for step in scans if re.search("decision|job|duty|log_entry|log_checkpoint", step)] == []
    searched = " ".join(plans)
    for index in ("decision_at", "job_state", "ix_duty_open", "decision_holds"):
        assert index in searched


def _postgresql_can_use_the_indexes(database: Database) -> None:
    with database.read() as session:
        found = session.connection().exec_driver_sql("SELECT indexname FROM pg_indexes").scalars().all()
    assert {"decision_at", "job_state", "ix_duty_open", "decision_holds"} <= set(found)


def _stored(world: World, at: datetime) -> object:
    return instant.exact(at) if world.record.database.embedded else at
