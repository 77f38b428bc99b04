"""The table in `docs/benchmarks.md`, made from the results so that the two can't disagree. Pure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """What ran, on what, and how it came out."""
    machines = sorted({_machine(row["machine"]) for row in results})
    lines = [
        f"Measured on {'; '.join(machines)}.",
        "",
        "| row | what | unit | ours | reference | ratio | bound | holds | runs |",
        "|---|---|---|--:|--:|--:|---|---|--:|",
    ]
    lines += [
        f"| `{row['name']}` | {row['what']} | {row['unit']} | {figure(row['ours'])} | "
        f"{figure(row['reference'])} | {figure(row['ratio'])} | {_bound(row)} | "
        f"{'yes' if row['holds'] else '**no**'} | {row['runs']} |"
        for row in results
    ]
    return "\n".join([*lines, "", *[f"- `{row['name']}`: {row['how']}" for row in results]])


def rewritten(page: str, results: Sequence[Mapping[str, Any]]) -> str:
    """`page` with the table of these results between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"


def figure(value: float | None) -> str:
    """Three digits; a dash for what was not measured."""
    return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _bound(row: Mapping[str, Any]) -> str:
    return f"{row['bound']['op']} {row['bound']['value']:g}"


def _machine(machine: Mapping[str, Any]) -> str:
    return f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"
