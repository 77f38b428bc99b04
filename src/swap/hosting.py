"""An engine lent to others: runs opened from afar, each by a ticket, fed in steps, fenced by attempt.

Nothing is kept on disk, and nothing of a run outlives it but the number of its attempt. The engine
serves one run at a time, as it does in a worker. Time and randomness are arguments.
"""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from audit.errors import ConsentryError, Unready
from audit.ids import Entropy, fresh
from swap.engine import Engine, Rendered, Report
from swap.enginewire import EngineGarbled, Identity, Opening
from swap.frames import Frame
from swap.leash import Asks, Ends, Gives, Leash, Word
from swap.masks import GRACE, PATIENCE
from swap.misconduct import RunOvertaken

IDLE = 60.0
"""Seconds without a request after which whoever opened a run is taken for dead."""
LONGEST = 3600.0
"""Seconds that a ticket is good for."""
_REMEMBERED = 100_000
_Value = TypeVar("_Value")


class EngineBusy(Unready):
    """The engine works for somebody else, or an engine that was told to end hasn't yet."""

    code = "ENGINE_BUSY"
    zh = "引擎正在处理其他任务。"
    hint = "Nothing to do: the job is tried again. For more at once, run more engine servers."
    hint_zh = "无需处理，任务将自动重试。如需并行处理，请运行更多引擎服务。"


class NoSuchRun(ConsentryError):
    """No run has that id and ticket: it ended, its time is up, or it never was."""

    code = "ENGINE_RUN_UNKNOWN"
    zh = "没有对应的渲染，或凭证无效、已过期。"
    hint = "Open a new run; a ticket is good for one run and a limited time."
    hint_zh = "请重新建立渲染；凭证仅限一次且有时限。"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What opens one run's steps, and nothing else."""

    run: str
    secret: str
    seconds: float
    """How long it is good for at most."""


@dataclass(slots=True)
class _Run:
    id: str
    secret: str
    job: str
    attempt: int
    until: float
    leash: Leash
    word: Word | None = None
    """What the engine said and we have not answered: that it wants a frame."""
    next_index: int = 0
    seen_at: float = 0.0
    gone: bool = False
    stepping: Lock = field(default_factory=Lock)

    def expect(self, frames: Sequence[Frame]) -> None:
        """Each frame comes once and in order."""
        for frame in frames:
            if frame.index < self.next_index:
                raise EngineGarbled(f"frame {frame.index} came twice, or out of order")
            self.next_index = frame.index + 1


class Host:
    """The runs of one engine."""

    def __init__(
        self,
        engine: Engine,
        *,
        entropy: Entropy,
        clock: Callable[[], float],
        idle: float = IDLE,
        longest: float = LONGEST,
        patience: float = PATIENCE,
        grace: float = GRACE,
    ) -> None:
        """`clock`: seconds, never going back. `patience` and `grace` as for `swap.masks.checked`."""
        self._engine, self._entropy, self._clock = engine, entropy, clock
        self._idle, self._longest, self._patience, self._grace = idle, longest, patience, grace
        self._lock = Lock()
        self._run: _Run | None = None
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._overtaken: OrderedDict[str, None] = OrderedDict()

    @property
    def identity(self) -> Identity:
        """What is lent."""
        return Identity(self._engine.name, self._engine.version, self._engine.digests)

    def open(self, opening: Opening) -> Ticket:
        """Begin a run; an earlier attempt of the same job ends here.

        Raises `RunOvertaken` for an attempt that is not later than the last, `EngineBusy`.
        """
        with self._lock:
            if opening.attempt <= self._attempts.get(opening.job, -1):
                raise RunOvertaken(f"attempt {opening.attempt} is not later than the last")
            now = self._clock()
            last = self._run
            if last is not None:
                if last.job != opening.job and not self._left(last, now):
                    raise EngineBusy("the engine works on another run")
                self._drop(last)
                if last.job == opening.job:
                    _keep(self._overtaken, last.id, None)
                # Two runs at once would share the engine's memory: the old one has to be out of it.
                if not last.leash.ended(self._grace):
                    raise EngineBusy("the engine has not ended the run before")
            _keep(self._attempts, opening.job, opening.attempt)
            run = self._made(opening, now)
            self._run = run
            return Ticket(run.id, run.secret, self._longest)

    def step(
        self, run_id: str, secret: str, frames: Sequence[Frame], *, last: bool
    ) -> Iterator[Rendered | Report]:
        """Feed `frames` and give what is ready, until the engine wants more or ends with its report.

        `last`: no more will come. Raises `NoSuchRun`, `RunOvertaken`, `EngineGarbled`, and what the
        engine's leash raises; after any of them the run is over.
        """
        run = self._found(run_id, secret)
        if not run.stepping.acquire(blocking=False):
            raise EngineGarbled("two steps of one run at once")
        try:
            run.expect(frames)
            done = yield from self._work(run, list(reversed(frames)), last=last)
        except BaseException:
            self.close(run_id, secret)
            raise
        finally:
            run.seen_at = self._clock()
            run.stepping.release()
        if done:
            self.close(run_id, secret)

    def close(self, run_id: str, secret: str) -> None:
        """End a run, whatever it was doing. One that is gone already stays gone."""
        with self._lock:
            run = self._run
            if run is not None and run.id == run_id and hmac.compare_digest(run.secret, secret):
                self._drop(run)

    def _work(
        self, run: _Run, waiting: list[Frame], *, last: bool
    ) -> Generator[Rendered | Report, None, bool]:
        """Returns whether the run is over."""
        while True:
            word, run.word = run.word or run.leash.next_word(), None
            run.seen_at = self._clock()
            match word:
                case Asks():
                    if not waiting and not last:
                        run.word = word
                        return False
                    run.leash.answer(waiting.pop() if waiting else None)
                case Gives(rendered=rendered):
                    yield rendered
                    run.leash.answer()
                case Ends(report=report):
                    yield report
                    return True

    def _found(self, run_id: str, secret: str) -> _Run:
        with self._lock:
            run, now = self._run, self._clock()
            if run_id in self._overtaken:
                raise RunOvertaken("a later attempt of the same job has begun")
            if run is None or run.id != run_id or not hmac.compare_digest(run.secret, secret):
                raise NoSuchRun("no run has that id and ticket")
            if run.gone or now >= run.until:
                self._drop(run)
                raise NoSuchRun("the run is over")
            run.seen_at = now
            return run

    def _made(self, opening: Opening, now: float) -> _Run:
        holder: list[_Run] = []

        def overtaken() -> bool:
            if holder and holder[0].gone:
                raise RunOvertaken("a later attempt has begun, or the run was closed")
            return False

        leash = Leash(
            self._engine,
            opening.tracks,
            opening.portrait,
            cancelled=overtaken,
            patience=self._patience,
            grace=self._grace,
        )
        run = _Run(
            fresh(self._entropy),
            self._entropy(32).hex(),
            opening.job,
            opening.attempt,
            now + self._longest,
            leash,
            seen_at=now,
        )
        holder.append(run)
        return run

    def _left(self, run: _Run, now: float) -> bool:
        # While a step is at work it is the engine that is waited for.
        longest = max(self._idle, self._patience) if run.stepping.locked() else self._idle
        return run.gone or now >= run.until or now - run.seen_at > longest

    def _drop(self, run: _Run) -> None:
        run.gone = True
        run.leash.drop()


def _keep(known: OrderedDict[str, _Value], key: str, value: _Value) -> None:
    """Remember, and forget what has not been heard of for longest."""
    known[key] = value
    known.move_to_end(key)
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
