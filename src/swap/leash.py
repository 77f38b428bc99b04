"""Runs an engine in a thread of its own, in lock-step, so that a stuck engine can be given up on.

Frames, checks and the caller's callbacks stay in the caller's thread; only the engine's code runs in
the other. One of the two is always waiting for the other, so nothing is shared and the order of
things never varies.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from audit.errors import ConsentryError
from swap.engine import Engine, PermittedTrack, Portrait, Rendered, Report
from swap.frames import Frame
from swap.misconduct import EngineCrashed, EngineStalled


@dataclass(frozen=True, slots=True)
class Asks:
    """The engine wants the next frame."""


@dataclass(frozen=True, slots=True)
class Gives:
    """The engine gives a frame back."""

    rendered: Rendered


@dataclass(frozen=True, slots=True)
class Ends:
    """The engine is done."""

    report: Report


@dataclass(frozen=True, slots=True)
class _Fails:
    error: Exception


Word: TypeAlias = Asks | Gives | Ends

THREAD = "swap-engine"
"""Name of the thread, to find a stuck one by."""
_POLL = 0.1
"""Seconds between looks at `cancelled` while the engine works."""


class _Dropped(BaseException):
    """Ends an abandoned engine at its next step. Not an `Exception`: a broad except must not eat it."""


class Leash:
    """One run of one engine."""

    def __init__(
        self,
        engine: Engine,
        tracks: Sequence[PermittedTrack],
        portrait: Portrait,
        *,
        cancelled: Callable[[], bool],
        patience: float,
        grace: float,
    ) -> None:
        """Nothing runs before the first `next_word`. `patience` and `grace` as for that."""
        self._cancelled, self._patience, self._grace = cancelled, patience, grace
        self._words: queue.SimpleQueue[Word | _Fails] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._stop, self._dropped = threading.Event(), threading.Event()
        # A daemon: a thread can't be killed, and one stuck engine must not keep the process alive.
        self._thread = threading.Thread(
            target=self._work, args=(engine, tracks, portrait), name=THREAD, daemon=True
        )

    def next_word(self) -> Word:
        """Let the engine run until it says something, polling `cancelled` meanwhile.

        Raises `EngineStalled` after `patience` seconds of silence, or after `grace` seconds once the
        run is cancelled; `EngineCrashed` for an exception that isn't ours; ours as they are, and what
        `cancelled` raises.
        """
        if self._thread.ident is None:
            self._thread.start()
        began = time.monotonic()
        limit = began + self._patience
        while True:
            if self._cancelled() and not self._stop.is_set():
                self._stop.set()
                limit = min(limit, time.monotonic() + self._grace)
            left = limit - time.monotonic()
            if left <= 0:
                raise EngineStalled(f"the engine was silent for {time.monotonic() - began:.1f} s")
            try:
                word = self._words.get(timeout=min(_POLL, left))
            except queue.Empty:
                continue
            if not isinstance(word, _Fails):
                return word
            if isinstance(word.error, ConsentryError):
                raise word.error
            raise EngineCrashed(f"the engine raised {type(word.error).__name__}") from word.error

    def answer(self, frame: Frame | None = None) -> None:
        """Reply to `Asks` with a frame, or with None at the end of the clip; to `Gives` with None."""
        self._answers.put(frame)

    def drop(self) -> None:
        """Have nothing to do with the engine any more; at its next step it ends."""
        self._stop.set()
        self._dropped.set()
        self._answers.put(None)

    def ended(self, within: float) -> bool:
        """Whether the engine's thread is gone, waiting for it at most `within` seconds."""
        if self._thread.ident is not None:
            self._thread.join(within)
        return not self._thread.is_alive()

    def _work(self, engine: Engine, tracks: Sequence[PermittedTrack], portrait: Portrait) -> None:
        try:
            rendering = engine.render(self._feed(), tracks, portrait, cancelled=self._stop.is_set)
            while True:
                try:
                    rendered = next(rendering)
                except StopIteration as end:
                    self._words.put(Ends(end.value))
                    return
                self._say(Gives(rendered))
        except _Dropped:
            return
        except Exception as error:  # noqa: BLE001  (it is raised again in the caller's thread)
            self._words.put(_Fails(error))

    def _feed(self) -> Iterator[Frame]:
        while (frame := self._say(Asks())) is not None:
            yield frame

    def _say(self, word: Word) -> Frame | None:
        if self._dropped.is_set():
            raise _Dropped
        self._words.put(word)
        answer = self._answers.get()
        if self._dropped.is_set():
            raise _Dropped
        return answer
