"""What a soak came to: a page for a person, and JSON for whoever compares two of them."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from soak.outcome import Outcome
from soak.vitals import drifts

LONGEST_LIST = 12


def facts(outcome: Outcome) -> Mapping[str, Any]:
    """All of it, as plain values."""
    journal, plan = outcome.journal, outcome.plan
    return {
        "plan": {name: getattr(plan, name) for name in plan.__slots__},
        "seconds": round(outcome.seconds, 1),
        "kept": not outcome.broken,
        "broken": outcome.broken,
        "killed": dict(Counter(outcome.killed)),
        "did": dict(sorted(outcome.did.items())),
        "swaps": dict(outcome.jobs),
        "withdrawals": len(journal.withdrawals),
        "permits": len(journal.permits),
        "served": {"times": len(journal.served), "bytes": sum(one.size for one in journal.served)},
        "requests_a_second": round(len(journal.answers) / outcome.seconds, 1) if outcome.seconds else None,
        "operations": operations(outcome),
        "statuses": dict(sorted(Counter(one.status for one in journal.answers).items())),
        "entries": dict(sorted(outcome.kinds.items())),
        "left": dict(outcome.left),
        "folders": outcome.vitals.folders[-1][1] if outcome.vitals.folders else {},
        "drift": {
            name: {what: _rounded(one) for what, one in trends.items()}
            for name, trends in drifts(outcome.vitals, plan.steady_from).items()
        },
        "vitals": [
            [round(s.at, 1), s.name, s.start, round(s.rss, 1), s.threads, s.files, round(s.cpu, 2)]
            for s in outcome.vitals.samples
        ],
    }


def operations(outcome: Outcome) -> Mapping[str, Mapping[str, float]]:
    """By operation: how often, and milliseconds until an answer began, as the crowd's process saw it."""
    took: dict[str, list[float]] = {}
    for one in outcome.journal.answers:
        took.setdefault(one.operation, []).append((one.ended - one.begun) * 1000)
    return {
        name: {"count": len(times), "p50": _at(times, 50), "p99": _at(times, 99), "most": round(max(times))}
        for name, times in sorted(took.items())
    }


def write(outcome: Outcome, path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(facts(outcome), indent=1) + "\n")


def show(outcome: Outcome, console: Console) -> None:
    """For a person."""
    said = facts(outcome)
    plan = outcome.plan
    console.print(
        f"[bold]{plan.clients} clients, {plan.workers} workers, {said['seconds']:.0f} s[/]: "
        f"{len(outcome.journal.answers)} answers, {said['requests_a_second']} a second; "
        f"swaps {said['swaps']}; {said['withdrawals']} withdrawals; killed {said['killed']}; "
        f"{said['entries'].get('Decided', 0)} decisions"
    )
    table = Table("operation", "count", "p50 ms", "p99 ms", "most", box=None)
    for name, one in sorted(said["operations"].items(), key=lambda item: -item[1]["count"]):
        table.add_row(name, *(f"{one[what]:.0f}" for what in ("count", "p50", "p99", "most")))
    console.print(table)
    drift = Table("process", "MiB", "MiB/min", "threads", "files", box=None)
    for name, one in said["drift"].items():
        drift.add_row(
            name,
            f"{one['rss']['first']:.0f} -> {one['rss']['last']:.0f}",
            f"{one['rss']['per_minute']:+.2f}",
            f"{one['threads']['first']:.0f} -> {one['threads']['last']:.0f}",
            f"{one['files']['first']:.0f} -> {one['files']['last']:.0f}",
        )
    console.print(drift)
    console.print(f"answers {said['statuses']}; files left {said['left']}")
    for name, faults in outcome.broken.items():
        console.print(f"[bold red]{name}[/]: {len(faults)}")
        for fault in faults[:LONGEST_LIST]:
            console.print(f"  {fault}", markup=False)
    if not outcome.broken:
        console.print("[bold green]every promise was kept[/]")


def _at(times: Sequence[float], percent: int) -> float:
    if len(times) < 2:
        return round(times[0], 1)
    return round(quantiles(times, n=100, method="inclusive")[percent - 1], 1)


def _rounded(trend: Any) -> Mapping[str, float]:
    return {
        "first": round(trend.first, 1),
        "last": round(trend.last, 1),
        "per_minute": round(trend.per_minute, 3),
        "growth": round(trend.growth, 4),
        "minutes": round(trend.minutes, 2),
    }
