"""Metrics for Prometheus: counted in the database at each scrape, so that all processes say the same.

Only requests are counted in the process that serves them. Labels have few values and name nobody.
"""

import threading
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from audit.errors import ConsentryError
from consent import tallies
from service import alarms, schema
from service.database import Database
from service.facts import Facts, Lookout, Rows
from swap import orders, outputs
from swap.orders import Progress
from swap.outputs import Totals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SETTLED = timedelta(minutes=10)
"""After so long no transaction is open that could still write into the past."""

Counted = tuple[Tally[tallies.Sort], Tally[Progress], Totals]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(slots=True)
class Counts:
    """What only ever grows. What is settled is read once a process; a scrape reads the rest."""

    database: Database
    tenant: str
    _settled: datetime = _BEGINNING
    _decisions: Tally[tallies.Sort] = field(default_factory=Tally)
    _jobs: Tally[Progress] = field(default_factory=Tally)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, now: datetime) -> Counted:
        """Decisions by sort, ended jobs by outcome, all outputs: from the beginning to now."""
        with self._lock, self.database.read() as session:
            upto = max(self._settled, now - SETTLED)
            decisions = tallies.tally(session, self.tenant, since=self._settled, until=upto)
            jobs = orders.ended(session, self.tenant, since=self._settled, until=upto)
            self._decisions += decisions
            self._jobs += Tally(jobs)
            self._settled = upto
            recent = tallies.tally(session, self.tenant, since=upto, until=_NEVER)
            just = orders.ended(session, self.tenant, since=upto, until=_NEVER)
            return self._decisions + recent, self._jobs + Tally(just), outputs.totals(session, self.tenant)


class Metrics:
    """All metrics of one process, on a registry of its own."""

    def __init__(self, facts: Callable[[], Facts], counts: Counts) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "consentry_requests",
            "HTTP requests answered by this process.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "consentry_request_seconds",
            "Time to answer, by this process.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(_Deployment(facts, counts))

    @classmethod
    def of(cls, lookout: Lookout) -> Self:
        """Over a running deployment."""
        return cls(lookout.facts, Counts(lookout.database, lookout.tenant))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the route's template, never a path: paths hold ids."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """What a scrape is answered, as `CONTENT_TYPE`."""
        return generate_latest(self.registry)


class _Deployment(Collector):
    def __init__(self, facts: Callable[[], Facts], counts: Counts) -> None:
        self._facts, self._counts = facts, counts

    def collect(self) -> Iterator[Metric]:
        facts = self._facts()
        yield InfoMetricFamily(
            "consentry_build",
            "Which version this is.",
            {
                "version": version("consentry"),
                "schema": str(schema.expected()),
                "tenant": self._counts.tenant,
            },
        )
        yield from _alarms(facts)
        yield from _host(facts)
        if facts.rows is not None:
            yield from _rows(facts.rows, facts.now)
            counted = self._count(facts.now)
            # Gone between two looks, or a row that contradicts itself: said, for the rest is still true.
            yield GaugeMetricFamily(
                "consentry_counted", "Whether the counters could be read.", float(counted is not None)
            )
            if counted is not None:
                yield from _counted(*counted)

    def _count(self, now: datetime) -> Counted | None:
        try:
            return self._counts.count(now)
        except ConsentryError:
            return None


def _alarms(facts: Facts) -> Iterator[Metric]:
    rings = {look.alarm for look in alarms.looks(facts)}
    family = GaugeMetricFamily(
        "consentry_alarm", "Whether an alarm rings (docs/monitoring.md).", labels=("code", "severity")
    )
    for alarm in alarms.ALARMS:
        family.add_metric((alarm.code, str(alarm.severity)), float(alarm in rings))
    yield family


def _host(facts: Facts) -> Iterator[Metric]:
    free = GaugeMetricFamily("consentry_disk_free_bytes", "Room on a data folder's disk.", labels=("folder",))
    for folder, room in facts.free.items():
        free.add_metric((folder,), room)
    yield free
    if facts.certificate_ends is not None:
        yield GaugeMetricFamily(
            "consentry_certificate_end_timestamp_seconds",
            "When the C2PA signing chain ends.",
            facts.certificate_ends.timestamp(),
        )


