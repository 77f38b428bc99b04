"""`python -m bench`: measure every row, print each as it comes, write the results and the page's table.

With names of groups only these are measured, and nothing is written. Exit code 1 if a row does not hold.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench import (
    appending,
    decisions,
    extras,
    facts,
    intake,
    jobs,
    large,
    neural,
    rules,
    scans,
    serving,
    shares,
)
from bench.page import PAGE, RESULTS, figure, rewritten
from bench.plot import svg
from bench.row import Row

GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "scan": scans.rows,
    "share": shares.rows,
    "gate": decisions.rows,
    "rules": rules.rows,
    "log": facts.rows,
    "append": appending.rows,
    "large": large.rows,
    "serve": serving.rows,
    "intake": intake.rows,
    "job": jobs.rows,
    "extra": extras.rows,
    "neural": neural.rows,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"any of {', '.join(GROUPS)}")
    chosen = parser.parse_args(arguments).groups
    if unknown := set(chosen) - GROUPS.keys():
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    console = Console(highlight=False)
    rows = list(_measured(console, chosen or list(GROUPS)))
    if not chosen:
        results = [row.to_json() for row in rows]
        RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
        PAGE.write_text(rewritten(PAGE.read_text(), results))
        for result in results:
            if "series" in result:
                PAGE.with_name(f"{result['name']}.svg").write_text(svg(result))
    broken = [row.promise.name for row in rows if not row.holds]
    console.print(f"[red]does not hold: {', '.join(broken)}[/]" if broken else "[green]every row holds[/]")
    return 1 if broken else 0


def _measured(console: Console, groups: Sequence[str]) -> Iterator[Row]:
    for name in groups:
        with console.status(f"measuring {name}"):
            for row in GROUPS[name]():
                _print(console, row)
                yield row


def _print(console: Console, row: Row) -> None:
    said = row.to_json()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for width in (24, 10, 10, 8, 8, 7):
        table.add_column(width=width)
    bound = f"{row.promise.bound.op} {row.promise.bound.value:g}"
    holds = "[green]holds[/]" if row.holds else "[red]BROKEN[/]"
    figures = (figure(said["ours"]), figure(said["reference"]), figure(said["ratio"]))
    table.add_row(f"[bold]{row.promise.name}[/]", *figures, bound, holds)
    console.print(table)
    console.print(f"  [dim]{escape(row.promise.what)}, {escape(row.promise.unit)}[/]")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
