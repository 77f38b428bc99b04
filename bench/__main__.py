"""`python -m bench`: measure every row, print them as they come, write results and the page about them."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from bench import decisions, scans, shares
from bench.clips import ROOT
from bench.row import Row

RESULTS = ROOT / "bench" / "results.json"
GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "scan": scans.rows,
    "share": shares.rows,
    "gate": decisions.rows,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"only these of {', '.join(GROUPS)}; nothing is written")
    chosen = parser.parse_args(arguments).groups
    console = Console(highlight=False)
    measured = []
    for name in chosen or GROUPS:
        for row in GROUPS[name]():
            measured.append(row)
            _say(console, row)
    return 0 if all(row.holds for row in measured) else 1


def _say(console: Console, row: Row) -> None:
    v=row.to_json()
    console.print({k:v[k] for k in ('name','unit','ours','reference','ratio','bound','holds','runs')})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
