"""What people and machines read: rich on a terminal, one JSON value with `--json`, errors with hints.

Exit codes: 0 done or permitted; 1 the answer is no (refusal, hold, failed verification);
2 usage; 3 bad input; 4 stored data disagrees with itself; 5 the deployment is not ready;
70 a bug of ours; 130 cancelled.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from audit.canonical import Json
from audit.errors import BadInput, ConsentryError, Diverged, Unready


class Exit(IntEnum):
    """What the shell gets."""

    OK = 0
    NO = 1
    USAGE = 2
    BAD_INPUT = 3
    DIVERGED = 4
    UNREADY = 5
    BUG = 70
    CANCELLED = 130


def exit_code(error: ConsentryError) -> Exit:
    """Which family an error belongs to."""
    match error:
        case BadInput():
            return Exit.BAD_INPUT
        case Diverged():
            return Exit.DIVERGED
        case Unready():
            return Exit.UNREADY
        case _:
            return Exit.UNREADY


@dataclass(frozen=True, slots=True)
class Voice:
    """How this run speaks: `machine` prints one JSON value on stdout and nothing else there."""

    machine: bool
    out: Console
    err: Console

    @classmethod
    def open(cls, *, machine: bool) -> "Voice":
        """Speak on this process's streams."""
        return cls(machine, Console(highlight=False), Console(stderr=True, highlight=False))

    def say(self, text: str) -> None:
        """A line for people; silent with `--json`. Rich markup is honoured, so escape what is foreign.

        Long lines are the terminal's to wrap: what is broken here can't be copied.
        """
        if not self.machine:
            self.out.print(text, soft_wrap=True)

    def hint(self, *commands: str) -> None:
        """The command, or commands, to run next."""
        for command in commands:
            self.say(f"[dim]next:[/] {escape(command)}")

    def command(self, line: str) -> None:
        """A command to copy: never wrapped, never interpreted."""
        if not self.machine:
            self.out.print(line, markup=False, soft_wrap=True)

    def raw(self, text: str) -> None:
        """A text that is meant to be kept byte for byte; silent with `--json`."""
        if not self.machine:
            sys.stdout.write(text)

    def show(self, table: Table) -> None:
        """A table for people."""
        if not self.machine:
            self.out.print(table)

    def answer(self, value: Mapping[str, Json]) -> None:
        """The one JSON value of `--json`."""
        if self.machine:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def fail(self, error: ConsentryError) -> Exit:
        """Show an error in both languages with what to do about it."""
        if self.machine:
            self.answer({"ok": False, "error": describe(error)})
        else:
            self.err.print(f"[bold red]{error.code}[/]: {escape(str(error))}", soft_wrap=True)
            if error.zh:
                self.err.print(f"  {escape(error.zh)}", soft_wrap=True)
            for hint in (error.hint, error.hint_zh):
                if hint:
                    self.err.print(f"  hint: {escape(hint)}", soft_wrap=True)
        return exit_code(error)

    @contextmanager
    def progress(self, label: str) -> Iterator["Bar"]:
        """A bar for long work; silent with `--json` and where stdout is no terminal."""
        bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=self.out,
            transient=True,
            disable=self.machine or not self.out.is_terminal,
        )
        with bar:
            yield Bar(bar, bar.add_task(label, total=None))


class Bar:
    """Progress as the pipeline reports it: done of total."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def __call__(self, done: int, total: int | None) -> None:
        """Report `done` of `total`; an unknown total is None."""
        self._progress.update(self._task, completed=done, total=total)


def describe(error: ConsentryError) -> Mapping[str, Json]:
    """An error for machines."""
    return {
        "code": error.code,
        "message": str(error),
        "message_zh": error.zh,
        "hint": error.hint,
        "hint_zh": error.hint_zh,
    }
