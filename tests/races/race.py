"""Two at once: somebody uses a consent while its person withdraws it. Who was first, and was it allowed?

A violation is a COMMIT of the user's that was issued after the withdrawal had returned to its caller. The
clock is read before the COMMIT goes out, so whatever is counted is one: there are no false positives.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlmodel import Session

from races.stage import Act, Stage
from service.database import Database

Use = Callable[[Stage, Act], bool]
"""Whether it was allowed."""

JITTER = 0.002
"""Seconds by which either side starts late, at most."""


class Watched:
    """Sessions of the one who uses the consent. Notes when the COMMIT of what he wrote went out.

    A transaction that only looks under a lock has nothing to commit, whatever ends it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.read = database.read
        self.commits: list[float] = []

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._database.write() as session:
            wrote = False

            def heard(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
                nonlocal wrote
                wrote = wrote or not statement.lstrip().startswith("SELECT")

            event.listen(session.connection(), "before_cursor_execute", heard)
            yield session
            session.flush()
            if wrote:
                self.commits.append(time.monotonic())


@dataclass(repr=False)
class Course:
    """Races of one kind. Each start is set so that either side wins about as often."""

    stage: Stage
    use: Use
    end: Callable[[Stage, str], None] = Stage.withdraw
    """What the other one does: withdraws the consent he is given, if nothing else is said."""
    linger: float = 0.01
    """How long at most the user dawdles between reading the consents and relying on them."""
    jitter: random.Random = field(default_factory=lambda: random.Random(11))
    lead: float = 0.0
    """Head start of the withdrawal, in seconds."""
    step: float = 0.016
    last: bool = False
    trials: int = 0
    allowed: int = 0
    violations: int = 0
    seconds: float = 0.0

    def run(
        self, act: Act, authorization: str, returned: Callable[[Stage, Act], None] = lambda _stage, _act: None
    ) -> bool:
        """One race; whether the use was allowed. `returned` is called when the withdrawal has returned."""
        watched, allowed, back = Watched(self.stage.database), False, 0.0
        begun = time.monotonic()
        # No lingering in half of the races, so that the narrow windows are tried too.
        linger = self.jitter.choice((0.0, 1.0)) * self.jitter.random() * self.linger
        late = self.jitter.random() * JITTER, self.jitter.random() * JITTER

        def uses() -> None:
            nonlocal allowed
            time.sleep(max(0.0, self.lead) + late[0])
            self.stage.registry.thread.pause = linger
            allowed = self.use(self.stage.through(watched), act)

        def withdraws() -> None:
            nonlocal back
            time.sleep(max(0.0, -self.lead) + late[1])
            self.end(self.stage, authorization)
            back = time.monotonic()
            returned(self.stage, act)

        together(uses, withdraws)
        # Longer strides while one side keeps winning, shorter ones around the point where it turns.
        self.step = min(0.03, self.step * 1.5) if allowed is self.last else max(0.0005, self.step / 2)
        self.lead, self.last = self.lead + (self.step if allowed else -self.step), allowed
        self.trials += 1
        self.allowed += allowed
        self.violations += allowed and max(watched.commits) > back
        self.seconds += time.monotonic() - begun
        return allowed

    @property
    def tally(self) -> "Tally":
        return Tally(self.trials, self.allowed, self.violations, self.seconds)


class Tally(NamedTuple):
    trials: int = 0
    allowed: int = 0
    violations: int = 0
    seconds: float = 0.0

    def and_of(self, other: "Tally") -> "Tally":
        return Tally(*(mine + its for mine, its in zip(self, other, strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.trials} trials, {self.allowed} allowed, {self.trials - self.allowed} refused, "
            f"{self.violations} violations, {1000 * self.seconds / max(1, self.trials):.1f} ms a trial"
        )


def together(*parts: Callable[[], None]) -> None:
    """Run them at once, each in a thread. What one of them raises is raised: a deadlock, above all."""
    start = threading.Barrier(len(parts))
    failures: list[BaseException] = []

    def guarded(part: Callable[[], None]) -> None:
        try:
            start.wait()
            part()
        except BaseException as failure:  # noqa: BLE001 (a thread's failure must fail the test)
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=[part]) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
