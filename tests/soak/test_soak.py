"""A crowd at a deployment whose processes are killed: every promise holds at the end, and nothing grows.

`make soak` lets 50 clients do so for ten minutes; the suite keeps it short, so that it stays true.
"""

import os
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from databases import named
from soak.course import run
from soak.outcome import Outcome, Plan
from soak.report import show, write
from soak.vitals import drifts

LONG = 300.0
"""Seconds from which on memory can be said to be flat or not."""
GROWTH = 0.05
"""Of memory."""
SWING = 0.10
"""Of threads and descriptors, which go with the load."""


@pytest.fixture
def plan(database_kind: str) -> Plan:
    seconds = float(os.environ.get("CONSENTRY_SOAK_SECONDS", "6"))
    clients = int(os.environ.get("CONSENTRY_SOAK_CLIENTS", "4"))
    embedded = database_kind == "sqlite"
    if seconds >= LONG:
        return Plan(seconds, clients, workers=1 if embedded else 2, kill_every=30)
    # To start a process costs seconds of the processor, so one dies: the API here, the worker there.
    kills, serve_dies_at = (0, 0.5) if embedded else (1, None)
    return Plan(seconds, clients, 1, seconds / 3, kills, serve_dies_at=serve_dies_at, think=0.5, clips=2)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(database_kind: str, request: pytest.FixtureRequest) -> str | None:
    if database_kind == "sqlite":
        return None
    server: str = request.getfixturevalue("postgres_server")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE soak")
    return named(server, "soak")


@pytest.mark.timeout(36_000)
def test_every_promise_holds_under_a_crowd_while_processes_are_killed(
    plan: Plan, url: str | None, database_kind: str, tmp_path: Path
) -> None:
    # Given a town, and when a crowd has been at it
    outcome = run(plan, tmp_path, url)
    show(outcome, Console(width=140))
    if report := os.environ.get("CONSENTRY_SOAK_REPORT"):
        write(outcome, Path(report.format(database=database_kind)))

    # Then what was promised was kept, something did happen, and nothing piled up.
    assert outcome.broken == {}
    assert outcome.jobs["released"] > 0
    assert outcome.journal.withdrawals
    assert outcome.killed
    assert outcome.left["work"] == outcome.left["tmp"] == 0
    # Of an API that was killed: what it was receiving, until the purge comes to it.
    assert outcome.left["uploads"] <= plan.clients
    flat(outcome)


def flat(outcome: Outcome) -> None:
    """Of every process, once warm: no more memory, threads and descriptors at the end than before."""
    if outcome.plan.seconds < LONG:
        return
    found = drifts(outcome.vitals, outcome.plan.steady_from)
    assert found.keys() == {"serve", *(f"worker-{n}" for n in range(1, outcome.plan.workers + 1))}
    for name, trends in found.items():
        assert trends["rss"].growth < GROWTH, (name, trends)
        assert trends["threads"].growth < SWING or trends["threads"].last < 64, (name, trends)
        assert trends["files"].growth < SWING or trends["files"].last < 128, (name, trends)
