"""One line of `results.json`: what was measured against what, and whether it holds."""

import operator
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

_OPS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """What `ratio` has to keep to."""

    op: str
    value: float

    def holds(self, ratio: float) -> bool:
        return _OPS[self.op](ratio, self.value)


@dataclass(frozen=True, slots=True)
class Promise:
    """A row before it is measured."""

    name: str
    what: str
    unit: str
    bound: Bound
    how: str

    def missing(self, why: str) -> "Row":
        """What could not be measured does not hold."""
        return Row(self, None, None, None, 0, f"{self.how} NOT MEASURED: {why}")

    def kept(self, ours: Sequence[float], reference: Sequence[float]) -> "Row":
        """The medians of both sides, one value a round each."""
        mine, theirs = median(ours), median(reference)
        return Row(self, mine, theirs, mine / theirs, len(ours), self.how)

    def within(self, ours: Sequence[float], limit: float) -> "Row":
        """The median against an absolute limit."""
        return self.kept(ours, [limit])


@dataclass(frozen=True, slots=True)
class Row:
    """A measured promise."""

    promise: Promise
    ours: float | None
    reference: float | None
    ratio: float | None
    runs: int
    how: str
    series: Sequence[tuple[float, float]] = ()
    """What is plotted: x and y."""
    across: str = ""
    """What x is."""

    @property
    def holds(self) -> bool:
        return self.ratio is not None and self.promise.bound.holds(self.ratio)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.promise.name,
            "what": self.promise.what,
            "unit": self.promise.unit,
            "ours": _short(self.ours),
            "reference": _short(self.reference),
            "ratio": _short(self.ratio),
            "bound": {"op": self.promise.bound.op, "value": self.promise.bound.value},
            "holds": self.holds,
            "runs": self.runs,
            "how": self.how,
            "machine": machine(),
            **(
                {"across": self.across, "series": [[x, _short(y)] for x, y in self.series]}
                if self.series
                else {}
            ),
        }


def machine() -> dict[str, Any]:
    """What it ran on."""
    return {"cpu": _model(), "cores": os.cpu_count(), "python": platform.python_version()}


def _model() -> str:
    try:
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123  (one line of a pseudo-file)
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
