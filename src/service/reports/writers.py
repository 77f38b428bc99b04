"""Two files written line by line: JSON Lines and CSV. Whatever the period, one line is in memory."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from unicodedata import normalize

from audit.canonical import canonical
from audit.durable import disk
from service.reports.lives import Life
from service.reports.rows import COLUMNS, Row

_FORMULA = ("=", "+", "-", "@")
"""A cell that begins so is a formula to a spreadsheet. Labels are the operator's, and may be anybody's."""
_CONTROL = ("\t", "\r", "\n")
"""Dropped by some at a cell's beginning, and then what follows is looked at."""
_BETWEEN = "; "


class Lines:
    """Where lines go."""

    def __init__(self, rows: IO[bytes], table: IO[str], permits: IO[bytes]) -> None:
        self._rows, self._permits = rows, permits
        self._table = csv.writer(table, lineterminator="\r\n")
        self._table.writerow(COLUMNS)

    def row(self, row: Row) -> None:
        """One line of processing, to both files."""
        value = row.json()
        self._rows.write(canonical(value) + b"\n")
        self._table.writerow([cell(value[name]) for name in COLUMNS])

    def life(self, life: Life) -> None:
        """One permit."""
        self._permits.write(canonical(life.json()) + b"\n")


ROWS, TABLE, PERMITS = "processing.jsonl", "processing.csv", "permits.jsonl"


@contextmanager
def lines(folder: Path) -> Iterator[Lines]:
    """New files in a folder of ours. Raises `DiskFull`, `DiskFailed`."""
    with (
        disk(folder),
        (folder / ROWS).open("xb") as rows,
        # RFC 4180, and a mark by which spreadsheets know UTF-8.
        (folder / TABLE).open("x", encoding="utf-8-sig", newline="") as table,
        (folder / PERMITS).open("xb") as permits,
    ):
        yield Lines(rows, table, permits)


def cell(value: object) -> str:
    """A value as a cell that no spreadsheet runs: lists with semicolons, formulas behind an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _BETWEEN.join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if isinstance(value, int):
        return text
    # As East Asian spreadsheets read it: a full-width sign is the sign.
    plain = normalize("NFKC", text)
    return f"'{text}" if plain.startswith(_CONTROL) or plain.lstrip().startswith(_FORMULA) else text