def _rows(rows: Rows, now: datetime) -> Iterator[Metric]:
    def age(since: datetime | None) -> float:
        return max(0.0, (now - since).total_seconds()) if since else 0.0

    yield GaugeMetricFamily("consentry_log_entries", "Entries under the last checkpoint.", rows.log.size)
    yield GaugeMetricFamily("consentry_log_unsequenced", "Entries without a place yet.", rows.log.waiting)
    yield GaugeMetricFamily(
        "consentry_log_unsequenced_age_seconds", "Age of the oldest of them.", age(rows.log.waiting_since)
    )
    if rows.log.checkpoint_at:
        yield GaugeMetricFamily(
            "consentry_log_checkpoint_age_seconds",
            "Age of the last checkpoint.",
            age(rows.log.checkpoint_at),
        )
    if rows.witnessed is not None:
        yield GaugeMetricFamily(
            "consentry_log_witnessed_entries",
            "Entries under the last checkpoint that a quorum saw.",
            rows.witnessed,
        )
        yield GaugeMetricFamily(
            "consentry_log_unwitnessed_age_seconds",
            "Age of the first checkpoint after that.",
            age(rows.unwitnessed_since),
        )
    yield GaugeMetricFamily("consentry_holds_open", "Holds nobody lifted yet.", rows.holds)
    yield GaugeMetricFamily("consentry_workers_alive", "Slots held by a live process.", rows.workers)
    if rows.last_beat:
        yield GaugeMetricFamily(
            "consentry_worker_beat_age_seconds", "Since any worker was heard of.", age(rows.last_beat)
        )
    jobs = GaugeMetricFamily("consentry_jobs", "Unfinished jobs.", labels=("state",))
    waits = GaugeMetricFamily(
        "consentry_jobs_age_seconds", "Since the oldest came into the state.", labels=("state",)
    )
    by_state = {each.progress: each for each in rows.jobs}
    for state in (each for each in Progress if not each.final):
        found = by_state.get(state)
        jobs.add_metric((state,), found.count if found else 0)
        waits.add_metric((state,), age(found.since) if found else 0)
    yield from (jobs, waits)
    owed = GaugeMetricFamily("consentry_duties_open", "Duties not done.", labels=("kind",))
    oldest = GaugeMetricFamily("consentry_duties_age_seconds", "Since the oldest was due.", labels=("kind",))
    for each in rows.duties:
        owed.add_metric((each.kind,), each.open)
        oldest.add_metric((each.kind,), age(each.since))
    yield from (owed, oldest)


def _counted(decisions: Tally[tallies.Sort], jobs: Tally[Progress], made: Totals) -> Iterator[Metric]:
    answers = CounterMetricFamily(
        "consentry_decisions",
        "Answers of the gate; rule: the first that objected, empty for a permit.",
        labels=("action", "answer", "rule"),
    )
    objected = CounterMetricFamily(
        "consentry_objections",
        "Rules that objected; one answer may rest on several.",
        labels=("action", "rule"),
    )
    first, each_rule = Tally[tuple[str, ...]](), Tally[tuple[str, ...]]()
    for sort, count in decisions.items():
        first[sort.action, sort.answer, sort.rules[0] if sort.rules else ""] += count
        for rule in sort.rules:
            each_rule[sort.action, rule] += count
    for labels, count in sorted(first.items()):
        answers.add_metric(labels, count)
    for labels, count in sorted(each_rule.items()):
        objected.add_metric(labels, count)
    yield from (answers, objected)
    ended = CounterMetricFamily("consentry_jobs_ended", "Jobs that ended.", labels=("state",))
    for state in (each for each in Progress if each.final):
        ended.add_metric((state,), jobs[state])
    yield ended
    yield CounterMetricFamily("consentry_outputs_released", "Outputs released.", value=made.released)
    yield CounterMetricFamily("consentry_outputs_withdrawn", "Of them, withdrawn.", value=made.withdrawn)
    yield CounterMetricFamily("consentry_outputs_served", "Deliveries of outputs.", value=made.served)
