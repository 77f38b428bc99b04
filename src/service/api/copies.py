"""Which requests begin a copy of an output, and which go on with one: only beginnings are counted."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from swap.outputs import Output

KEPT_SECONDS = 3600.0
MOST = 10_000


class Copies:
    """The copies that callers of this process have begun, and of what.

    When in doubt it is a beginning: a copy listed twice is harmless, one that is not listed is not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: OrderedDict[tuple[str, str], tuple[float, Output]] = OrderedDict()
        self._lock = Lock()

    def of(self, caller: str, output: str) -> Output | None:
        """What the caller has begun a copy of. It says what the output is, never that it may be served."""
        with self._lock:
            at, found = self._begun.get((caller, output), (0.0, None))
        return found if found is not None and self._clock() - at < KEPT_SECONDS else None

    def begun(self, caller: str, output: Output) -> None:
        """Note that a copy was counted."""
        with self._lock:
            self._begun[caller, output.id] = (self._clock(), output)
            self._begun.move_to_end((caller, output.id))
            while len(self._begun) > MOST:
                self._begun.popitem(last=False)
