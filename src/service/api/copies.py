"""Which requests begin a copy of an output, and which go on with one: only beginnings are counted."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

KEPT_SECONDS = 3600.0
MOST = 10_000


class Copies:
    """The copies that callers of this process have begun.

    When in doubt it is a beginning: a copy listed twice is harmless, one that is not listed is not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = Lock()

    def begins(self, caller: str, output: str, at: int) -> bool:
        """Whether bytes from `at` on begin a copy: the first ones do, and any to who has none."""
        with self._lock:
            begun = self._begun.get((caller, output))
        return at == 0 or begun is None or self._clock() - begun >= KEPT_SECONDS

    def begun(self, caller: str, output: str) -> None:
        """Note that a copy was counted."""
        with self._lock:
            self._begun[caller, output] = self._clock()
            self._begun.move_to_end((caller, output))
            while len(self._begun) > MOST:
                self._begun.popitem(last=False)
