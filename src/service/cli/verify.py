"""`consentry verify`: what a stranger runs. No database, no network, no data folder."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from audit.verify import verify as check
from service.cli import files
from service.cli.command import Answer, command, group
from service.cli.desk import Desk
from service.console import Exit

app = group("verify", "Check a released file, offline.")


@command(app, "verify")
def verify(
    desk: Desk,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The video.")],
    *,
    receipt: Annotated[Path, typer.Option(metavar="FILE", help="Its receipt.")],
    vkey: Annotated[Path, typer.Option(metavar="FILE", help="The log's public key, from who you trust.")],
    trust: Annotated[Path, typer.Option(metavar="PEM", help="The C2PA root, from who you trust.")],
    witnesses: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A tlog-policy, from who you trust: the log, its witnesses, and which of them are a quorum. "
            "Without it a receipt that witnesses have cosigned is refused.",
        ),
    ] = None,
) -> Answer:
    """Check a released file with its receipt and public keys alone. Exit 0 is yes, 1 is no."""
    verdict = check(
        files.checked(file),
        files.read_bytes(receipt),
        files.read_text(vkey).strip(),
        files.read_text(trust),
        desk.now(),
        witnesses=None if witnesses is None else files.read_text(witnesses),
    )
    for step in verdict.steps:
        word = "[green]yes[/]" if step.ok else "[bold red]no [/]"
        desk.voice.say(f"  {word} {step.name:8} {escape(step.detail)}\n               {escape(step.zh)}")
    for note in verdict.notes:
        desk.voice.say(f"  [dim]note[/]         {escape(note.detail)}\n               {escape(note.zh)}")
    answer = "[bold green]yes 验证通过[/]" if verdict.ok else "[bold red]no 验证未通过[/]"
    desk.voice.say(f"{answer} {escape(file.name)}")
    return Answer(
        {
            "verdict": "verified" if verdict.ok else "refused",
            "steps": [
                {"step": str(step.name), "ok": step.ok, "detail": step.detail, "detail_zh": step.zh}
                for step in verdict.steps
            ],
            "notes": [{"detail": note.detail, "detail_zh": note.zh} for note in verdict.notes],
        },
        Exit.OK if verdict.ok else Exit.NO,
    )
