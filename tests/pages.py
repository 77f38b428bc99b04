"""Pages whose blocks are run as they stand: every `sh` block in one shell, in order, and what it answers.

A `json` or `text` block after an `sh` block is what that one prints. Ids, digests and instants differ each
time; `…` stands for what was left out, in an object for its other fields. Of a text, the lines shown must
come in this order; others may come between.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shell import MAIN

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OTHERS = re.compile(r",\s*…\s*}")
_CHANGING = re.compile(
    r"(?P<some>[0-9a-f]{8,}…)|(?P<any>…)|(?P<instant>\d{4}-\d\d-\d\dT[\d:.]+Z)|(?P<hex>\b[0-9a-f]{16,}\b)"
)


@dataclass(frozen=True)
class Block:
    """An `sh` block, and the block that says what it prints."""

    number: int
    script: str
    kind: str | None = None
    answer: str = ""


def blocks(page: str) -> list[Block]:
    """The page's blocks. Fails for a fence that would neither be run nor compared."""
    found = list[Block]()
    fences = _FENCE.findall(page)
    assert page.count("```") == 2 * len(fences), (
        "a fence of this page is not closed, or not at a line's begin"
    )
    for kind, text in fences:
        if kind == "sh":
            found.append(Block(len(found), text))
        else:
            assert kind in {"json", "text"}, f"nothing runs a block of kind {kind!r}"
            assert found, "an answer before the first block"
            assert found[-1].kind is None, f"two answers to one block:\n{text}"
            found[-1] = Block(found[-1].number, found[-1].script, kind, text)
    return found


def run(found: list[Block], folder: Path, environment: Mapping[str, str], seconds: float) -> list[str]:
    """Run all blocks in one shell that stops at the first error: what each printed."""
    made = folder / ".blocks"
    made.mkdir()
    lines = ["set -euo pipefail"]
    for block in found:
        (made / f"{block.number}.sh").write_text(block.script)
        name = shlex.quote(f"{made}/{block.number}")
        lines.append(f". {name}.sh > {name}.out 2> {name}.err")
    (made / "all.sh").write_text("\n".join(lines) + "\n")
    shell = subprocess.Popen(
        ["bash", made / "all.sh"], cwd=folder, env={**os.environ, **environment}, start_new_session=True
    )
    try:
        code = shell.wait(seconds)
    finally:
        _kill(shell.pid)
    begun = [block for block in found if (made / f"{block.number}.out").exists()]
    last = begun[-1]
    said = "".join((made / f"{last.number}.{what}").read_text() for what in ("out", "err"))
    assert code == 0, f"exit code {code} in:\n{last.script}\nwhich said:\n{said}"
    assert begun == found, "a block was not run"
    return [(made / f"{block.number}.out").read_text() for block in found]


def tools(folder: Path) -> Path:
    """A folder for PATH: `consentry`, `python3` and `curl`, all of this Python and these sources."""
    path = os.pathsep.join(part for part in sys.path if part)
    ours = f"PYTHONPATH={shlex.quote(path)} exec {shlex.quote(sys.executable)}"
    folder.mkdir()
    for name, rest in {
        "python3": "",
        "consentry": f"-c {shlex.quote(MAIN)}",
        "curl": shlex.quote(str(Path(__file__).with_name("curl.py"))),
    }.items():
        tool = folder / name
        tool.write_text(f'#!/bin/sh\n{ours} {rest} "$@"\n')
        tool.chmod(0o755)
    return folder


def differences(block: Block, came: str) -> Iterator[str]:
    """Where what came is not what the page shows."""
    if block.kind == "json":
        shown = json.loads(_OTHERS.sub(', "…": null}', block.answer))
        yield from _unlike(shown, json.loads(came), "answer")
    elif block.kind == "text":
        left = iter(came.splitlines())
        for line in block.answer.splitlines():
            wanted = _pattern(line)
            if not any(wanted.fullmatch(one.rstrip()) for one in left):
                yield f"expected the line {line!r}, in:\n{came}"
                return


def _unlike(shown: object, came: object, where: str) -> Iterator[str]:
    if isinstance(shown, dict) and isinstance(came, dict):
        others = came.keys() - shown.keys() if "…" in shown else set[str]()
        if shown.keys() - {"…"} != came.keys() - others:
            yield f"{where}: shown with {sorted(shown)}, came with {sorted(came)}"
        for name in shown.keys() & came.keys():
            yield from _unlike(shown[name], came[name], f"{where}.{name}")
    elif isinstance(shown, list) and isinstance(came, list):
        if len(shown) != len(came):
            yield f"{where}: shown with {len(shown)}, came with {len(came)}"
        for index, (one, other) in enumerate(zip(shown, came, strict=False)):
            yield from _unlike(one, other, f"{where}[{index}]")
    elif isinstance(shown, str) and isinstance(came, str):
        if not _pattern(shown).fullmatch(came):
            yield f"{where}: shown {shown!r}, came {came!r}"
    elif shown != came or type(shown) is not type(came):
        yield f"{where}: shown {shown!r}, came {came!r}"


def _pattern(shown: str) -> re.Pattern[str]:
    parts, at = list[str](), 0
    for found in _CHANGING.finditer(shown):
        parts.append(re.escape(shown[at : found.start()]))
        match found.lastgroup:
            case "some":
                parts.append("[0-9a-f]{16,}…?")
            case "any":
                parts.append(".*")
            case "instant":
                parts.append(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
            case _:
                parts.append(f"[0-9a-f]{{{len(found.group())}}}")
        at = found.end()
    return re.compile("".join([*parts, re.escape(shown[at:])]), re.DOTALL)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
